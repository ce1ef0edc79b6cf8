// Installs the packages when the lock file is newer than what is installed, so that `npm start` and `npm test`
// work on a fresh clone. Plain JavaScript: the machine's own Node, whatever its age, has to run it.
import { spawnSync } from "node:child_process";
import { statSync } from "node:fs";

const changed = (path) => statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0;

if (changed("package-lock.json") > changed("node_modules/.package-lock.json")) {
  const { status } = spawnSync("npm", ["ci", "--no-audit", "--no-fund"], { stdio: "inherit", shell: true });
  process.exit(status ?? 1);
}
