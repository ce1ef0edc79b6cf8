/** A small server with the OpenAI API: what it says depends on the last message. */
import { createServer } from "node:http";
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

import { onTestFinished } from "vitest";

export type ModelServer = {
  url: string;
  /** Bodies of the questions, in order. */
  asked: any[];
  /** Questions whose callers went away before the answer was whole. */
  gone: () => number;
  /** Goes on with an answer that waits. */
  go: () => void;
  /** Whether it has loaded its model; it has at first. */
  load: (loaded: boolean) => void;
  stop: () => Promise<void>;
  /** Takes calls again, at the same address. */
  restart: () => Promise<void>;
};

export const COMPLETION = {
  id: "chatcmpl-1",
  object: "chat.completion",
  choices: [{ index: 0, finish_reason: "stop", message: { role: "assistant", content: "moi" } }],
  usage: { prompt_tokens: 3, completion_tokens: 1, total_tokens: 4 },
};

/** How a question whose last message is this is refused. */
const REFUSALS: Record<string, number> = { long: 400, forbidden: 403, large: 413, busy: 429, broken: 500 };

export async function startModelServer(): Promise<ModelServer> {
  const asked: any[] = [];
  let gone = 0;
  let loaded = true;
  let release = (): void => {};
  const waiting = () => new Promise<void>((resolve) => (release = resolve));
  const server: Server = createServer((req, res) => void answer(req, res));

  async function answer(req: IncomingMessage, res: ServerResponse): Promise<void> {
    res.on("close", () => void (gone += res.writableFinished ? 0 : 1));
    const json = (status: number, body: unknown): void =>
      void res.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
    const chunks: Buffer[] = [];
    for await (const chunk of req as AsyncIterable<Buffer>) chunks.push(chunk);
    if (!loaded) return json(503, { error: { code: 503, message: "Loading model", type: "unavailable_error" } });
    if (req.url === "/health") return json(200, { status: "ok" });
    if (req.url === "/v1/models") return json(200, { object: "list", data: [{ id: "small", object: "model" }] });
    const body = JSON.parse(Buffer.concat(chunks).toString());
    asked.push(body);
    const word: string = body.messages?.at(-1).content ?? body.prompt;
    const refusal = REFUSALS[word];
    if (refusal !== undefined) return json(refusal, { error: { message: `the question is ${word}` } });
    if (word === "nonsense") return void res.end("<html>");
    if (word === "wait") await waiting();
    if (word === "cut") return void res.writeHead(200, { "content-length": 99 }).write("{", () => res.destroy());
    if (body.stream !== true) return json(200, COMPLETION);
    res.writeHead(200, { "content-type": "text/event-stream" });
    res.write('data: {"choices":[{"delta":{"content":"mo"}}]}\n\n');
    await waiting();
    res.end('data: {"choices":[{"delta":{"content":"i"}}]}\n\ndata: [DONE]\n\n');
  }

  const listen = (port: number) => new Promise<void>((resolve) => void server.listen(port, "127.0.0.1", resolve));
  await listen(0);
  const { port } = server.address() as AddressInfo;
  const stop = (): Promise<void> => {
    server.closeAllConnections();
    return new Promise((resolve) => void server.close(() => resolve()));
  };
  onTestFinished(stop);
  return {
    url: `http://127.0.0.1:${port}`,
    asked,
    gone: () => gone,
    go: () => release(),
    load: (now) => void (loaded = now),
    stop,
    restart: () => listen(port),
  };
}
