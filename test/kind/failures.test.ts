import { afterAll, describe, expect, test } from "vitest";

import { ALL, createMachine } from "./up.ts";

type Command = { step: string; command: string; earlier: number };

const plan = createMachine(afterAll).run("up", ALL);
const machine = createMachine(afterAll);
const createsCluster = (call: string): boolean => call.startsWith("kind create cluster");

/** The commands of a whole run, each kind of command once a step. What only asks stops nothing. */
function commands(): Command[] {
  const seen = new Map<string, number>();
  const found: Command[] = [];
  let step = "";
  for (const line of plan.out.split("\n")) {
    if (line.startsWith("== ")) step = line.slice(3);
    if (!line.startsWith("+ ")) continue;
    const command = line.slice(2).replaceAll("'", "").replaceAll(plan.home, machine.home);
    found.push({ step, command, earlier: seen.get(command) ?? 0 });
    seen.set(command, (seen.get(command) ?? 0) + 1);
  }
  const verb = ({ step, command }: Command): string =>
    [step, ...command.replace("--context kind-lossi ", "").split(" ", 2)].join(" ");
  return [...Map.groupBy(found, verb).values()].flatMap(([first]) => first ?? []);
}

describe("when a command fails, up stops with the step, the cause and what to type; the next run continues", () => {
  test.each(commands())("$step: $command", ({ step, command, earlier }) => {
    // A Secret of an earlier run is not made again.
    const after = command.includes(" create --filename") ? 0 : earlier;
    const { status, err, calls } = machine.run("up", ALL, { STAND_IN_FAIL: command, STAND_IN_AFTER: String(after) });
    expect(status).toBe(1);
    expect(err.replaceAll("'", "")).toContain(`cause: ${command} failed (exit 1): `);
    expect(err).toMatch(/^cause: .+: no luck today$/m);
    expect(err).toContain(`kind/up stopped at: ${step}\n`);
    expect(err).toMatch(/\nnext: {2}\S.+\nthen: {2}kind\/up again/);
    const last = calls.findLastIndex((call) => call === command);
    const later = calls.slice(last + 1).filter((call) => !/ (get|describe|logs) /.test(call));
    expect(later, "what runs after the failure only looks").toEqual([]);
  });

  test("in the end all is there", () => {
    const { status, err, calls } = machine.run("up", ALL);
    expect(err).toBe("");
    expect(status).toBe(0);
    expect(calls.some(createsCluster)).toBe(false);
    expect(Object.keys(machine.secrets())).toHaveLength(4);
  });
});

test("pods that do not come up are shown with their events and last words", () => {
  const wait = plan.calls.find((call) => / wait ksvc /.test(call)) ?? "";
  const { err } = machine.run("up", [], { STAND_IN_FAIL: wait });
  expect(err).toContain("-- pods, events and logs of namespace lossi");
  expect(err).toContain("the last words of broken-0");
  expect(err).toContain("next:  kubectl --context kind-lossi get ksvc,broker,trigger --namespace lossi");
});

