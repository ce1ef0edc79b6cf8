import { expect, test } from "vitest";

import { filter } from "#functions/tasks/app.ts";

test.each([
  ["1772280000000", 1_772_280_000_000],
  ["2026-02-28T12:00:00Z", 1_772_280_000_000],
  ["2026-02-28T14:00:00 02:00", 1_772_280_000_000],
  ["2026-02-28", 1_772_236_800_000],
])("a list of tasks since %s", (since, expected) => expect(filter.parse({ since })).toEqual({ since: expected }));

test.each(["yesterday", "2026-02-31T99:00", "28.2.2026", ""])("%j is no time", (until) =>
  expect(filter.safeParse({ until }).error?.issues[0]?.message).toMatch(/expected a time such as 2026-/),
);
