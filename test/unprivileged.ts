/** Folders and files that really cannot be read, also where tests run as root. */
import { chmodSync, statSync } from "node:fs";

import { onTestFinished } from "vitest";

const NOBODY = 65_534;

/** For the rest of the test rights matter to this process; to be called before anything is made. */
export function unprivileged(): void {
  if (process.geteuid?.() !== 0) return;
  process.seteuid?.(NOBODY);
  onTestFinished(() => process.seteuid?.(0));
}

/** Takes away all rights; the function that is returned, or the end of the test, gives them back. */
export function withoutRights(path: string): () => void {
  const { mode } = statSync(path);
  const restore = (): void => chmodSync(path, mode);
  onTestFinished(restore);
  chmodSync(path, 0);
  return restore;
}
