import { quote } from "../schema.ts";

/**
 * What a parser could not read: a value, or without a column a whole line. It is named, so that nobody takes a number that is
 * missing for one that never was.
 */
export type Unreadable = { row?: string; column?: string; value: string };

/** One short line for a person. */
export function explainUnreadable({ row, column, value }: Unreadable): string {
  const place = [row && `row ${brief(row)}`, column && brief(column)].filter((part) => part !== undefined);
  return [...(place.length > 0 ? [place.join(", ")] : []), quote(value)].join(": ");
}

const brief = (name: string): string => (name.length > 60 ? `${name.slice(0, 60)}…` : name);
