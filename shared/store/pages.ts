import type { ObjectInfo, Store } from "./store.ts";

/** Every object beneath a prefix, by key, however many pages that takes. */
export async function* objectsUnder(
  store: Pick<Store, "list">,
  bucket: string,
  prefix = "",
): AsyncGenerator<ObjectInfo, undefined> {
  for (let after: string | null = ""; after !== null;) {
    const page: Awaited<ReturnType<Store["list"]>> = await store.list(bucket, {
      prefix,
      ...(after !== "" && { after }),
    });
    yield* page.objects;
    after = page.next;
  }
}
