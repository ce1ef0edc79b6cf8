/** Writes docs/run-record.schema.json from the schema that the collector writes by: `node docs/run-record.ts`. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";

import * as z from "zod";

import { runRecord } from "#shared/jobs/run-record.ts";

export const renderRunRecord = (): string => `${JSON.stringify(z.toJSONSchema(runRecord), null, 2)}\n`;

if (import.meta.main) writeFileSync(join(import.meta.dirname, "run-record.schema.json"), renderRunRecord());
