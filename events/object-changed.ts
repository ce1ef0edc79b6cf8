import * as z from "zod";

import { PREFIX, defineEvent } from "./define.ts";

const place = {
  bucket: z.string().describe("also the attribute `bucket`"),
  key: z.string().describe("also the attribute `subject`, percent-encoded as in a URI"),
};

export const objectCreated = defineEvent({
  type: `${PREFIX}object.created.v1`,
  name: "object-created",
  data: z.object({
    ...place,
    size: z.number().int().nonnegative().describe("bytes"),
    etag: z.string().describe("of the state that is told; look again before relying on it"),
    lastModified: z.iso.datetime().describe("by the store's clock"),
  }),
  summary: "An object of a watched bucket appeared, or has other content than was told last.",
  emittedBy: ["bucket-events"],
  wakes: ["automation", "collector"],
});

export const objectRemoved = defineEvent({
  type: `${PREFIX}object.removed.v1`,
  name: "object-removed",
  data: z.object(place),
  summary: "An object that was told of is gone.",
  emittedBy: ["bucket-events"],
  wakes: [],
});
