import type * as z from "zod";

/** What every event type of ours begins with. */
export const PREFIX = "dev.lossi.";

/** One event of the catalogue. */
export type EventDefinition<T extends z.ZodType = z.ZodType> = {
  type: string;
  /** File name of the schema and its samples. */
  name: string;
  data: T;
  /** When it is sent, in a sentence. */
  summary: string;
  emittedBy: string[];
  wakes: string[];
  /** Reads the data of an event of this type; throws what is wrong with it. */
  parse: (data: unknown) => z.infer<T>;
};

type Description<T extends z.ZodType> = Omit<EventDefinition<T>, "parse">;

/** Describes an event; senders may grow, so unknown fields of its data are left out, not refused. */
export const defineEvent = <T extends z.ZodType>(description: Description<T>): EventDefinition<T> => ({
  ...description,
  parse: (data) => description.data.parse(data),
});
