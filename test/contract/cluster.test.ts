/** The cluster suite against the laptop platform, running as its own process. */
import type { ForwardStatus } from "#shared/cluster/cluster.ts";
import { openLocalCluster } from "#shared/cluster/local.ts";

import { startPlatform } from "../e2e/lossi.ts";
import { clusterContract } from "./cluster.ts";

const open = async () => {
  const lossi = await startPlatform();
  const gateway = /events go to (http:\/\/[^/]+)/.exec(lossi.output())?.[1];
  return {
    cluster: openLocalCluster(gateway),
    importsNamespace: "forwarder-imports",
    service: { name: "tasks", namespace: "lossi" },
    live: {
      async beats() {
        const { json } = await lossi.call("GET", "/interaction/arti/logs/schedule");
        return json.output.logs.filter((line: string) => line.includes("round finished")).length;
      },
      reach({ local }: ForwardStatus) {
        const [host = "", port] = String(local).split(":");
        return { host, port: Number(port) };
      },
    },
  };
};

clusterContract("local", { open, host: "127.0.0.1" });
