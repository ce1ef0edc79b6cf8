#!/usr/bin/env node
// What `npx lossi` runs in a clone: the command as the build made it. Plain JavaScript, as any Node has to run it.
import { existsSync } from "node:fs";

const built = new URL("../dist/lossi.mjs", import.meta.url);

if (existsSync(built)) await import(built.href);
else {
  console.error("lossi: the command is not built yet");
  console.error("  why:  dist/lossi.mjs is missing in this clone");
  console.error("  next: npm run build   (npm start builds it as well)");
  process.exitCode = 1;
}
