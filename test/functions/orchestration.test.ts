import { expect, test } from "vitest";

import { placeObjects } from "#shared/objects/place.ts";
import { restoreFlags, setFlag } from "#shared/jobs/flags.ts";
import { BUILT_IN_TEMPLATE, layOver, rewrite } from "#shared/jobs/object.ts";
import { parseSubmission } from "#shared/jobs/request.ts";
import { inTrace } from "#shared/trace.ts";

import { begun, deps } from "./deps.ts";
import type { TestDeps } from "./deps.ts";

const BUCKET = "p-submitter-i-u";
const PLACE = { bucket: BUCKET, prefix: "JOBS/" };

const bodies = (...texts: string[]) => texts.map((text) => Buffer.from(text));

async function ready(): Promise<TestDeps> {
  const all = deps();
  await all.store.createBucket(BUCKET);
  return all;
}

const names = async ({ store }: TestDeps) =>
  (await store.list(BUCKET, { prefix: "JOBS/" })).objects.map(({ key }) => key);
const read = async ({ store }: TestDeps, key: string) =>
  JSON.parse(new TextDecoder().decode((await store.get(BUCKET, key))?.body));

test("placeObjects: the first key follows the largest decimal under JOBS/, whatever else is there", async () => {
  const all = await ready();
  for (const key of ["JOBS/status-template", "JOBS/7", "JOBS/007x", "JOBS/9/deep", "OTHER/99"])
    await all.store.put(BUCKET, key, "{}");
  expect(await placeObjects(bodies("{}", "{}"), PLACE, await begun(all, "t"), all)).toEqual([8, 9]);
});

test("placeObjects: a repeat after a crash finds its own objects and adds what is missing", async () => {
  const all = await ready();
  const lease = await begun(all, "t");
  const numbers = await all.ledger.reserve(lease, `${BUCKET}/JOBS`, 1, 3);
  await all.store.put(BUCKET, `JOBS/${numbers?.[1]}`, '"second"', {
    metadata: { version: "1", task: "t", "task-part": "1" },
  });
  expect(await placeObjects(bodies('"first"', '"second"', '"third"'), PLACE, lease, all)).toEqual([1, 2, 3]);
  expect(await Promise.all(["JOBS/1", "JOBS/2", "JOBS/3"].map((key) => read(all, key)))).toEqual([
    "first",
    "second",
    "third",
  ]);
});

test("an object names its task and the trace it was written in last, and a writer outside of one leaves that as it is", async () => {
  const all = await ready();
  const within = <T>(id: string, act: () => T): T => inTrace({ traceparent: `00-${id}-00f067aa0ba902b7-01` }, act);
  const [asked, changed] = ["a".repeat(32), "b".repeat(32)];
  const metadata = async () => (await all.store.head(BUCKET, "JOBS/1"))?.metadata;
  await within(asked, async () => placeObjects(bodies("{}"), PLACE, await begun(all, "t"), all));
  const named = (version: string, trace: string) => ({
    version,
    task: "t",
    "task-part": "0",
    traceparent: expect.stringMatching(`^00-${trace}-[0-9a-f]{16}-01$`),
  });
  expect(await metadata()).toEqual(named("1", asked));
  await within(changed, () => rewrite(all.store, BUCKET, "JOBS/1", () => ({ a: 1 })));
  expect(await metadata()).toEqual(named("2", changed));
  await rewrite(all.store, BUCKET, "JOBS/1", () => ({ a: 2 }));
  expect(await metadata()).toEqual(named("3", changed));
});

test("placeObjects: a key that somebody outside took is left alone, and no job is lost over it", async () => {
  const all = await ready();
  const lease = await begun(all, "t");
  await all.ledger.reserve(lease, `${BUCKET}/JOBS`, 1, 2);
  await all.store.put(BUCKET, "JOBS/1", '"foreign"');
  expect(await placeObjects(bodies('"a"', '"b"'), PLACE, lease, all)).toEqual([2, 3]);
  expect(await read(all, "JOBS/1")).toBe("foreign");
  expect([await read(all, "JOBS/2"), await read(all, "JOBS/3")].toSorted()).toEqual(["a", "b"]);
});

