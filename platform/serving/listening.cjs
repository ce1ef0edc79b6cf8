// Loaded before every function: says on descriptor 4 when it listens on the port it was given.
"use strict";
const { subscribe } = require("node:diagnostics_channel");
const { writeSync } = require("node:fs");

subscribe("tracing:net.server.listen:asyncEnd", ({ server }) => {
  if (String(server.address().port) === process.env.PORT) writeSync(4, "\n");
});
