import { expect, test } from "vitest";

import { createLogger } from "#shared/log.ts";
import type { LogLine } from "#shared/state/state.ts";

test("what may be a secret is in no line, nor one level down in it", () => {
  const lines: LogLine[] = [];
  const log = createLogger("setup", "info", { write: (line: LogLine) => void lines.push(line) } as never);
  const request = { path: "/", cookie: "hidden", headers: { authorization: "two levels down", accept: "shown" } };
  log.info({ request, password: "hidden", list: [1], none: null, deep: { user: { name: "shown" } } }, "a line");
  log.warn({ err: Object.assign(new Error("shown"), { token: "hidden" }) }, "another");
  log.warn({ err: null }, "no error");
  expect(lines.map(({ fields }) => fields)).toEqual([
    {
      password: "[redacted]",
      request: { path: "/", cookie: "[redacted]", headers: { authorization: "two levels down", accept: "shown" } },
      list: [1],
      none: null,
      deep: { user: { name: "shown" } },
    },
    { err: "shown" },
    { err: null },
  ]);
  expect(request.cookie).toBe("hidden");
});
