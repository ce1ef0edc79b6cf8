/**
 * `npm run chaos` shows that no task is lost and none is done twice: it sends tasks to a platform of its own, kills
 * functions, platform and store at random, drops and repeats events, and accounts for every task. What is random follows
 * from the seed; when things happen does not.
 *
 *     npm run chaos -- --tasks 2000 --seconds 120 --seed 7
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";

import { messageOf } from "#shared/errors.ts";

import { runChaos } from "./chaos.ts";
import type { Report } from "./chaos.ts";

/** So many lines of each kind of trouble are printed. */
const SHOWN = 10;

const { values } = parseArgs({
  options: {
    tasks: { type: "string", default: "500" },
    seconds: { type: "string", default: "60" },
    seed: { type: "string", default: String(Math.floor(Math.random() * 1e6)) },
  },
});

const [tasks, seconds, seed] = (["tasks", "seconds", "seed"] as const).map((name) => {
  if (/^\d{1,7}$/.test(values[name])) return Number(values[name]);
  console.error(`--${name} is ${values[name]}; expected a whole number, such as --${name} 60`);
  process.exit(2);
}) as [number, number, number];

const folder = mkdtempSync(join(tmpdir(), "lossi-chaos-"));
const again = `npm run chaos -- --tasks ${tasks} --seconds ${seconds} --seed ${seed}`;
console.log(again);
try {
  const report = await runChaos({ tasks, seconds, seed }, folder);
  console.log(render(report));
  const { lost, twice, wrong } = report;
  if (lost.length + twice.length + wrong.length === 0) rmSync(folder, { recursive: true, maxRetries: 5 });
  else fail(`the promise is broken; ${folder} is left for you to look at, and this tries again:\n  ${again}`);
} catch (error) {
  fail(messageOf(error));
}
process.exit(0);

function render({ store, kills, fates, accepted, unanswered, unheard, ended, seconds: took, ...rest }: Report): string {
  const { lost, twice, wrong, reasons } = rest;
  const some = (title: string, lines: string[]): string[] => [
    `${title}: ${lines.length}`,
    ...lines.slice(0, SHOWN).map((line) => `  ${line}`),
  ];
  return [
    `jobs go to ${store}`,
    `killed: ${kills.function} functions, ${kills.platform} times the platform, ${kills.store} times the store`,
    `events: ${fates.passed} passed, ${fates.lost} lost, ${fates.cut} cut off, ${fates.unheard} taken unheard, ${fates.repeated} repeated`,
    `sent in ${took.sending.toFixed(1)} s, all ended ${took.settling.toFixed(1)} s later`,
    `accepted: ${accepted}, and ${unheard} whose answer was lost; ${unanswered} calls had to be made anew`,
    `ended: ${ended["SUCCESS"]} SUCCESS, ${ended["FAILURE"]} FAILURE`,
    ...reasons.slice(0, SHOWN).map((line) => `  ${line}`),
    ...some("lost", lost),
    ...some("acted on twice", twice),
    ...some("acted on wrongly", wrong),
  ].join("\n");
}

function fail(message: string): never {
  console.error(message);
  process.exit(1);
}
