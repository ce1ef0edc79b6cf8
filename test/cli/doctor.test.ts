import { expect, test } from "vitest";

import { checkEnvironment } from "../../cli/doctor/environment.ts";
import { checkNode } from "../../cli/doctor/node.ts";
import type { Finding } from "../../cli/doctor/check.ts";

const problems = (finding: Finding): string[] => (finding.state === "failed" ? finding.why.split("\n") : []);

test("a Node that is too old is named with the one that is needed", () => {
  expect(checkNode("26.10.0")).toEqual({ state: "ok", what: "Node 26.10.0" });
  expect(checkNode("22.11.0")).toMatchObject({ state: "failed", why: "lossi needs Node 24 or newer" });
});

test("the environment: what every function reads, once each, without manifests too", () => {
  expect(checkEnvironment({}, [])).toMatchObject({ state: "ok" });
  const env = { LOSSI_PORT: "70000", LOSSI_TASK_STALLED_MS: "-1", OS_AUTH_URL: "pouta", LOSSI_SLURM_TIME_ZONE: "Mars" };
  expect(problems(checkEnvironment(env, []))).toEqual([
    "LOSSI_PORT is 70000; expected a port up to 65516",
    expect.stringMatching(/^OS_AUTH_URL: expected an address such as/),
    expect.stringMatching(/^LOSSI_SLURM_TIME_ZONE: expected an IANA time zone/),
    expect.stringMatching(/^LOSSI_TASK_STALLED_MS: /),
  ]);
});

test("the environment: secrets are not repeated, and a name that is nearly another's is", () => {
  const env = {
    LOSSI_USERS: "ada:my-secret-token",
    LOSSI_NOTIFICATION_SECRET: "too-short",
    LOSSI_HOM: "x",
    LOSSI_OTHER: "y",
  };
  const found = problems(checkEnvironment(env, [])).join("\n");
  expect(found).toMatch(/LOSSI_USERS: entry 1 is not name:hash/);
  expect(found).toMatch(/LOSSI_HOM: nothing reads it; did you mean LOSSI_HOME\?/);
  expect(found).not.toMatch(/my-secret|too-short|LOSSI_OTHER/);
});
