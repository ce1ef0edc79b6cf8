/** Builds what `npm start` and the image run: `dist/<function>.cjs`, one minified file each, the platform, what `/docs` shows,
 * and the command `dist/lossi.mjs`. `--watch` rebuilds; `--modules FILE` writes down which source files went into what
 * functions load. */
import { chmodSync, copyFileSync, cpSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";

import { build, watch } from "rolldown";
import type { BuildOptions } from "rolldown";

import { readApis, renderOpenApi } from "./api/openapi.ts";

const root = import.meta.dirname;
const shared = { platform: "node", cwd: root } as const;

/** Heavy clients, each one file that all functions share, and load when they need it. */
const clients = {
  [resolve(root, "shared/store/aws-sdk.ts")]: "aws-sdk.mjs",
  [resolve(root, "shared/state/ioredis.ts")]: "ioredis.mjs",
};
const paths = Object.fromEntries(Object.entries(clients).map(([source, file]) => [source, `./${file}`]));

/** CommonJS, because Node starts it sooner. */
const functions: BuildOptions[] = readdirSync(resolve(root, "functions")).map((name) => ({
  ...shared,
  input: resolve(root, "functions", name, "main.ts"),
  external: Object.keys(clients),
  output: {
    file: resolve(root, "dist", `${name}.cjs`),
    format: "cjs",
    minify: true,
    codeSplitting: false,
    paths,
  },
}));

const bundledClients: BuildOptions[] = Object.entries(clients).map(([source, file]) => ({
  ...shared,
  input: source,
  output: { file: resolve(root, "dist", file), format: "esm", minify: true, codeSplitting: false },
}));

/** The monitor's page: its script for browsers, and the files beside it. */
const browser = resolve(root, "functions/monitor/browser");
const page: BuildOptions = {
  ...shared,
  platform: "browser",
  input: join(browser, "page.ts"),
  output: { file: resolve(root, "dist/monitor/page.js"), format: "esm", minify: true, codeSplitting: false },
};
const copyPage = (): void => {
  for (const name of ["page.css", "icon.svg"]) cpSync(join(browser, name), resolve(root, "dist/monitor", name));
};

/** Bundled as well: Node's own reading of TypeScript would stay in the platform's memory. */
const platform: BuildOptions = {
  ...shared,
  input: resolve(root, "platform/main.ts"),
  output: { file: resolve(root, "dist/platform.mjs"), format: "esm", codeSplitting: false },
};

/** What `/openapi.json` and `/docs` answer; of swagger-ui no more than the page loads, and its licence. */
async function buildDocs(): Promise<void> {
  const docs = resolve(root, "dist/docs");
  mkdirSync(docs, { recursive: true });
  writeFileSync(resolve(root, "dist/openapi.json"), JSON.stringify(renderOpenApi(await readApis())));
  const copy = (folder: string, files: string[]): void =>
    files.forEach((file) => copyFileSync(resolve(root, folder, file), resolve(docs, file)));
  copy("functions/monitor/docs", ["index.html", "start.js"]);
  copy("node_modules/swagger-ui-dist", ["swagger-ui-bundle.js", "swagger-ui.css", "LICENSE", "NOTICE"]);
}

/** Loads SQLite when a file is opened: an older Node has none, and `lossi doctor` shall be able to say so. */
const LATE_SQLITE = `export function DatabaseSync(...given) {
  return new (process.getBuiltinModule("node:sqlite").DatabaseSync)(...given);
}`;

/** The command `lossi`: this one file, wherever there is Node. */
const command: BuildOptions = {
  ...shared,
  input: resolve(root, "cli/main.ts"),
  plugins: [
    {
      name: "late-sqlite",
      resolveId: (id) => (id === "node:sqlite" ? "\0late-sqlite" : null),
      load: (id) => (id === "\0late-sqlite" ? LATE_SQLITE : null),
    },
  ],
  output: {
    file: resolve(root, "dist/lossi.mjs"),
    format: "esm",
    minify: true,
    codeSplitting: false,
    banner: "#!/usr/bin/env node",
  },
};

if (process.argv.includes("--watch")) {
  copyPage();
  watch([page, ...functions]).on("event", (event) => {
    if (event.code === "ERROR") console.error(event.error.message);
  });
} else {
  await buildDocs();
  const [, , ...built] = await Promise.all(
    [platform, command, page, ...bundledClients, ...functions].map((bundle) => build(bundle)),
  );
  chmodSync(resolve(root, "dist/lossi.mjs"), 0o755);
  copyPage();
  const option = process.argv.indexOf("--modules");
  const file = process.argv[option + 1];
  if (option > 0 && file !== undefined) {
    const chunks = built.flatMap(({ output }) => output).filter((part) => part.type === "chunk");
    const copied = resolve(root, "node_modules/swagger-ui-dist/swagger-ui-bundle.js");
    writeFileSync(
      file,
      JSON.stringify([...new Set([...chunks.flatMap((chunk) => chunk.moduleIds), copied])].toSorted()),
    );
  }
}
