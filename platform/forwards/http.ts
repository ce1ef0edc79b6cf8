import { createServer } from "node:http";
import type { IncomingMessage, ServerResponse } from "node:http";

import { listenOn } from "./relay.ts";
import type { Relay } from "./relay.ts";

/** A port of the loopback address where every request is for one Service, which wakes for it. */
export async function openHttpRelay(
  ports: number[],
  handler: (req: IncomingMessage, res: ServerResponse) => void,
): Promise<Relay> {
  const server = createServer({ requestTimeout: 0 }, handler);
  let connections = 0;
  server.on("connection", (socket) => {
    connections += 1;
    socket.once("close", () => (connections -= 1));
  });
  return {
    port: await listenOn(server, ports),
    connections: () => connections,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
