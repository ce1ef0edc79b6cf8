/** What a lossi that runs says of itself, here or on a cluster. */
import type { Overview } from "#functions/monitor/overview.ts";

import type { Client } from "../client.ts";
import { EXIT, Failure } from "../failure.ts";
import { overviewOf } from "../status.ts";
import { many } from "../words.ts";
import { failed, ok, skipped } from "./check.ts";
import type { Finding } from "./check.ts";

export type Named = [name: string, finding: Finding];

export async function checkAnswer({ url, get }: Client): Promise<Named[]> {
  let seen: Overview;
  try {
    seen = await overviewOf({ url, get });
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    const finding: Finding = { state: "failed", ...error.parts };
    return error.exit === EXIT.notAllowed
      ? [
          ["reachable", ok(`lossi answers at ${url}`)],
          ["allowed", finding],
        ]
      : [["reachable", finding]];
  }
  return [
    ["reachable", ok(`lossi ${seen.version} on Node ${seen.node} answers at ${url}`)],
    ["allowed", seen.deadLetters === null ? ok("you may call, and see what is yours") : ok("you may see everything")],
    ["problems", problems(seen)],
    ["credentials", credentials(seen, url)],
    ["dead letters", letters(seen, url)],
  ];
}

const problems = (seen: Overview): Finding =>
  seen.problems.length === 0
    ? ok("everything could be asked")
    : failed(`lossi could not ask everything`, seen.problems.join("\n"), "lossi logs monitor --text warn");

function credentials({ store }: Overview, url: string): Finding {
  if (store === null) return ok("no configuration yet: POST /setup/config/init brings one");
  const { waitingForCredentials: waiting, client, address, state, reason, advice } = store;
  if (state === "failing" || (state === "refused" && waiting === 0)) {
    const name = client === "none" ? "the store of that place" : `${client} at ${address}`;
    const what = state === "failing" ? "does not work for lossi" : "refuses the credentials that lossi has";
    return failed(`${name} ${what}`, String(reason), String(advice));
  }
  if (waiting === 0 && state === "works") return ok("the store takes them, and no task waits for others");
  if (waiting === 0) return ok("no task waits for others; the store did not answer yet");
  return failed(
    `${many(waiting, "task")} for fresh credentials`.replace(/tasks? /, (word) => `${word.trim()} waiting `),
    `${client} at ${address} refuses those it has`,
    `send fresh ones with POST ${url}/setup/config/init; the tasks go on by themselves`,
  );
}

function letters({ deadLetters: count }: Overview, url: string): Finding {
  if (count === null) return skipped("dead letters are shown to administrators");
  if (count === 0) return ok("no dead letters");
  return failed(
    many(count, "dead letter"),
    "events that no function took, in spite of all tries",
    `curl ${url}/dead-letters   (says why; POST /dead-letters/ID/redrive tries again)`,
  );
}
