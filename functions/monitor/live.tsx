/** News for whoever looks: a view is drawn again each second, or not as often if that takes long, and sent when it became another. */
import { setTimeout as sleep } from "node:timers/promises";

import type { SSEStreamingApi } from "hono/streaming";

import type { Task } from "#shared/state/state.ts";

const EVERY_MS = 1000;
/** What takes long, such as a search, is pursued for a tenth of the time. */
const SHARE = 10;
/** A stream says so when it has nothing to say, or a proxy would take it for dead. */
const SIGN_OF_LIFE_MS = 15_000;
/** Then the browser asks again: who may look is looked at again, and no revision is kept from going. */
const LENGTH_MS = 4 * 60 * 1000;

/** Calls `look` each second until the viewer leaves, or for a while. */
async function follow(stream: SSEStreamingApi, look: () => Promise<boolean>): Promise<void> {
  const until = performance.now() + LENGTH_MS;
  let quietSince = performance.now();
  while (!stream.aborted && !stream.closed && performance.now() < until) {
    const begun = performance.now();
    if (await look()) quietSince = performance.now();
    else if (performance.now() - quietSince > SIGN_OF_LIFE_MS) {
      await stream.write(": nothing new\n\n");
      quietSince = performance.now();
    }
    await sleep(Math.max(EVERY_MS, SHARE * (performance.now() - begun)));
  }
}

/** Sends what is drawn first, and what `draw` gives whenever it differs from what the viewer has. */
export async function streamView(stream: SSEStreamingApi, first: string, draw: () => Promise<string>): Promise<void> {
  const send = (drawn: string): Promise<void> => stream.writeSSE({ event: "view", data: JSON.stringify(drawn) });
  let sent = first;
  await send(first);
  await sleep(EVERY_MS);
  await follow(stream, async () => {
    const drawn = await draw();
    if (drawn === sent) return false;
    sent = drawn;
    await send(drawn);
    return true;
  });
}

/** Sends each task of the newest ones when it is there, and again when it changes. */
export async function streamTasks(stream: SSEStreamingApi, list: () => Promise<Task[]>): Promise<void> {
  let known = new Map<string, string>();
  await follow(stream, async () => {
    const tasks = (await list()).map((task) => [task.id, JSON.stringify(task)] as const);
    const news = tasks.filter(([id, text]) => known.get(id) !== text).toReversed();
    known = new Map(tasks);
    for (const [id, data] of news) await stream.writeSSE({ event: "task", id, data });
    return news.length > 0;
  });
}
