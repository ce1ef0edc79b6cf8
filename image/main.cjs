// The image's entry point: the container's one argument names the function, as `args: ["setup"]` in the manifests does.
const { readFileSync, readdirSync } = require("node:fs");

const [name] = process.argv.slice(2);
const files = `${__dirname}/functions`;

if (name === "sbom") {
  process.stdout.write(readFileSync(`${__dirname}/sbom.json`));
} else if (readdirSync(files).includes(`${name}.cjs`)) {
  require(`${files}/${name}.cjs`);
} else {
  const known = readdirSync(files)
    .filter((file) => file.endsWith(".cjs"))
    .map((file) => file.slice(0, -".cjs".length));
  process.stderr.write(
    `expected the name of a function, or sbom; got ${name ?? "nothing"}. There are ${known.join(", ")}\n`,
  );
  process.exit(64);
}
