/** The same echo as a CloudEvent function of faas-js-runtime. */
import { echoRequested, logRequest } from "./event.ts";

export function handle(_context: unknown, event: { id: string; type: string; source: string; data: unknown }): void {
  echoRequested.parse(event.data);
  logRequest(event);
}
