import { afterAll, describe, expect, test } from "vitest";

import { createMachine } from "./up.ts";

const ALL = ["--gpu", "--registry", "--ray", "--airflow", "--storage"];

const plan = createMachine(afterAll).run("up", ALL);

/** The commands of a whole run, by step, each with its number among all calls. What only asks stops nothing. */
function commandsByStep(): [string, { number: number; command: string }[]][] {
  const { out, calls } = plan;
  const steps: [string, { number: number; command: string }[]][] = [];
  let number = 0;
  for (const line of out.split("\n")) {
    if (line.startsWith("== ")) steps.push([line.slice(3), []]);
    if (!line.startsWith("+ ")) continue;
    const command = line.slice(2).replaceAll("'", "");
    number = calls.indexOf(command, number) + 1;
    expect(number, command).toBeGreaterThan(0);
    steps.at(-1)?.[1].push({ number, command });
  }
  return steps.filter(([, commands]) => commands.length > 0);
}

describe("when a command fails, up stops with the step, the cause and what to type; the next run continues", () => {
  test.each(commandsByStep())("%s", (step, commands) => {
    for (const { number, command } of commands) {
      const machine = createMachine();
      const { status, err, calls } = machine.run("up", ALL, { STAND_IN_FAIL: String(number) });
      expect(status, command).toBe(1);
      expect(err.replaceAll("'", "").replaceAll(machine.home, plan.home)).toContain(
        `cause: ${command} failed (exit 1): `,
      );
      expect(err).toContain(`kind/up stopped at: ${step}\n`);
      expect(err).toContain(`no luck with call ${number}`);
      expect(err).toMatch(/\nnext: {2}\S.+\nthen: {2}kind\/up again/);
      const after = calls.slice(number).filter((call) => !/ (get|describe|logs) /.test(call));
      expect(after, "what runs after the failure only looks").toEqual([]);
      if (command !== commands.at(-1)?.command) continue;
      const secrets = machine.secrets();
      const again = machine.run("up", ALL);
      expect(again.err).toBe("");
      expect(again.status).toBe(0);
      expect(machine.secrets()).toMatchObject(secrets);
      const clusters = [...calls, ...again.calls].filter((call) => call.startsWith("kind create cluster"));
      expect(clusters.length).toBeLessThanOrEqual(2);
    }
  });
});

test("pods that do not come up are shown with their events and last words", () => {
  const number = plan.calls.findIndex((call) => / wait ksvc /.test(call)) + 1;
  const { err } = createMachine().run("up", ALL, { STAND_IN_FAIL: String(number) });
  expect(err).toContain("-- pods, events and logs of namespace lossi");
  expect(err).toContain("the last words of broken-0");
  expect(err).toContain("next:  kubectl --context kind-lossi get ksvc,broker,trigger --namespace lossi");
});

describe("checks say what is missing and what to do", () => {
  test.each<[string, string[], Record<string, string>, string, string]>([
    ["an old kind", [], { STAND_IN_KIND: "0.20.0" }, "kind is 0.20.0", "install kind 0.33.0 or newer"],
    ["two CPUs", [], { STAND_IN_DOCKER: "2 16000000000 /" }, "Docker has 2 CPUs, and this needs 3", "more CPUs"],
    ["little memory", ["--ray"], { STAND_IN_DOCKER: "8 8000000000 /" }, "8 GB of memory", "fewer of --ray"],
    ["a port taken", [], { STAND_IN_TAKEN: "7601" }, "port 7601 of 127.0.0.1 is taken", "ss -ltnp 'sport = :7601'"],
    ["no NVIDIA runtime", ["--gpu"], { STAND_IN_RUNTIME: "runc" }, "default runtime is runc", "nvidia-ctk runtime"],
    ["an unknown option", ["--nope"], {}, "there is no option --nope", "kind/up --help"],
  ])("%s", (_, options, behaviour, cause, next) => {
    const { status, err, calls } = createMachine().run("up", options, behaviour);
    expect(status).toBe(1);
    expect(err).toMatch(/^cause: /m);
    expect(err).toContain(cause);
    expect(err).toContain(next);
    expect(calls.some((call) => call.startsWith("kind create"))).toBe(false);
  });

  test("a tool that is not installed", () => {
    const machine = createMachine();
    machine.without("kind");
    const { status, err } = machine.run("up");
    expect(status).toBe(1);
    expect(err).toContain("cause: kind is not installed\nnext:  install kind");
  });

  test("a cluster of ours with a Knative that cannot be taken further in one go", () => {
    const machine = createMachine();
    machine.run("up");
    const { status, err } = machine.run("up", [], { STAND_IN_KNATIVE: "1.19.0" });
    expect(status).toBe(1);
    expect(err).toContain("the cluster lossi has Knative 1.19.0");
    expect(err).toContain("kind/down");
  });

  test("another cluster's old Knative: what it lacks is said, and lossi gets a cluster of its own", () => {
    const { status, out } = createMachine().run("up", [], { STAND_IN_PLATFORM: "1.10.2" });
    expect(status).toBe(0);
    expect(out).toContain("the cluster kind-ep has Knative 1.10.2");
    expect(out).toContain("filters of Triggers");
    expect(out).toContain("schedules with seconds");
    expect(createMachine().run("up", [], { STAND_IN_PLATFORM: "1.12.6" }).out).not.toContain("filters of Triggers");
  });
});
