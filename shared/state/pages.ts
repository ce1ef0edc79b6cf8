import type { Document, Documents } from "./state.ts";

/** Every document beneath a prefix, by key, however many pages that takes. */
export async function* documentsUnder(
  documents: Pick<Documents, "list">,
  prefix: string,
): AsyncGenerator<Document, undefined> {
  for (let page = await documents.list(prefix); ;) {
    yield* page;
    const last = page.at(-1);
    if (last === undefined) return;
    page = await documents.list(prefix, { after: last.key });
  }
}
