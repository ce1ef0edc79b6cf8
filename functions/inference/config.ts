import * as z from "zod";

import { baseConfig, count } from "#shared/config.ts";

export const config = baseConfig.extend({
  /** Where a server with an OpenAI-compatible API answers; by default in the container beside this one. */
  LOSSI_INFERENCE_URL: z.url({ protocol: /^http$/ }).default("http://127.0.0.1:8081"),
  /** Milliseconds that the answer to a task may take: less than the Service's timeoutSeconds, so that it ends with words. */
  LOSSI_INFERENCE_TIMEOUT_MS: count(570_000),
});
