import { baseConfig } from "#shared/config.ts";
import { inferenceVariables } from "#shared/inference.ts";

export const config = baseConfig.extend(inferenceVariables);
