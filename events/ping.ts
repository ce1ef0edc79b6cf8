import * as z from "zod";

import { defineEvent } from "./define.ts";

export const ping = defineEvent({
  type: "dev.knative.sources.ping",
  name: "ping",
  data: z.unknown().describe("what the PingSource's `data` says"),
  summary: "Knative's own: a PingSource fired.",
  emittedBy: ["PingSource schedule"],
  wakes: ["schedule"],
});
