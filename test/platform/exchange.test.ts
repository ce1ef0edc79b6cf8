import { once } from "node:events";
import { createServer } from "node:http";
import net from "node:net";
import type { AddressInfo } from "node:net";

import { expect, onTestFinished, test } from "vitest";

import { exchange } from "#platform/serving/proxy.ts";

const SMALL = { method: "POST", path: "", headers: {}, body: new TextEncoder().encode("hello"), timeoutMs: 5000 };
/** First byte of a TLS handshake (RFC 8446, 5.1). */
const HANDSHAKE = 0x16;

test("a sink at an IPv6 address", async () => {
  const server = createServer((req, res) => req.pipe(res)).listen(0, "::1");
  await once(server, "listening");
  onTestFinished(() => void server.close());
  const { port } = server.address() as AddressInfo;
  const answer = await exchange({ url: `http://[::1]:${port}/` }, SMALL);
  expect(Buffer.from(answer.body).toString()).toBe("hello");
});

test("a sink at https is spoken to in TLS", async () => {
  const first = Promise.withResolvers<number | undefined>();
  const server = net.createServer((socket) =>
    socket.once("data", (bytes: Buffer) => {
      first.resolve(bytes[0]);
      socket.destroy();
    }),
  );
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => void server.close());
  const { port } = server.address() as AddressInfo;
  await expect(exchange({ url: `https://127.0.0.1:${port}/` }, SMALL)).rejects.toThrow(/socket/);
  expect(await first.promise).toBe(HANDSHAKE);
});
