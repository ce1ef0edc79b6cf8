/** A sign as it would stand in JSON, also one that JSON leaves as it is. */
export function escaped(sign: string): string {
  const named = JSON.stringify(sign).slice(1, -1);
  return named === sign ? `\\u${sign.charCodeAt(0).toString(16).padStart(4, "0")}` : named;
}

/**
 * Text that others wrote, on one line and in the order in which it was written: what begins a line, steers a terminal, or turns
 * its direction (U+202A to U+202E, U+2066 to U+2069) stands there as it would in JSON.
 */
export const plain = (text: string): string =>
  // oxlint-disable-next-line no-control-regex -- these are what is looked for
  text.replaceAll(/[\u0000-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069]/g, escaped);
