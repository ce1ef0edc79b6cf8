/** Bytes between whoever connects to a local port and a target: both ways, half-closed as either side wishes. */
import { once } from "node:events";
import { connect, createServer } from "node:net";
import type { AddressInfo, Server, Socket } from "node:net";

import { LossiError, messageOf } from "#shared/errors.ts";

export type Address = { host: string; port: number };

export type RelayOptions = {
  /** Local ports to try, in order; 0 is any free one. */
  ports: number[];
  /** Addresses to try, in order; asked for at each connection. Throws when there is none that may be used. */
  targets: () => Address[];
  /** How a connection to the target went: `null` when well, else why not. */
  onOutcome: (reason: string | null) => void;
};

export interface Relay {
  port: number;
  connections(): number;
  /** Closes the port and cuts its connections. */
  close(): Promise<void>;
}

const CONNECT_MS = 10_000;

/** Listens on the loopback address. */
export async function openRelay({ ports, targets, onOutcome }: RelayOptions): Promise<Relay> {
  const open = new Set<Socket>();
  const track = (socket: Socket): Socket => {
    open.add(socket);
    return socket.on("close", () => open.delete(socket));
  };
  let connections = 0;
  const join = async (client: Socket): Promise<void> => {
    // A reset is the end of a connection like any other; "close" follows it.
    client.on("error", () => {});
    try {
      const server = track(await reach(targets()));
      onOutcome(null);
      if (client.destroyed) return void server.destroy();
      splice(client, server);
    } catch (error) {
      onOutcome(messageOf(error));
      client.resetAndDestroy();
    }
  };
  const listener = createServer({ allowHalfOpen: true, pauseOnConnect: true, noDelay: true }, (client) => {
    connections += 1;
    track(client).once("close", () => (connections -= 1));
    void join(client);
  });
  return {
    port: await listenOn(listener, ports),
    connections: () => connections,
    close: () =>
      new Promise((resolve) => {
        listener.close(() => resolve());
        for (const socket of open) socket.destroy();
      }),
  };
}

/** Each side's end ends the other's writing; a broken side breaks the other. */
function splice(client: Socket, server: Socket): void {
  for (const [from, to] of [
    [client, server],
    [server, client],
  ] as const) {
    from.pipe(to);
    from.on("error", () => to.resetAndDestroy());
  }
}

async function reach(targets: Address[]): Promise<Socket> {
  let failure: unknown = new LossiError("unavailable", "it has no address");
  for (const target of targets) {
    try {
      return await connectTo(target);
    } catch (error) {
      failure = error;
    }
  }
  throw failure;
}

/** A connection to a target. Throws why there is none. */
export function connectTo({ host, port }: Address): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port, allowHalfOpen: true, noDelay: true, keepAlive: true });
    const timer = setTimeout(
      () => socket.destroy(new Error(`${host} port ${port} did not answer in 10 s`)),
      CONNECT_MS,
    );
    socket.once("error", (error: NodeJS.ErrnoException) => {
      clearTimeout(timer);
      reject(error.code === "ECONNREFUSED" ? new Error(`${host} port ${port} takes no connections`) : error);
    });
    socket.once("connect", () => {
      clearTimeout(timer);
      socket.removeAllListeners("error");
      resolve(socket);
    });
  });
}

/** Listens on the first of these ports that nobody has. Throws `rejected` when all are taken. */
export async function listenOn(server: Server, ports: number[]): Promise<number> {
  for (const port of ports) {
    server.listen(port, "127.0.0.1");
    const error = await once(server, "listening").then(
      () => null,
      (failure: NodeJS.ErrnoException) => failure,
    );
    if (error === null) return (server.address() as AddressInfo).port;
    if (error.code !== "EADDRINUSE") throw error;
  }
  throw new LossiError("rejected", `port ${ports.join(", ")} is in use by another program; free one of them first`);
}
