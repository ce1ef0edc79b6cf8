import * as z from "zod";

/** The S3 that `"used-client": "none"` means in a cluster. The names are those that AWS's own tools read. */
export const embeddedVariables = {
  AWS_ENDPOINT_URL: z.string().default(""),
  AWS_REGION: z.string().default(""),
  AWS_ACCESS_KEY_ID: z.string().default(""),
  AWS_SECRET_ACCESS_KEY: z.string().default(""),
};

export type EmbeddedConfig = z.infer<z.ZodObject<typeof embeddedVariables>> & {
  LOSSI_HOME: string;
  LOSSI_CLUSTER_URL?: string | undefined;
  KUBERNETES_SERVICE_HOST: string;
};
