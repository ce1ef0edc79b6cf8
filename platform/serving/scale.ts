/** How many instances a revision wants. Pure: the one place to change when more of Knative's autoscaler is honoured. */

export type Scale = {
  containerConcurrency: number;
  minScale: number;
  /** 0 is unlimited. */
  maxScale: number;
};

/** Requests that one instance is meant to have at once, where its concurrency is unlimited: 70 % of 100 (semantics 4). */
const TARGET = 70;

/** Instances for so many requests at once, those that wait included. */
export function wantedFor(requests: number, { containerConcurrency, minScale, maxScale }: Scale): number {
  const wanted = Math.max(Math.ceil(requests / (containerConcurrency || TARGET)), minScale);
  return maxScale > 0 ? Math.min(wanted, maxScale) : wanted;
}

/** Remembers the highest value of the last while, in as few entries as there are different values. */
export class Peak {
  #windowMs: number;
  /** Values that were left, highest first, with the moment they were left. */
  #left: { value: number; until: number }[] = [];

  constructor(windowMs: number) {
    this.#windowMs = windowMs;
  }

  /** The value held until now, and is now left. */
  leave(value: number, now: number): void {
    while ((this.#left.at(-1)?.value ?? Number.POSITIVE_INFINITY) <= value) this.#left.pop();
    this.#left.push({ value, until: now });
  }

  /** The highest value that held within the window. */
  highest(now: number): number {
    while (this.#left[0] !== undefined && this.#left[0].until + this.#windowMs <= now) this.#left.shift();
    return this.#left[0]?.value ?? 0;
  }

  /** When the highest value leaves the window. */
  nextChange(): number | null {
    return this.#left[0] === undefined ? null : this.#left[0].until + this.#windowMs;
  }
}
