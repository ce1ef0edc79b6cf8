require("node:http")
  .createServer((request, response) => request.resume().on("end", () => response.end("ok")))
  .listen(process.env.PORT, "127.0.0.1");
