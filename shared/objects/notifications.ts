/** Asks a gateway to notify of new objects, over the SNS and S3 calls that Ceph takes on the same port. */
import * as z from "zod";

import type { Configuration } from "../configuration.ts";
import { messageOf } from "../errors.ts";
import type { Logger } from "../log.ts";
import type { Documents } from "../state/state.ts";
import { NOTIFICATIONS_DOCUMENT, NOTIFICATIONS_PATH } from "./watched.ts";

/** What a function that asks for notifications reads from its environment. */
export const notificationConfig = {
  /** What notifications of a gateway bring along, so that nobody else can send them; without it none are asked for. */
  LOSSI_NOTIFICATION_SECRET: z.string().min(16).optional(),
  /** Where a gateway reaches `/bucket-events/notifications` of the edge; empty where it cannot. */
  LOSSI_NOTIFICATION_URL: z.union([z.literal(""), z.url({ protocol: /^https?$/ })]).default(""),
  /** The edge on a laptop, which only a gateway on the same laptop reaches. */
  LOSSI_EDGE_URL: z.url({ protocol: /^http$/ }).optional(),
};
type Config = z.infer<z.ZodObject<typeof notificationConfig>>;

/** Asks for notifications from buckets, where the store has them. Never throws. */
export type Subscribe = (configuration: Configuration, buckets: string[]) => Promise<void>;

/** The subscriber notes whether notifications come, or why not: then the sweep alone finds what changed. */
export function createSubscriber(options: Config, documents: Documents, log: Logger): Subscribe {
  return async (configuration, buckets) => {
    const reason = await subscribe(options, configuration, buckets).catch(messageOf);
    if (reason !== null) log.info({ reason }, "no notifications; sweeps find what changed");
    await documents.put(NOTIFICATIONS_DOCUMENT, { on: reason === null, reason });
  };
}

/** Why there are none, or `null`. */
async function subscribe(
  { LOSSI_NOTIFICATION_URL: url, LOSSI_EDGE_URL: edge, LOSSI_NOTIFICATION_SECRET: secret }: Config,
  configuration: Configuration,
  buckets: string[],
): Promise<string | null> {
  const { "used-client": client, endpoint = "", region = "" } = configuration;
  if (client === "none") return "the embedded store needs none";
  if (client === "swift") return "Swift has none; init with s3 asks for them";
  const push = url || (isLoopback(endpoint) && edge !== undefined ? `${edge}${NOTIFICATIONS_PATH}` : "");
  if (push === "" || secret === undefined)
    return "the gateway does not know where to send them; LOSSI_NOTIFICATION_URL and LOSSI_NOTIFICATION_SECRET say so";
  const aws = await import("../store/aws-sdk.ts");
  const credentials = {
    accessKeyId: configuration["access-key-id"] ?? "",
    secretAccessKey: configuration["secret-access-key"] ?? "",
  };
  const settings = { endpoint, region, credentials, maxAttempts: 2 };
  const sns = new aws.SNSClient(settings);
  const s3 = new aws.S3Client({ ...settings, forcePathStyle: true });
  try {
    const Attributes = { "push-endpoint": push, OpaqueData: secret, persistent: "true" };
    const { TopicArn } = await sns.send(new aws.CreateTopicCommand({ Name: topicOf(configuration), Attributes }));
    // Not of removals: with those, a delete of several keys in one call ends the gateway (seen with Ceph 16.2).
    const topic = { Id: "lossi", TopicArn, Events: ["s3:ObjectCreated:*" as const] };
    for (const Bucket of buckets) {
      const NotificationConfiguration = { TopicConfigurations: [topic] };
      await s3.send(new aws.PutBucketNotificationConfigurationCommand({ Bucket, NotificationConfiguration }));
    }
    return null;
  } finally {
    sns.destroy();
    s3.destroy();
  }
}

const topicOf = (configuration: Configuration): string =>
  `lossi-${configuration["bucket-prefix"]}-${configuration["ice-id"]}`.replaceAll(/[^a-zA-Z0-9_-]/g, "-");

const isLoopback = (endpoint: string): boolean =>
  /^(?:localhost|127\.\d+\.\d+\.\d+|\[::1\])$/.test(new URL(endpoint).hostname);
