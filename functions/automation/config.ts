import { baseConfig } from "#shared/config.ts";
import { notificationConfig } from "#shared/objects/notifications.ts";

export const config = baseConfig.extend(notificationConfig);