test("placeObjects: a worker whose lease passed on puts nothing", async () => {
  const all = await ready();
  const old = await begun(all, "t");
  all.clock.now += 60_000;
  await all.ledger.begin("t", 1000);
  await expect(placeObjects(bodies("{}"), PLACE, old, all)).rejects.toMatchObject({ code: "conflict" });
  expect(await names(all)).toEqual([]);
});

test("layOver: known keys are laid over, unknown ones named, flags and id are the protocol's", () => {
  const job = {
    target: "hpc/puhti",
    name: "a.sh",
    id: "9",
    start: true,
    enviroment: { venv: { name: "v", odd: 1 } },
    odd: 2,
    workflow: [],
  };
  const { object, dropped } = layOver(BUILT_IN_TEMPLATE, job);
  expect(object).toMatchObject({
    target: "hpc/puhti",
    name: "a.sh",
    id: "",
    start: false,
    enviroment: { venv: { name: "v", directory: "" } },
  });
  expect(dropped).toEqual(["id", "start", "enviroment.venv.odd", "odd"]);
  expect(BUILT_IN_TEMPLATE["name"]).toBe("");
});

test("layOver: __proto__ in a request is nothing but an unknown key", () => {
  const { object, dropped } = layOver(
    BUILT_IN_TEMPLATE,
    JSON.parse('{"target":"hpc/a","name":"b","__proto__":{"polluted":1}}'),
  );
  expect(dropped).toEqual(["__proto__"]);
  expect(object).not.toHaveProperty("polluted");
});

test("rewrite: counts the version, keeps other metadata, and begins again when somebody wrote in between", async () => {
  const all = await ready();
  await all.store.put(BUCKET, "k", '{"n":0}', { metadata: { version: "4", task: "t" } });
  let times = 0;
  const outcome = await rewrite(all.store, BUCKET, "k", (fields) => {
    times += 1;
    return { ...fields, mine: true };
  });
  expect([outcome, times]).toEqual(["written", 1]);
  const racing = {
    ...all.store,
    get: async (bucket: string, key: string) => {
      const before = await all.store.get(bucket, key);
      if ((times += 1) === 2) await all.store.put(BUCKET, "k", '{"n":1,"theirs":true}', { metadata: { version: "6" } });
      return before;
    },
  };
  await rewrite(racing, BUCKET, "k", (fields) => ({ ...fields, mine: 2 }));
  expect(await read(all, "k")).toEqual({ n: 1, theirs: true, mine: 2 });
  expect((await all.store.head(BUCKET, "k"))?.metadata).toEqual({ version: "7" });
  expect(await rewrite(all.store, BUCKET, "missing", (fields) => fields)).toBe("missing");
});

test("setFlag: success, checked, stopped, fail; a repeat of the same task is success", async () => {
  const all = await ready();
  await all.store.put(BUCKET, "JOBS/1", JSON.stringify(BUILT_IN_TEMPLATE), { metadata: { version: "1" } });
  const wanted = { bucket: BUCKET, key: "1", flag: "start", task: "a" } as const;
  expect(await setFlag(all, wanted)).toBe("success");
  expect(await setFlag(all, wanted)).toBe("success");
  expect(await setFlag(all, { ...wanted, task: "b" })).toBe("checked");
  expect(await setFlag(all, { ...wanted, key: "2" })).toBe("fail");
  expect((await all.store.head(BUCKET, "JOBS/1"))?.metadata["version"]).toBe("2");
  expect(await read(all, "ARTIFACTS/TIMES/1")).toMatchObject({
    "begin-start": all.clock.now / 1000,
    "begin-cancel": 0,
  });
  await all.store.put(BUCKET, "JOBS/1", JSON.stringify({ ...BUILT_IN_TEMPLATE, stopped: true }));
  expect(await setFlag(all, { ...wanted, flag: "cancel" })).toBe("stopped");
});

