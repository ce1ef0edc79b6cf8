import type { Store } from "#shared/store/store.ts";

/** How to open a store in any process: a module, the name of its function, and what that is handed. */
export type Opening = { module: string; open: string; options: unknown };

export async function openStore({ module, open, options }: Opening): Promise<Store> {
  const exported = (await import(module)) as Record<string, (options: unknown) => Store | Promise<Store>>;
  const opener = exported[open];
  if (opener === undefined) throw new Error(`${module} exports no ${open}`);
  return await opener(options);
}
