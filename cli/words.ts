/** Times as people say them: `83 ms`, `12 s`, `3 min`, `2 h`, `5 days`. */
export function duration(ms: number): string {
  const steps: [number, string][] = [
    [86_400_000 * 2, "days"],
    [3_600_000, "h"],
    [60_000, "min"],
    [1000, "s"],
  ];
  const step = steps.find(([from]) => ms >= from);
  if (step === undefined) return `${Math.max(0, Math.round(ms))} ms`;
  const unit = step[1] === "days" ? 86_400_000 : step[0];
  return `${Math.floor(ms / unit)} ${step[1]}`;
}

/** `1 task`, `2 tasks` */
export const many = (count: number, noun: string): string => `${count} ${noun}${count === 1 ? "" : "s"}`;

/** Words in lines of at most `width` signs, each after the first behind `indent`; what is longer than a line stays whole. */
export function wrap(text: string, width: number, indent: string): string {
  const lines: string[] = [];
  for (const word of text.split(" ")) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + 1 + word.length <= width) lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(word);
  }
  return lines.join(`\n${indent}`);
}
