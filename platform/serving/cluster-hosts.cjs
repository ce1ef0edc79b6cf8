// Loaded before every function: names of the cluster lead where the platform answers for them, as cluster DNS would have
// it. `LOSSI_CLUSTER_HOSTS` names the file with the gateway's port and the imports' local ports.
"use strict";
const { readFileSync } = require("node:fs");
const { Socket } = require("node:net");

const connect = Socket.prototype.connect;

Socket.prototype.connect = function (first, ...rest) {
  // `net.connect` hands its own normalised arguments on, as one array. The options are their owner's: an Agent finds a
  // connection again by them.
  const normalised = Array.isArray(first);
  const options = normalised ? first[0] : first;
  const port = typeof options?.host === "string" && options.host.endsWith(".svc.cluster.local") && localPort(options);
  if (!port) return connect.call(this, first, ...rest);
  const there = { ...options, host: "127.0.0.1", port };
  if (!normalised) return connect.call(this, there, ...rest);
  first[0] = there;
  return connect.call(this, first, ...rest);
};

function localPort({ host, port }) {
  const { gateway, imports } = JSON.parse(readFileSync(process.env.LOSSI_CLUSTER_HOSTS, "utf8"));
  const isImport = host.endsWith(".forwarder-imports.svc.cluster.local");
  return isImport ? imports[`${host}:${port}`] : gateway;
}
