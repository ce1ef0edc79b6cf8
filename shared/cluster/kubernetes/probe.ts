import { connect } from "node:net";

const CONNECT_MS = 5000;

/** Connects once and hangs up; answers why it cannot, or `null`. */
export function probe(host: string, port: number): Promise<string | null> {
  return new Promise((resolve) => {
    const socket = connect({ host, port });
    const end = (reason: string | null): void => {
      socket.destroy();
      resolve(reason);
    };
    socket.setTimeout(CONNECT_MS, () => end(`${host} port ${port} did not answer in ${CONNECT_MS / 1000} s`));
    socket.once("connect", () => end(null));
    socket.once("error", ({ code = "" }: NodeJS.ErrnoException) =>
      end(`${host} port ${port} ${MEANINGS[code] ?? code}`),
    );
  });
}

const MEANINGS: Record<string, string> = {
  ECONNREFUSED: "takes no connections",
  ENOTFOUND: "has no address",
  EHOSTUNREACH: "cannot be reached",
  ENETUNREACH: "cannot be reached",
};
