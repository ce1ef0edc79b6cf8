/** One of several processes that contend for the same state. */
import { baseConfig, loadConfig } from "#shared/config.ts";
import { openState } from "#shared/state/open.ts";
import type { State } from "#shared/state/state.ts";

import { announcementOf, newLine, newTask } from "./state-samples.ts";
import type { Place } from "./state-samples.ts";

type Args = { place: Place; work: keyof typeof WORK; ids: string[]; me: number; peers: number };

const { place, work, ids, me, peers } = JSON.parse(process.argv[2] ?? "") as Args;

const WORK = {
  /** Which keys this process was first to create. */
  async create(state: State): Promise<string[]> {
    const won: string[] = [];
    for (const id of ids) if ((await state.documents.put(id, me, { ifVersion: 0 })) !== null) won.push(id);
    return won;
  },

  /** Adds one to a counter as often as there are ids; answers how often it lost. */
  async count(state: State): Promise<number> {
    let lost = 0;
    for (let done = 0; done < ids.length;) {
      const counter = await state.documents.get("counter");
      const next = Number(counter?.value ?? 0) + 1;
      if ((await state.documents.put("counter", next, { ifVersion: counter?.version ?? 0 })) === null) lost += 1;
      else done += 1;
    }
    return lost;
  },

  /** Which tasks this process began. It holds them until all others have tried as well. */
  async begin(state: State): Promise<string[]> {
    const begun: string[] = [];
    for (const id of ids) if ((await state.ledger.begin(id, 60_000)).outcome === "begun") begun.push(id);
    await state.documents.put(`tried-${me}`, true);
    while ((await state.documents.list("tried-")).length < peers) await new Promise((done) => setTimeout(done, 10));
    return begun;
  },

  /** Which announcements this process claimed. */
  async claim(state: State): Promise<string[]> {
    const claimed: string[] = [];
    for (;;) {
      const some = await state.outbox.claim(7, 60_000);
      if (some.length === 0) return claimed;
      claimed.push(...some.map(({ id }) => id));
    }
  },

  /** The numbers reserved for tasks of its own. */
  async reserve(state: State): Promise<number[]> {
    const numbers: number[] = [];
    for (const id of ids) {
      await state.ledger.accept(newTask(`${id}-${me}`), []);
      const beginning = await state.ledger.begin(`${id}-${me}`, 60_000);
      if (beginning.outcome !== "begun") throw new Error("nobody else knows this task");
      numbers.push(...((await state.ledger.reserve(beginning.lease, "scope", 1, 1)) ?? []));
      if (numbers.length % 2 === 0) await state.ledger.end(beginning.lease, { status: "SUCCESS", result: null }, []);
    }
    return numbers;
  },

  /** Begins tasks and goes on holding them. */
  async hold(state: State): Promise<never> {
    for (const id of ids) await state.ledger.begin(id, 60_000);
    console.log("held");
    return new Promise(() => setInterval(() => {}, 1000));
  },

  /** Writes a line and ends at once, as after an error. */
  async leave(state: State): Promise<never> {
    state.lines.write(newLine({ message: "the last" }));
    process.exit(1);
  },

  /** Accepts and ends tasks until it is killed. */
  async forever(state: State): Promise<never> {
    for (let n = 0; ; n++) {
      const id = `${me}-${n}`;
      await state.ledger.accept(newTask(id), [announcementOf(`accepted-${id}`)]);
      const beginning = await state.ledger.begin(id, 60_000);
      if (beginning.outcome === "begun") {
        await state.ledger.end(beginning.lease, { status: "SUCCESS", result: n }, [announcementOf(`ended-${id}`)]);
      }
      if (n === 9) console.log("under way");
    }
  },
};

const state = openState(loadConfig(baseConfig, place));
console.log(JSON.stringify(await WORK[work](state)));
await state.close();
