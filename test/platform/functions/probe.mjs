// A function for tests of the platform: what it does is in the request's query.
import { existsSync } from "node:fs";
import { createServer } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";

let active = 0;
let most = 0;

if (process.env.FAIL_AT_START) {
  console.error("the cause of the failure");
  process.exit(3);
}
if (process.env.IGNORE_SIGTERM) process.on("SIGTERM", () => {});
else process.on("SIGTERM", () => process.exit(0));

/** Headers at once, then a byte every so often. */
function drip(res, everyMs, count) {
  res.writeHead(200);
  res.flushHeaders();
  let left = count;
  const timer = setInterval(() => {
    res.write(".");
    left -= 1;
    if (left > 0) return;
    clearInterval(timer);
    active -= 1;
    res.end();
  }, everyMs);
}

const server = createServer((req, res) => {
  const query = new URL(req.url, "http://x").searchParams;
  active += 1;
  most = Math.max(most, active);
  const chunks = [];
  req.on("data", (chunk) => chunks.push(chunk));
  req.on("end", () => {
    if (query.has("crash")) process.kill(process.pid, "SIGKILL");
    if (query.has("drip")) return drip(res, Number(query.get("drip")), Number(query.get("count") ?? 1));
    if (query.has("block")) for (;;);
    if (query.has("echo")) {
      active -= 1;
      return res.end(Buffer.concat(chunks));
    }
    setTimeout(
      () => {
        active -= 1;
        const { method, headers, url } = req;
        const body = Buffer.concat(chunks).toString();
        res.setHeader("content-type", "application/json");
        res.end(JSON.stringify({ pid: process.pid, most, method, url, headers, body, env: process.env }));
      },
      Number(query.get("wait") ?? 0),
    );
  });
});
if (process.env.LISTEN_WHEN) console.log("waits at the gate");
while (process.env.LISTEN_WHEN && !existsSync(process.env.LISTEN_WHEN)) await sleep(5);
if (process.env.NEVER_READY) setInterval(() => {}, 1000);
else server.listen(process.env.PORT, "127.0.0.1");
