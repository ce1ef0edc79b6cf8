// A function that takes its time, `?wait=ms`, and says which revision it is, or connects to where it is told,
// `?host=…&port=…` or `?url=…`, as any Node client would, and answers what it hears.
const { Agent, createServer, get } = require("node:http");
const { connect } = require("node:net");

const agent = new Agent({ keepAlive: true });

createServer((req, res) => {
  const { searchParams } = new URL(req.url, "http://x");
  const [host, port, say, url] = ["host", "port", "say", "url"].map((name) => searchParams.get(name));
  if (searchParams.has("wait")) {
    return void setTimeout(() => res.end(process.env.K_REVISION), Number(searchParams.get("wait")));
  }
  const fail = (error) => res.writeHead(502).end(String(error));
  if (url !== null) {
    const outgoing = get(url, { agent }, (answer) => {
      res.setHeader("x-reused", String(outgoing.reusedSocket));
      answer.pipe(res);
    }).on("error", fail);
    return;
  }
  const socket = connect({ host, port: Number(port) });
  socket.on("error", fail);
  socket.once("data", (chunk) => {
    socket.destroy();
    res.end(chunk);
  });
  socket.write(say);
}).listen(process.env.PORT, "127.0.0.1");
process.on("SIGTERM", () => process.exit(0));
