/** One line for the person in front of the platform. */
export type Log = (line: { level: "info" | "warn" | "error"; message: string }) => void;
