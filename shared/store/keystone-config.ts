import * as z from "zod";

/** How OpenStack's own tools name them: who asks Keystone for tokens. */
export const keystoneVariables = {
  /** Where Keystone v3 is, such as `https://pouta.csc.fi:5001/v3`; tokens are asked for when all three are set. */
  OS_AUTH_URL: z
    .union([
      z.literal(""),
      z.url({ protocol: /^https?$/, error: "expected an address such as https://pouta.csc.fi:5001/v3" }),
    ])
    .default(""),
  OS_USERNAME: z.string().default(""),
  OS_PASSWORD: z.string().default(""),
  /** Of the object store in the catalog, where there are several. */
  OS_REGION_NAME: z.string().default(""),
};

const keystoneConfig = z.object(keystoneVariables);
export type KeystoneConfig = z.infer<typeof keystoneConfig>;

/** The variables without which no token can be asked for. */
export const missingFrom = (config: KeystoneConfig): string[] =>
  (["OS_AUTH_URL", "OS_USERNAME", "OS_PASSWORD"] as const).filter((name) => config[name] === "");
