import { baseConfig, count } from "#shared/config.ts";
import { inferenceVariables } from "#shared/inference.ts";

/** The port of the container beside this one. */
const BESIDE = "http://127.0.0.1:8081";

export const config = baseConfig.extend({
  /** Where a server with an OpenAI-compatible API answers. */
  LOSSI_INFERENCE_URL: inferenceVariables.LOSSI_INFERENCE_URL.transform((url) => url || BESIDE),
  /** Milliseconds that the answer to a task may take: less than the Service's timeoutSeconds, so that it ends with words. */
  LOSSI_INFERENCE_TIMEOUT_MS: count(570_000),
});
