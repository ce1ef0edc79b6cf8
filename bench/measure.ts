/** What a measure is: rows that may have a target, and a run that finds their figures. */
export type Figure = {
  value: number;
  /** To what the row's `over` names, both taken in the same rounds. */
  ratio?: number;
};

export type Target = { text: string; met: (figure: Figure) => boolean };

export type Row = {
  name: string;
  unit: "ms" | "s" | "MB" | "/s" | "%";
  over?: string;
  target?: Target;
};

export type Measure = {
  title: string;
  /** How it is measured and how to read it, in Markdown; broken into lines anew when printed. */
  about: string;
  rows: readonly Row[];
  /** Answers figures by the names of rows; a row without one was not measured. */
  run: (bench: Bench) => Promise<Map<string, Figure>>;
};

export type Bench = {
  /** A folder that goes away at the end. */
  folder: string;
  /** The Python that has the packages of the stack that lossi replaces; `null`: it is not measured. */
  python: string | null;
};

export const ratioAtMost = (limit: number): Target => ({
  text: `ratio ≤ ${limit}`,
  met: ({ ratio = Number.NaN }) => ratio <= limit,
});

export const ratioAtLeast = (limit: number): Target => ({
  text: `ratio ≥ ${limit}`,
  met: ({ ratio = Number.NaN }) => ratio >= limit,
});

export const atMost = (limit: number, unit: Row["unit"]): Target => ({
  text: `≤ ${limit} ${unit}`,
  met: ({ value }) => value <= limit,
});
