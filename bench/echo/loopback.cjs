// Loaded before the frameworks, which listen on every address and cannot be told otherwise: nobody else need reach them.
"use strict";
const { Server } = require("node:net");

const listen = Server.prototype.listen;

Server.prototype.listen = function (where, ...rest) {
  const options = typeof where === "object" ? where : { port: where };
  return listen.call(this, { ...options, host: "127.0.0.1" }, ...rest);
};