test("restoreFlags: sets a wiped flag again until the submitter acted on it", async () => {
  const all = await ready();
  const wipe = (over: object) => all.store.put(BUCKET, "JOBS/1", JSON.stringify({ ...BUILT_IN_TEMPLATE, ...over }));
  await wipe({});
  await setFlag(all, { bucket: BUCKET, key: "1", flag: "start", task: "a" });
  expect(await restoreFlags(all)).toEqual({ wanted: 1, restored: 0, failed: [] });
  await wipe({});
  expect(await restoreFlags(all)).toEqual({ wanted: 1, restored: 1, failed: [] });
  expect(await read(all, "JOBS/1")).toMatchObject({ start: true });
  await wipe({ start: true, ready: true });
  expect(await restoreFlags(all)).toMatchObject({ restored: 0 });
  await wipe({});
  expect(await restoreFlags(all)).toEqual({ wanted: 0, restored: 0, failed: [] });
});

test("restoreFlags: a job that cannot be read is named, and the others do not suffer", async () => {
  const all = await ready();
  for (const key of ["1", "2"]) {
    await all.store.put(BUCKET, `JOBS/${key}`, JSON.stringify(BUILT_IN_TEMPLATE));
    await setFlag(all, { bucket: BUCKET, key, flag: "start", task: key });
  }
  await all.store.put(BUCKET, "JOBS/1", "\u0080 garbage");
  await all.store.put(BUCKET, "JOBS/2", JSON.stringify(BUILT_IN_TEMPLATE));
  expect(await restoreFlags(all)).toEqual({
    wanted: 2,
    restored: 1,
    failed: [expect.stringMatching(/JOBS\/1 is not JSON/)],
  });
  expect(await read(all, "JOBS/2")).toMatchObject({ start: true });
});

test("setFlag: times that cannot be read fail it before anything is wanted", async () => {
  const all = await ready();
  await all.store.put(BUCKET, "JOBS/1", JSON.stringify(BUILT_IN_TEMPLATE));
  await all.store.put(BUCKET, "ARTIFACTS/TIMES/1", "garbage");
  await expect(setFlag(all, { bucket: BUCKET, key: "1", flag: "start", task: "a" })).rejects.toMatchObject({
    code: "rejected",
  });
  expect(await restoreFlags(all)).toMatchObject({ wanted: 0 });
  expect(await read(all, "JOBS/1")).toMatchObject({ start: false });
});

test("parseSubmission: an orchestration becomes a job per path, with names as the submitter knows them", () => {
  const transfer = {
    source: { place: "local", path: "", value: "a" },
    target: { place: "hpc", path: "in/put", value: "b" },
  };
  const { jobs, shape } = parseSubmission({
    name: "o",
    platforms: {
      puhti: {
        configs: { modules: ["gcc"], venv: { name: "v", path: "p", modules: ["m"], packages: ["x"] } },
        files: { send: [{ transfer, overwrite: true }], get: [{ transfer, remove: false }] },
        jobs: [{ path: "one.sh" }, { path: "two.sh" }],
      },
    },
  });
  expect(shape).toBe("orchestration");
  expect(jobs).toHaveLength(2);
  expect(jobs[1]).toEqual({
    target: "hpc/puhti",
    name: "two.sh",
    enviroment: {
      "submission-modules": ["gcc"],
      venv: { name: "v", directory: "p", "configuration-modules": ["m"], packages: ["x"] },
    },
    files: {
      provide: [{ source: "local/a", target: "hpc/in/put/b", overwrite: true }],
      store: [{ source: "local/a", target: "hpc/in/put/b", remove: false }],
    },
  });
  expect(parseSubmission({ target: "hpc/a", name: "b", environment: { venv: { name: "v" } } }).jobs[0]).toHaveProperty(
    "enviroment",
  );
});
