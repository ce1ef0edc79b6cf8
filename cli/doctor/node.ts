import { failed, ok } from "./check.ts";
import type { Finding } from "./check.ts";

/** The oldest that runs lossi. */
const FLOOR = 24;

export function checkNode(version: string = process.versions.node): Finding {
  if (Number(version.split(".")[0]) >= FLOOR) return ok(`Node ${version}`);
  return failed(
    `Node ${version} is too old`,
    `lossi needs Node ${FLOOR} or newer`,
    "npm start   (it brings a Node of its own), or install one from https://nodejs.org",
  );
}
