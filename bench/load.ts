/**
 * Sends events over kept connections, each waiting for its answer before the next, and prints how many were answered with
 * 2xx a second: `node bench/load.ts <url> <seconds> <connections>`. It writes to sockets itself, because Node's HTTP
 * client would be slower than the servers it measures.
 */
import { randomUUID } from "node:crypto";
import { connect } from "node:net";

import { echoData, echoHeaders } from "./echo/event.ts";

const [url = "", seconds = "1", connections = "1"] = process.argv.slice(2);
const { hostname, port } = new URL(url);
const body = echoData();
const head = Object.entries({ host: `${hostname}:${port}`, ...echoHeaders, "content-length": body.length })
  .map(([name, value]) => `${name}: ${value}\r\n`)
  .join("");
const run = randomUUID();

let answered = 0;
const begun = performance.now();
const deadline = begun + Number(seconds) * 1000;
await Promise.all(Array.from({ length: Number(connections) }, (_, client) => sendEvents(client)));
console.log(answered / ((performance.now() - begun) / 1000));

function sendEvents(client: number): Promise<void> {
  const socket = connect(Number(port), hostname).setNoDelay(true).setEncoding("latin1");
  let sent = 0;
  const next = (): unknown =>
    socket.write(`POST / HTTP/1.1\r\n${head}ce-id: ${run}-${client}-${sent++}\r\n\r\n${body}`);
  return new Promise((resolve, reject) => {
    let answer = "";
    socket.on("data", (chunk: string) => {
      answer += chunk;
      if (!isWhole(answer)) return;
      if (!answer.startsWith("HTTP/1.1 2")) return reject(new Error(answer));
      answered += 1;
      answer = "";
      if (performance.now() < deadline) next();
      else resolve(void socket.end());
    });
    socket.on("connect", next).on("error", reject).on("close", reject);
  });
}

/** Whether an answer to one request has arrived: by its length, by its last chunk, or without a body. */
function isWhole(answer: string): boolean {
  const end = answer.indexOf("\r\n\r\n");
  if (end === -1) return false;
  const length = /\r\ncontent-length: (\d+)/i.exec(answer)?.[1];
  if (length !== undefined) return answer.length >= end + 4 + Number(length);
  return !/\r\ntransfer-encoding: chunked/i.test(answer) || answer.endsWith("0\r\n\r\n");
}
