/** A proxy before a gateway, for what goes wrong on the way there. */
import { once } from "node:events";
import { createServer, request } from "node:http";
import type { IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";

import { onTestFinished } from "vitest";

export type Trouble = {
  /** Takes requests and says nothing. */
  hangs?: boolean;
  /** Breaks the connection after so many bytes of a request's body. */
  cutsRequestAfter?: number;
  /** Breaks the connection after so many bytes of an answer's body. */
  cutsAnswerAfter?: number;
  /** Runs when the gateway has answered, before the client hears of it. */
  onAnswer?: (req: IncomingMessage) => Promise<void>;
};

/** Requests go through unchanged, but for what `trouble` says at the time. */
export async function startProxy(gateway: string): Promise<{ url: string; trouble: Trouble }> {
  const trouble: Trouble = {};
  const { hostname, port } = new URL(gateway);
  const server = createServer((req, res) => {
    if (trouble.hangs) return;
    const { method, url: path, rawHeaders } = req;
    const passOn = async (answer: IncomingMessage): Promise<void> => {
      await trouble.onAnswer?.(req);
      res.writeHead(answer.statusCode ?? 502, answer.rawHeaders);
      res.flushHeaders();
      let bytes = 0;
      for await (const piece of answer as AsyncIterable<Buffer>) {
        bytes += piece.byteLength;
        if (bytes > (trouble.cutsAnswerAfter ?? Number.POSITIVE_INFINITY)) res.destroy();
        else res.write(piece);
      }
      if (!res.destroyed) res.end();
    };
    const outgoing = request({ hostname, port, method, path, headers: rawHeaders }, (answer) => {
      passOn(answer).catch(() => res.destroy());
    });
    outgoing.on("error", () => res.destroy());
    let bytes = 0;
    req.on("data", (piece: Buffer) => {
      bytes += piece.byteLength;
      if (bytes > (trouble.cutsRequestAfter ?? Number.POSITIVE_INFINITY)) {
        outgoing.destroy();
        req.destroy();
      } else outgoing.write(piece);
    });
    req.on("end", () => outgoing.end());
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => {
    server.close();
    server.closeAllConnections();
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, trouble };
}
