/** Prometheus' text format (exposition formats, version 0.0.4). */

/** `suffix` is for the parts of a histogram. */
export type Sample = { suffix?: string; labels: Record<string, string>; value: number };
export type Family = { name: string; help: string; type: "gauge" | "counter" | "histogram"; samples: Sample[] };

/** Upper bounds of the histogram of wake-ups, in milliseconds. */
export const WAKE_BOUNDS_MS = [50, 100, 200, 500, 1000, 2000, 5000] as const;

export const METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8";

/** Families without a sample are left out. */
export const renderMetrics = (families: Family[]): string =>
  families
    .filter(({ samples }) => samples.length > 0)
    .map(({ name, help, type, samples }) => {
      const lines = samples.map(({ suffix = "", labels, value }) => `${name}${suffix}${labelsOf(labels)} ${value}`);
      return [`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`, ...lines, ""].join("\n");
    })
    .join("");

function labelsOf(labels: Record<string, string>): string {
  const all = Object.entries(labels).map(([name, value]) => `${name}="${escape(value)}"`);
  return all.length === 0 ? "" : `{${all.join(",")}}`;
}

const escape = (value: string): string => value.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n");
