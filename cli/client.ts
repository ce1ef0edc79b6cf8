/** Calls to a lossi, wherever it runs. */
import { EXIT, Failure, usage } from "./failure.ts";

export type Environment = Record<string, string | undefined>;

export interface Client {
  url: string;
  /** Whether it is on this machine. */
  local: boolean;
  /** The parsed answer. Throws a failure with the exit code of what went wrong. */
  get<T>(path: string): Promise<T>;
  post<T>(path: string, body: unknown): Promise<T>;
}

/** A function on a cluster may have to be woken, on a machine that has to fetch its image first. */
const ANSWER_MS = 60_000;

/** The lossi that `--url` or `LOSSI_URL` names, else the one of this machine. */
export function openClient(flag: string | undefined, env: Environment): Client {
  const url = addressOf(flag, env);
  const token = tokenOf(env);
  const call = async <T>(method: string, path: string, body?: unknown): Promise<T> => {
    const answer = await ask(url, method, path, token, body);
    const text = await answer.text().catch((error: unknown) => {
      throw unreachable(url, error);
    });
    const parsed = tryJson(text);
    if (answer.ok && parsed !== undefined) return parsed as T;
    throw refused(url, `${method} ${path.split("?")[0]}`, answer, parsed);
  };
  return {
    url,
    local: isLoopback(new URL(url).hostname),
    get: (path) => call("GET", path),
    post: (path, body) => call("POST", path, body),
  };
}

export const isLoopback = (host: string): boolean =>
  host === "localhost" || host.endsWith(".localhost") || host === "[::1]" || /^127(\.\d+){3}$/.test(host);

function addressOf(flag: string | undefined, env: Environment): string {
  const port = env["LOSSI_PORT"] || "7600";
  const named = flag ?? (env["LOSSI_URL"] || undefined);
  if (named === undefined && !(/^\d{1,5}$/.test(port) && Number(port) < 65_536))
    throw usage(`LOSSI_PORT is ${port}, which is no port`, "expected a number such as 7600");
  const name = flag === undefined ? "LOSSI_URL" : "--url";
  const url = URL.parse(named ?? `http://127.0.0.1:${port}`);
  if (url === null || !/^https?:$/.test(url.protocol) || url.search !== "" || url.hash !== "")
    throw usage(`${name} is no address`, "expected one such as https://lossi.example.org or http://127.0.0.1:7600");
  if (url.username !== "" || url.password !== "")
    throw usage(`${name} has a user or password in it`, "lossi takes a token from LOSSI_TOKEN, and nothing else");
  return url.href.replace(/\/+$/, "");
}

/** Checked here, as `fetch` would repeat in its complaint what no header can hold. */
function tokenOf(env: Environment): string {
  const token = (env["LOSSI_TOKEN"] ?? "").trim();
  if (/^[\x21-\x7e]*$/.test(token)) return token;
  throw usage("LOSSI_TOKEN is no token", "it has a sign that no token has, such as a blank, a line break or …");
}

async function ask(url: string, method: string, path: string, token: string, body: unknown): Promise<Response> {
  const headers = { ...(token !== "" && { authorization: `Bearer ${token}` }) };
  const json = body !== undefined && { body: JSON.stringify(body) };
  try {
    return await fetch(url + path, {
      method,
      headers: { ...headers, accept: "application/json", ...(json && { "content-type": "application/json" }) },
      ...json,
      // The token is for nobody else.
      redirect: "manual",
      signal: AbortSignal.timeout(ANSWER_MS),
    });
  } catch (error) {
    throw unreachable(url, error);
  }
}

/** What Node's names for broken connections mean. */
const MEANINGS: Record<string, string> = {
  ECONNREFUSED: "nothing listens there",
  ENOTFOUND: "there is no machine of that name",
  EAI_AGAIN: "the name could not be looked up; the network may be away",
  EHOSTUNREACH: "no way leads to that machine",
  ENETUNREACH: "no way leads to that network",
  ETIMEDOUT: "it does not answer",
  UND_ERR_CONNECT_TIMEOUT: "it does not answer",
  ECONNRESET: "it hung up",
  UND_ERR_SOCKET: "it hung up",
  DEPTH_ZERO_SELF_SIGNED_CERT:
    "its certificate is signed by nobody that Node knows; NODE_EXTRA_CA_CERTS=FILE names one more",
  UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    "its certificate is signed by nobody that Node knows; NODE_EXTRA_CA_CERTS=FILE names one more",
  ERR_SSL_WRONG_VERSION_NUMBER: "what listens there speaks no TLS, so it may be http:// and not https://",
  HTTPParserError: "what listens there speaks no HTTP",
};

function unreachable(url: string, error: unknown): Failure {
  const { name, cause } = error as { name: string; cause?: { name?: string; code?: string; message?: string } };
  const code = cause?.code ?? cause?.name ?? "";
  const why =
    name === "TimeoutError"
      ? `no answer within ${ANSWER_MS / 1000} s`
      : (MEANINGS[code] ?? cause?.message ?? String(error));
  return new Failure(EXIT.unreachable, {
    what: `lossi at ${url} cannot be reached`,
    why,
    next: nextFor(url, code),
  });
}

function nextFor(url: string, code: string): string {
  if (code === "ERR_SSL_WRONG_VERSION_NUMBER") return `--url ${url.replace(/^https/, "http")}`;
  if (!isLoopback(new URL(url).hostname)) return `curl -i ${url}/healthz   (and check --url or LOSSI_URL)`;
  return code === "HTTPParserError"
    ? "lossi doctor   (it names what listens there)"
    : "npm start   (or --url URL, LOSSI_URL or LOSSI_PORT, where it runs elsewhere)";
}

function refused(url: string, call: string, answer: Response, parsed: unknown): Failure {
  const { status } = answer;
  const { message, requestId, code } = (parsed ?? {}) as { message?: string; requestId?: string; code?: string };
  const what = `${call} was answered ${status}`;
  if (status === 401)
    return new Failure(EXIT.notAllowed, {
      what: `lossi at ${url} does not know who calls`,
      why: message ?? what,
      next: "export LOSSI_TOKEN=…   (the token an administrator gave you; docs/security.md)",
    });
  if (status === 403)
    return new Failure(EXIT.notAllowed, {
      what: `lossi at ${url} does not allow this`,
      why: message ?? what,
      next: "export LOSSI_TOKEN=…   (one of an administrator; docs/security.md)",
    });
  if (message === undefined || code === undefined) {
    const location = answer.headers.get("location");
    const why = location === null ? `${what}, in other words than lossi's` : `${what}, which leads to ${location}`;
    const elsewhere = location === null ? undefined : URL.parse(location, url)?.origin;
    const isHere = elsewhere === undefined || elsewhere === new URL(url).origin;
    const next = isHere ? `curl -i ${url}/status` : `--url ${elsewhere}`;
    // A proxy says in its own words that the lossi behind it is away; other answers are not lossi's at all.
    return new Failure(
      EXIT.broken,
      { what: `what answers at ${url} is no lossi`, why, next },
      status < 500 ? 0 : status,
    );
  }
  const next =
    status < 500 ? "correct it and try again" : `lossi logs --text ${requestId ?? "warn"}   (or lossi doctor)`;
  return new Failure(EXIT.broken, { what, why: message, next }, status);
}

function tryJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
