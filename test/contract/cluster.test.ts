/** The cluster suite against the laptop platform, running as its own process. */
import { openLocalCluster } from "#shared/cluster/local.ts";

import { startLossi } from "../e2e/lossi.ts";
import { clusterContract } from "./cluster.ts";

clusterContract("local", async () => {
  const lossi = await startLossi();
  const gateway = /events go to (http:\/\/[^/]+)/.exec(lossi.output())?.[1];
  return {
    cluster: openLocalCluster(gateway),
    async beats() {
      const { json } = await lossi.call("GET", "/interaction/arti/logs/schedule");
      return json.output.logs.filter((line: string) => line.includes("round finished")).length;
    },
    reach({ local }) {
      const [host = "", port] = String(local).split(":");
      return { host, port: Number(port) };
    },
    service: { name: "tasks", namespace: "lossi" },
  };
});
