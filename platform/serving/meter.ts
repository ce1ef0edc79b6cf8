import type { Load, Scaling } from "./kpa.ts";

/** Turns requests under way into the load that the autoscaler averages: time-weighted, bucket by bucket. */
export class Meter {
  #load: Load;
  #metric: Scaling["metric"];
  #bucketMs: number;
  #at = 0;
  #value = 0;

  constructor(load: Load, metric: Scaling["metric"], bucketMs: number) {
    this.#load = load;
    this.#metric = metric;
    this.#bucketMs = bucketMs;
  }

  /** A request came. */
  arrived(now: number): void {
    if (this.#metric === "rps") this.#load.record(now, 1000 / this.#bucketMs);
  }

  /** So many requests are under way from now on. */
  change(now: number, requests: number): void {
    if (this.#metric === "concurrency") this.#integrate(now);
    this.#at = now;
    this.#value = requests;
  }

  /** Brings the load up to date and answers a moment in the last bucket that is complete. */
  complete(now: number): number {
    this.change(now, this.#value);
    this.#load.record(now, 0);
    return Math.floor(now / this.#bucketMs) * this.#bucketMs - 1;
  }

  #integrate(now: number): void {
    if (this.#value === 0) return;
    for (let from = this.#at; from < now;) {
      const to = Math.min(now, (Math.floor(from / this.#bucketMs) + 1) * this.#bucketMs);
      this.#load.record(from, (this.#value * (to - from)) / this.#bucketMs);
      from = to;
    }
  }
}
