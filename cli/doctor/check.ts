/** One thing that a doctor looks at. */
import type { Parts } from "../failure.ts";

export type Finding = { state: "ok" | "skipped"; what: string } | ({ state: "failed" } & Parts);

export const ok = (what: string): Finding => ({ state: "ok", what });
/** It could not be looked at, or need not be. */
export const skipped = (what: string): Finding => ({ state: "skipped", what });
export const failed = (what: string, why: string, next: string): Finding => ({ state: "failed", what, why, next });
