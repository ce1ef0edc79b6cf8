/** Where the state is, as the environment says: Redis when `REDIS_ENDPOINT` names one, else SQLite in `LOSSI_HOME`. */
import { resolve } from "node:path";

import type { BaseConfig } from "../config.ts";
import { openRedisState } from "./redis.ts";
import { openSqliteState } from "./sqlite.ts";
import type { State } from "./state.ts";

export type StateConfig = Pick<BaseConfig, "LOSSI_HOME" | Extract<keyof BaseConfig, `REDIS_${string}`>>;

export type OpenStateOptions = { warn?: (message: string) => void; now?: () => number };

export function openState(config: StateConfig, { warn = () => {}, now = Date.now }: OpenStateOptions = {}): State {
  if (config.REDIS_ENDPOINT !== "") return openRedisState({ config, warn, now });
  return openSqliteState({ folder: resolve(config.LOSSI_HOME), now });
}
