/** `/openapi.json` and `/docs`, from the files that `build.ts` put beside the function. Read when asked for, so no start pays. */
import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";

import { Hono } from "hono";

import type { AppContext, AppEnv } from "#shared/http/app.ts";

/** Each address, its file in the folder, and what it is. They hold no secrets, so nobody has to say who they are. */
export const API_FILES = {
  "/openapi.json": ["openapi.json", "application/json"],
  "/docs": ["docs/index.html", "text/html; charset=utf-8"],
  "/docs/start.js": ["docs/start.js", "text/javascript; charset=utf-8"],
  "/docs/swagger-ui-bundle.js": ["docs/swagger-ui-bundle.js", "text/javascript; charset=utf-8"],
  "/docs/swagger-ui.css": ["docs/swagger-ui.css", "text/css; charset=utf-8"],
} as const;

/** Nothing from elsewhere, no script or style inside the page, and no other page around it. */
const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "connect-src 'self'",
  "img-src 'self' data:",
  "form-action 'none'",
  "frame-ancestors 'none'",
  "base-uri 'none'",
].join("; ");

/** The routes of the description of the API. */
export function apiPage(folder: string): Hono<AppEnv> {
  const app = new Hono<AppEnv>();
  for (const [path, [file, type]] of Object.entries(API_FILES)) {
    app.get(path, async (c) => answerFile(c, await readFile(join(folder, file)), type));
  }
  return app;
}

/** A browser keeps a copy, and asks each time whether it is still the same. */
function answerFile(c: AppContext, body: Uint8Array<ArrayBuffer>, type: string): Response {
  const etag = `"${createHash("sha256").update(body).digest("base64url").slice(0, 22)}"`;
  c.header("etag", etag);
  c.header("cache-control", "no-cache");
  c.header("content-security-policy", POLICY);
  c.header("x-content-type-options", "nosniff");
  c.header("referrer-policy", "no-referrer");
  const same = (c.req.header("if-none-match") ?? "").split(/\s*,\s*/).some((tag) => tag.replace(/^W\//, "") === etag);
  return same ? c.body(null, 304) : c.body(body, 200, { "content-type": type });
}
