import type { ListOptions, ObjectInfo, Store } from "./store.ts";

/** Every object beneath a prefix, by key, however many pages that takes. */
export async function* objectsUnder(
  store: Pick<Store, "list">,
  bucket: string,
  prefix = "",
  options: Pick<ListOptions, "onUnreadable"> = {},
): AsyncGenerator<ObjectInfo, undefined> {
  for (let after: string | null = ""; after !== null;) {
    const page: Awaited<ReturnType<Store["list"]>> = await store.list(bucket, {
      ...options,
      prefix,
      ...(after !== "" && { after }),
    });
    yield* page.objects;
    after = page.next;
  }
}
