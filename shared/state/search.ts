/** Looking for a text in what was stored, the same way in every driver: databases know no case beyond ASCII. */

/**
 * Tells whether one of the `plain` texts or of the JSON texts has `text` in it, without regard to case. A quote or a line break
 * is found in JSON too, where it is written otherwise.
 */
export function searchFor(text: string): (plain: readonly unknown[], json: readonly unknown[]) => boolean {
  const words = text.toLowerCase();
  const escaped = JSON.stringify(words).slice(1, -1);
  const spellings = escaped === words ? [words] : [words, escaped];
  const has = (value: unknown, wanted: string[]): boolean => {
    const lower = typeof value === "string" ? value.toLowerCase() : "";
    return wanted.some((spelling) => lower.includes(spelling));
  };
  return (plain, json) => plain.some((value) => has(value, [words])) || json.some((value) => has(value, spellings));
}

/** The same for a task as drivers keep it; nothing says nothing, also where it is written `null`. */
export function searchTasks(text: string): (task: Record<string, unknown>) => boolean {
  if (text === "") return () => true;
  const has = searchFor(text);
  return ({ id, name, user, reason, payload, result }) =>
    has(
      [id, name, user, reason],
      [payload, result].filter((json) => json !== "null"),
    );
}
