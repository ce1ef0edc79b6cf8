import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";

import { expect, test } from "vitest";

import { catalogue } from "#events/index.ts";
import { fromJson, jsonData } from "#shared/cloudevents/event.ts";

import { renderEvents } from "../../docs/events.ts";

const root = join(import.meta.dirname, "../..");
const samples = readdirSync(join(root, "events/samples"));

const read = (file: string) => fromJson(JSON.parse(readFileSync(join(root, "events/samples", file), "utf8")));
const definitionOf = (file: string) => catalogue.find(({ name }) => file.startsWith(`${name}.`));

test.each(samples)("%s parses, or does not when it says so", (file) => {
  const definition = definitionOf(file);
  const event = read(file);
  expect(event.attributes["type"]).toBe(definition?.type);
  const parse = () => definition?.parse(jsonData(event));
  if (file.endsWith(".invalid.json")) expect(parse).toThrow(/taskId|status|user|expected/);
  else expect(parse()).toBeDefined();
});

test.each(catalogue)("$type has a plain sample, and an invalid one unless anything is valid", ({ name, data }) => {
  const own = samples.filter((file) => file.startsWith(`${name}.`));
  expect(own).toContain(`${name}.base.json`);
  expect(own.some((file) => file.endsWith(".invalid.json"))).toBe(!data.safeParse(undefined).success);
});

test("attributes of samples stay printable ASCII", () => {
  for (const file of samples) {
    for (const value of Object.values(read(file).attributes)) expect(String(value)).toMatch(/^[ -~]+$/);
  }
});

test("docs/events.md is what the catalogue says; node docs/events.ts writes it", () => {
  expect(readFileSync(join(root, "docs/events.md"), "utf8").trim()).toBe(renderEvents().trim());
});
