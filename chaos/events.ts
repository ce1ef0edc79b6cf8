/** A way to the broker on which events are lost and repeated. Functions take it for the broker. */
import { once } from "node:events";
import { createServer } from "node:http";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";

import { send } from "../bench/calls.ts";
import type { Call } from "../bench/calls.ts";
import { pick } from "./random.ts";

/** What becomes of an event: of a hundred, so many. */
const FATES = {
  passed: 60,
  /** The sender hears 202, and the broker nothing. */
  lost: 10,
  /** The sender hears nothing, and neither does the broker. */
  cut: 10,
  /** The broker takes it and the sender does not hear so: it sends it again. */
  unheard: 10,
  /** The broker gets it once more, some time later. */
  repeated: 10,
};
/** A repeat comes so late at most: often after later events, and after its task has ended. */
const LATEST_MS = 3000;

export type Fates = Record<keyof typeof FATES, number>;

export type UnreliableWay = {
  /** For `LOSSI_BROKER_URL`. */
  url: string;
  fates: Fates;
  /** From now on every event passes. */
  calm(): void;
  close(): void;
};

/** Listens on a free port of the loopback address; `broker` is asked for at each event. */
export async function startUnreliableWay(broker: () => string, random: () => number): Promise<UnreliableWay> {
  const fates: Fates = { passed: 0, lost: 0, cut: 0, unheard: 0, repeated: 0 };
  let calm = false;
  const take = async (req: IncomingMessage, res: ServerResponse): Promise<unknown> => {
    const event = await readEvent(req);
    const fate = calm ? "passed" : pick(FATES, random);
    fates[fate] += 1;
    if (fate === "lost") return res.writeHead(202).end();
    if (fate === "cut") return res.destroy();
    const answer = await send(broker(), event);
    if (fate === "unheard") return res.destroy();
    if (fate === "repeated") setTimeout(() => void send(broker(), event).catch(() => {}), random() * LATEST_MS);
    return res.writeHead(answer.status).end(answer.text);
  };
  const server = createServer((req, res) => void take(req, res).catch(() => res.destroy()));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/`,
    fates,
    calm: () => void (calm = true),
    close: () => (server.close(), server.closeAllConnections()),
  };
}

async function readEvent(req: IncomingMessage): Promise<Call> {
  const isAttribute = (name: string): boolean => name.startsWith("ce-") || name === "content-type";
  const headers = Object.fromEntries(Object.entries(req.headers).filter(([name]) => isAttribute(name)));
  return { method: "POST", headers: headers as Record<string, string>, body: await text(req) };
}
