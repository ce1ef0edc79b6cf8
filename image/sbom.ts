/**
 * Prints the image's bill of materials, CycloneDX 1.6: the packages whose source is in the bundles, Node with what it
 * contains, and the Debian packages of its libraries. Arguments: the bundles' modules (JSON), "name version architecture" lines.
 */
import { readFileSync } from "node:fs";

type Component = {
  type: "library" | "platform";
  name: string;
  version: string;
  purl: string;
  "bom-ref": string;
  licenses?: { expression: string }[];
};

const [modules = "", debian = ""] = process.argv.slice(2).map((file) => readFileSync(file, "utf8"));
const own = JSON.parse(readFileSync("package.json", "utf8")) as { name: string; version: string; license: string };

const component = (
  type: Component["type"],
  name: string,
  version: string,
  purl: string,
  license?: string,
): Component => ({
  type,
  name,
  version,
  purl,
  "bom-ref": purl,
  ...(license === undefined ? {} : { licenses: [{ expression: license }] }),
});

function packages(): Component[] {
  const folders = (JSON.parse(modules) as string[]).map((id) => /^.*\/node_modules\/(?:@[^/]+\/)?[^/]+/.exec(id)?.[0]);
  return [...new Set(folders)].flatMap((folder) => {
    if (folder === undefined) return [];
    const { name, version, license } = JSON.parse(readFileSync(`${folder}/package.json`, "utf8")) as typeof own;
    return [component("library", name, version, `pkg:npm/${name.replace("@", "%40")}@${version}`, license)];
  });
}

function node(): Component[] {
  const { node: version, ...contents } = process.versions;
  return [
    component("platform", "node", version, `pkg:generic/node@${version}`, "MIT"),
    ...Object.entries(contents)
      // Numbers of interfaces, and dates of tables, not of programs.
      .filter(([name]) => !["modules", "napi", "cldr", "tz", "unicode"].includes(name))
      .map(([name, its = ""]) => component("library", name, its, `pkg:generic/${name}@${encodeURIComponent(its)}`)),
  ];
}

const libraries = debian
  .trim()
  .split("\n")
  .map((line) => {
    const [name = "", version = "", architecture = ""] = line.split(" ");
    const purl = `pkg:deb/debian/${encodeURIComponent(name)}@${encodeURIComponent(version)}?arch=${architecture}`;
    return component("library", name, version, purl);
  });

const bill = {
  bomFormat: "CycloneDX",
  specVersion: "1.6",
  version: 1,
  metadata: {
    component: { type: "application", "bom-ref": own.name, name: own.name, version: own.version },
  },
  components: [...packages(), ...node(), ...libraries].toSorted((a, b) => (a.purl < b.purl ? -1 : 1)),
};
process.stdout.write(`${JSON.stringify(bill, null, 2)}\n`);
