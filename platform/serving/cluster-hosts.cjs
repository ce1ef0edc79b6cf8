// Loaded before every function: names of the cluster lead where the platform answers for them, as cluster DNS would have
// it. `LOSSI_CLUSTER_HOSTS` names the file with the gateway's port and the imports' local ports.
"use strict";
const { readFileSync } = require("node:fs");
const { Socket } = require("node:net");

const connect = Socket.prototype.connect;

Socket.prototype.connect = function (...args) {
  // `net.connect` hands its own normalised arguments on, as one array.
  const options = Array.isArray(args[0]) ? args[0][0] : args[0];
  const port = typeof options?.host === "string" && options.host.endsWith(".svc.cluster.local") && localPort(options);
  if (port) Object.assign(options, { host: "127.0.0.1", port });
  return connect.apply(this, args);
};

function localPort({ host, port }) {
  const { gateway, imports } = JSON.parse(readFileSync(process.env.LOSSI_CLUSTER_HOSTS, "utf8"));
  const isImport = host.endsWith(".forwarder-imports.svc.cluster.local");
  return isImport ? imports[`${host}:${port}`] : gateway;
}
