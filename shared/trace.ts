/** W3C Trace Context (Level 1): which trace, and which task, everything that happens at the moment belongs to. */
import { AsyncLocalStorage } from "node:async_hooks";
import { randomBytes } from "node:crypto";

/** `id` is the trace's, 32 hex digits; `span` is this process's part of it, 16 hex digits. */
export type Trace = { id: string; span: string; flags: string; state: string | undefined };

/** What travels, in HTTP headers and, as the CloudEvents extension "distributed tracing", in events. */
export type TraceHeaders = { traceparent?: string; tracestate?: string };
type Incoming = { [name in keyof TraceHeaders]?: string | undefined };

const storage = new AsyncLocalStorage<{ trace: Trace; taskId?: string }>();

const TRACEPARENT = /^(?!ff)[0-9a-f]{2}-(?<id>(?!0{32})[0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-(?<flags>[0-9a-f]{2})(-|$)/;
/** As long as a `tracestate` has to be handed on (3.3.1.5). */
const STATE_LENGTH = 512;

/** The trace that these headers are of, with a span of its own; a new one where they are missing or say nonsense. */
function begin({ traceparent = "", tracestate }: Incoming): Trace {
  const random = randomBytes(24).toString("hex");
  const { id, flags } = TRACEPARENT.exec(traceparent)?.groups ?? {};
  if (id === undefined || flags === undefined)
    return { id: random.slice(0, 32), span: random.slice(32), flags: "01", state: undefined };
  const state = tracestate !== undefined && tracestate.length <= STATE_LENGTH ? tracestate : undefined;
  return { id, span: random.slice(32), flags, state };
}

/** Does something as a part of the trace that the headers of a request are of. */
export const inTrace = <T>(headers: Incoming, act: () => T): T => storage.run({ trace: begin(headers) }, act);

/** What follows in this request belongs to the trace of the event that it brought, if that has one. */
export function followEvent({ traceparent, tracestate }: Record<string, unknown>): void {
  const current = storage.getStore();
  if (current === undefined || typeof traceparent !== "string" || !TRACEPARENT.test(traceparent)) return;
  current.trace = begin({ traceparent, tracestate: typeof tracestate === "string" ? tracestate : undefined });
}

/** The trace of the moment; none outside of a request. */
export const currentTrace = (): Trace | undefined => storage.getStore()?.trace;

/** What follows in this request is about a task, which its log lines name. */
export function aboutTask(taskId: string): void {
  const current = storage.getStore();
  if (current !== undefined) current.taskId = taskId;
}

/** What every log line of the moment says. */
export function lineFields(): { traceId?: string; taskId?: string } {
  const { trace, taskId } = storage.getStore() ?? {};
  return { ...(trace !== undefined && { traceId: trace.id }), ...(taskId !== undefined && { taskId }) };
}

/** The headers that hand a trace on: by its id, or of the moment. */
export function traceHeaders(id = currentTrace()?.id): TraceHeaders {
  if (id === undefined) return {};
  const { span, flags, state, id: current } = currentTrace() ?? begin({});
  const traceparent = `00-${id}-${span}-${flags}`;
  return state === undefined || id !== current ? { traceparent } : { traceparent, tracestate: state };
}
