/**
 * Names that lead to this machine because it says so itself. A page of another site can make its own name lead here as well
 * (DNS rebinding), and is then of the same origin for its browser; only the name gives it away.
 */

/** Whether a name or address is of the loopback interface. */
export const isLoopback = (name: string): boolean =>
  name === "localhost" || name.endsWith(".localhost") || name === "[::1]" || /^127(\.\d{1,3}){3}$/.test(name);

const CLUSTER_SUFFIXES = [".svc.cluster.local", ".svc"];

/** Whether the `Host` of a request is a loopback or cluster name, or one of these. Only programs leave it out. */
export function isOwnHost(header: string | undefined, also: readonly string[] = []): boolean {
  const name = (header ?? "").toLowerCase().replace(/:\d*$/, "").replace(/\.$/, "");
  const isCluster = CLUSTER_SUFFIXES.some((suffix) => name.endsWith(suffix));
  return name === "" || isLoopback(name) || isCluster || also.includes(name);
}

/** The name in an address, for {@link isOwnHost}; none where there is no address. */
export const hostsOf = (url: string | undefined): string[] => {
  const name = URL.parse(url ?? "")?.hostname;
  return name === undefined ? [] : [name];
};

/** What is answered to a request for any other. */
export const foreignHost = (header: string | undefined): string =>
  `${JSON.stringify((header ?? "").slice(0, 100))} is no name of this machine; call 127.0.0.1 or localhost, or start lossi with LOSSI_PUBLIC_URL=https://… of that name, and tokens are asked for`;
