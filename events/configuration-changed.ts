import * as z from "zod";

import { PREFIX, defineEvent } from "./define.ts";

export const configurationChanged = defineEvent({
  type: `${PREFIX}configuration.changed.v1`,
  name: "configuration-changed",
  data: z.object({
    bucketPrefix: z.string().describe("first part of every bucket's name"),
    iceId: z.string().describe("which forwarder and submitter belong together"),
    user: z.string().describe("whose submitter is meant where a call names none"),
  }),
  summary: "`setup/config/init` stored a configuration. Tokens and addresses are never in it.",
  emittedBy: ["setup"],
  wakes: [],
});
