import * as z from "zod";

/** A whole number; one that is empty means the default, as the forwarder's variables did. */
const number = (fallback: number, most: number) =>
  z
    .string()
    .regex(/^\d*$/, "expected a whole number")
    .transform((text) => (text === "" ? fallback : Number(text)))
    .pipe(z.number().max(most))
    .default(fallback);

/** Where Redis is. The names are those that the forwarder has always read. */
export const redisVariables = {
  /** Host name; the state is in Redis when it is set, else in SQLite. */
  REDIS_ENDPOINT: z.string().default(""),
  REDIS_PORT: number(6379, 65_535),
  REDIS_DB: number(0, 1_000_000),
  REDIS_USERNAME: z.string().default(""),
  REDIS_PASSWORD: z.string().default(""),
  REDIS_TLS: z.union([z.literal("").transform(() => false), z.stringbool()]).default(false),
  /** PEM file with the authority that signed the server's certificate, where it is not a public one. */
  REDIS_CA_FILE: z.string().default(""),
};

const redisConfig = z.object(redisVariables);
export type RedisConfig = z.infer<typeof redisConfig>;
