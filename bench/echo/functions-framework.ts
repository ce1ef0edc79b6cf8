/** The same echo as a CloudEvent function of @google-cloud/functions-framework. */
import { echoRequested, logRequest } from "./event.ts";

export function echo(event: { id: string; type: string; source: string; data: unknown }): void {
  echoRequested.parse(event.data);
  logRequest(event);
}
