/** How a function takes events: `POST /` in either mode, 202 with an empty body, an error status that decides redelivery. */
import { fromHttp } from "../cloudevents/http.ts";
import { jsonData } from "../cloudevents/event.ts";
import { LossiError, messageOf } from "../errors.ts";
import { followEvent } from "../trace.ts";
import type { CloudEvent } from "../cloudevents/event.ts";
import type { App, AppContext } from "./app.ts";

/** A parsed event and its data, as its definition in the catalogue says. */
export type Handler = {
  parse: (data: unknown) => unknown;
  handle: (data: never, event: CloudEvent, c: AppContext) => Promise<void>;
};

/** Pairs a definition of the catalogue with the step that handles it. */
export const on = <T>(
  parse: (data: unknown) => T,
  handle: (data: T, event: CloudEvent, c: AppContext) => Promise<void>,
): Handler => ({
  parse,
  handle: handle as Handler["handle"],
});

/** Routes events by type. A missing thing is `rejected` here, since a broker would try a 404 again (semantics 8). */
export function onEvents(app: App, handlers: Record<string, Handler>): void {
  app.post("/", async (c) => {
    const event = fromHttp(c.req.header(), c.var.body);
    const { type, id, source, subject } = event.attributes;
    followEvent(event.attributes);
    c.set("log", c.var.log.child({ ceId: id, ceType: type, ceSource: source, ceSubject: subject }));
    const handler = handlers[String(type)];
    if (handler === undefined)
      throw new LossiError(
        "rejected",
        `this function handles ${Object.keys(handlers).join(", ")}, not ${String(type)}`,
      );
    await handler.handle(parseData(handler, event) as never, event, c).catch(keepFinal);
    return c.body(null, 202);
  });
}

function parseData(handler: Handler, event: CloudEvent): unknown {
  try {
    return handler.parse(jsonData(event));
  } catch (cause) {
    throw new LossiError("invalid", `the event's data: ${messageOf(cause)}`, { cause });
  }
}

function keepFinal(error: unknown): never {
  if (error instanceof LossiError && error.code === "not_found")
    throw new LossiError("rejected", error.message, { cause: error });
  throw error;
}
