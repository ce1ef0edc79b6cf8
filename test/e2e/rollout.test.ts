import { spawnSync } from "node:child_process";
import { cpSync, readFileSync, readdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { expect, test } from "vitest";

import { BASE_FUNCTION_NAMES } from "#shared/functions.ts";

import { listTasks } from "../../chaos/account.ts";
import { build } from "./build.ts";
import { platformsOnly } from "./edge.ts";
import {
  JOB,
  NONE,
  functionProcesses,
  jobsFolder,
  root,
  startPlatform,
  temporaryFolder,
  until,
  withFunction,
} from "./lossi.ts";
import type { Platform } from "./lossi.ts";

platformsOnly("manifests are changed under a platform");

const visitor = () => withFunction("visitor", join(import.meta.dirname, "functions/visitor.cjs"));
const wait = async (lossi: Platform, ms: number) => {
  const { status, text } = await lossi.call("GET", `/?wait=${ms}`, undefined, { host: "visitor.lossi.localhost" });
  return `${status} ${text}`;
};

/** Changes the template in the manifests, which the platform watches. */
function changeTemplate(manifests: string, from: string, to: string, name = "visitor"): void {
  const file = join(manifests, name, "service.yaml");
  const text = readFileSync(file, "utf8");
  expect(text).toContain(from);
  writeFileSync(file, text.replace(from, to));
}

const processes = (lossi: Platform): number[] =>
  functionProcesses(lossi.home).flatMap(({ name, pid }) => (name === "visitor" ? [pid] : []));

test("a request of 20 s survives scale-down and a roll-out", async () => {
  const options = visitor();
  changeTemplate(
    options.manifests as string,
    "    metadata:\n",
    '    metadata:\n      annotations:\n        autoscaling.knative.dev/window: "6s"\n        autoscaling.knative.dev/target: "1"\n',
  );
  const lossi = await startPlatform(options);
  // Several at once ask for several instances; the others of them are put to sleep while one request goes on.
  const [long] = [wait(lossi, 20_000), wait(lossi, 10), wait(lossi, 10), wait(lossi, 10)];
  await until(() => processes(lossi).length > 1);
  await new Promise((done) => setTimeout(done, 8000));
  changeTemplate(options.manifests as string, "timeoutSeconds: 60", "timeoutSeconds: 61");
  await until(() => lossi.output().includes("visitor-00002 takes over from visitor-00001"));
  expect(await wait(lossi, 0)).toBe("200 visitor-00002");
  expect(await long).toBe("200 visitor-00001");
  await until(() => processes(lossi).length === 0, 60);
});

test("a roll-out under 50 requests a second fails none", async () => {
  const options = visitor();
  const lossi = await startPlatform(options);
  const answers: Promise<string>[] = [];
  const load = setInterval(() => answers.push(wait(lossi, 30).catch(String)), 20);
  for (const seconds of [61, 62, 63]) {
    await until(() => answers.length > (seconds - 60) * 60);
    changeTemplate(options.manifests as string, `timeoutSeconds: ${seconds - 1}`, `timeoutSeconds: ${seconds}`);
    await until(() => lossi.output().includes(`takes over from visitor-0000${seconds - 60}`));
  }
  const sent = answers.length;
  await until(() => answers.length > sent + 50);
  clearInterval(load);
  const counts = Map.groupBy(await Promise.all(answers), (answer) => answer);
  expect([...counts.keys()].toSorted()).toEqual([1, 2, 3, 4].map((n) => `200 visitor-0000${n}`));
});

test("manifests that are wrong change nothing, and say so; a Service may come and go", async () => {
  const options = visitor();
  const lossi = await startPlatform(options);
  expect(await wait(lossi, 0)).toBe("200 visitor-00001");
  changeTemplate(options.manifests as string, "timeoutSeconds", "timeoutSecond");
  await until(() => lossi.output().includes("did you mean timeoutSeconds?"));
  expect(await wait(lossi, 0)).toBe("200 visitor-00001");
  changeTemplate(options.manifests as string, "timeoutSecond", "timeoutSeconds");
  const file = join(options.manifests as string, "visitor/service.yaml");
  const text = readFileSync(file, "utf8");
  writeFileSync(file, text.replaceAll("name: visitor", "name: other"));
  const other = () => lossi.call("GET", "/?wait=0", undefined, { host: "other.lossi.localhost" });
  await until(async () => (await other()).text === "other-00001");
  // The name leads nowhere of its own any more, so to the edge like any other.
  const gone = await lossi.call("GET", "/nothing", undefined, { host: "visitor.lossi.localhost" });
  expect([gone.status, gone.json.message]).toEqual([404, "nothing answers GET /nothing"]);
});

test("links that lead nowhere, among manifests or beside what was applied, end nothing", async () => {
  const options = visitor();
  const manifests = options.manifests as string;
  const link = (folder: string, name: string): void => symlinkSync(name, join(folder, name));
  link(manifests, "before");
  const lossi = await startPlatform(options);
  link(join(manifests, "visitor"), "later");
  link(join(lossi.home, "applied"), "later.yaml");
  await until(() => lossi.output().includes("later.yaml: ELOOP"));
  changeTemplate(manifests, "timeoutSeconds: 60", "timeoutSeconds: 61");
  await until(async () => (await wait(lossi, 0)) === "200 visitor-00002");
});

/** The project as the commit before this one has it, built; `null` where there is no history. */
function previousCommit(): string | null {
  const folder = temporaryFolder();
  const archive = spawnSync("git", ["archive", "HEAD~1"], { cwd: root, maxBuffer: 2 ** 30 });
  if (archive.status !== 0) return null;
  spawnSync("tar", ["-x"], { cwd: folder, input: archive.stdout });
  symlinkSync(join(root, "node_modules"), join(folder, "node_modules"));
  build(folder);
  return folder;
}

test("an upgrade from the commit before, manifests and functions, with 200 tasks in flight loses none", async (context) => {
  const previous = previousCommit();
  if (previous === null) return context.skip("this checkout has no commit before");
  const [functions, manifests] = [temporaryFolder(), temporaryFolder()];
  cpSync(join(previous, "dist"), functions, { recursive: true });
  cpSync(join(previous, "knative/base"), manifests, { recursive: true });
  const lossi = await startPlatform({ functions, manifests });
  await lossi.call("POST", "/setup/config/init", NONE);
  const submit = async (): Promise<string> =>
    (await lossi.call("POST", "/interaction/orch/submit/none", JOB)).json.output;
  const accepted = await Promise.all(Array.from({ length: 200 }, submit));

  cpSync(join(root, "dist"), functions, { recursive: true });
  cpSync(join(root, "knative/base"), manifests, { recursive: true });
  for (const name of BASE_FUNCTION_NAMES)
    changeTemplate(manifests, "containerConcurrency: 100", "containerConcurrency: 99", name);
  await until(() => lossi.output().includes("orchestration-00002 takes over"), 60);
  await submit();
  const tasks = await until(async () => {
    const all = await listTasks(lossi.url);
    return all.length === 201 && all.every(({ status }) => status === "SUCCESS") ? all : null;
  }, 60);
  expect(accepted.filter((id) => tasks.every((task) => task.id !== id))).toEqual([]);
  const jobs = readdirSync(jobsFolder(lossi.home)).map(Number);
  expect(jobs.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 201 }, (_, index) => index + 1));
});