test("a function whose revision failed gets a new one, the others none", () => {
  const { calls } = machine.run("up", [], { STAND_IN_FUNCTIONS: "setup:True tasks:False logs:Unknown" });
  const patched = calls.filter((call) => / patch ksvc /.test(call));
  expect(patched).toHaveLength(1);
  expect(patched[0]).toMatch(/ patch ksvc tasks .*"lossi.dev\/tried-again":"\d{4}-\d\d-\d\dT/);
  const apply = calls.findIndex((call) => / apply --kustomize /.test(call));
  expect(calls.indexOf(patched[0] ?? "")).toBeGreaterThan(apply);
});

describe("checks say what is missing and what to do", () => {
  test.each<[string, string[], Record<string, string>, string, string]>([
    ["an old kind", [], { STAND_IN_KIND: "0.20.0" }, "kind is 0.20.0", "install kind 0.33.0 or newer"],
    ["no Docker", [], { STAND_IN_FAIL: "docker version --format {{.Server.Version}}" }, "no luck", "start docker"],
    ["no buildx", [], { STAND_IN_FAIL: "docker buildx version" }, "no luck", "docker-buildx"],
    ["two CPUs", [], { STAND_IN_DOCKER: "2 16000000000 /" }, "Docker has 2 CPUs, and this needs 3", "more CPUs"],
    ["little memory", ["--ray"], { STAND_IN_DOCKER: "8 8000000000 /" }, "8 GB of memory", "fewer of --ray"],
    ["a full disk", ["--storage"], { STAND_IN_DISK: "29" }, "has 29 GB free, and this needs 30", "docker system prune"],
    ["a port taken", [], { STAND_IN_TAKEN: "7601" }, "port 7601 of 127.0.0.1 is taken", "ss -ltnp 'sport = :7601'"],
    ["a port of exports", [], { STAND_IN_TAKEN: "7619" }, "port 7619 of 127.0.0.1 is taken", "sport = :7619"],
    ["its registry's port", ["--registry"], { STAND_IN_TAKEN: "5001" }, "port 5001", "sport = :5001"],
    ["no NVIDIA runtime", ["--gpu"], { STAND_IN_RUNTIME: "runc" }, "default runtime is runc", "nvidia-ctk runtime"],
    ["an unknown option", ["--nope"], {}, "there is no option --nope", "kind/up --help"],
  ])("%s", (_, options, behaviour, cause, next) => {
    const { status, err, calls } = createMachine().run("up", options, behaviour);
    expect(status).toBe(1);
    expect(err).toMatch(/^cause: /m);
    expect(err).toContain(cause);
    expect(err).toContain(next);
    expect(calls.some(createsCluster)).toBe(false);
  });

  test("behind a proxy, which answers for every address, free ports are free", () => {
    const { status, err } = createMachine().run("up", [], { http_proxy: "http://proxy.example:3128" });
    expect([status, err]).toEqual([0, ""]);
  });

  test("a tool that is not installed", () => {
    const bare = createMachine();
    bare.without("kind");
    const { status, err } = bare.run("up");
    expect(status).toBe(1);
    expect(err).toContain("cause: kind is not installed\nnext:  install kind");
  });

  test("a cluster of ours with a Knative that cannot be taken further in one go", () => {
    const { status, err } = machine.run("up", [], { STAND_IN_KNATIVE: "1.19.0" });
    expect(status).toBe(1);
    expect(err).toContain("the cluster lossi has Knative 1.19.0");
    expect(err).toContain("kind/down");
  });

  test("a cluster of ours that was made without the card", () => {
    const bare = createMachine();
    bare.run("up", [], {
      STAND_IN_FAIL: "kubectl --context kind-lossi wait node --all --for=condition=Ready --timeout=120s",
    });
    const { status, err } = bare.run("up", ["--gpu"]);
    expect(status).toBe(1);
    expect(err).toContain("the cluster lossi was made without the card");
    expect(err).toContain("next:  kind/down (its volumes go too), then kind/up --gpu");
  });

  test("another cluster's old Knative: what it lacks is said, and lossi gets a cluster of its own", () => {
    const create = plan.calls.find(createsCluster) ?? "";
    const said = (version: string): string => {
      const run = createMachine().run("up", [], { STAND_IN_PLATFORM: version, STAND_IN_FAIL: create });
      expect(run.calls.at(-1)).toBe(create);
      return run.out;
    };
    const old = said("1.10.2");
    expect(old).toContain("the cluster kind-ep has Knative 1.10.2");
    for (const lack of ["seccomp profile", "filters of Triggers", "schedules with seconds"])
      expect(old).toContain(lack);
    const newer = said("1.12.6");
    expect(newer).toContain("schedules with seconds");
    expect(newer).not.toContain("filters of Triggers");
    expect(said("1.22.0")).not.toContain("lacks");
  });
});
