import * as z from "zod";

/** Whether a model is served here, and where from; empty is nowhere. */
export const inferenceVariables = {
  LOSSI_INFERENCE_URL: z.union([z.literal(""), z.url({ protocol: /^http$/ })]).default(""),
};
