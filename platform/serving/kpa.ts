/**
 * How many instances a revision should have: the algorithm of Knative's KPA (semantics 4, from serving
 * `pkg/autoscaler/scaling` and `pkg/reconciler/autoscaling/kpa`). Pure: time comes in with every call, in milliseconds.
 */

export type Scaling = {
  metric: "concurrency" | "rps";
  /** Load that one instance is meant to have, utilisation included. */
  targetValue: number;
  windowMs: number;
  panicWindowMs: number;
  /** Times the ready instances that the panic window has to ask for. */
  panicThreshold: number;
  minScale: number;
  /** 0 is unlimited. */
  maxScale: number;
  /** At least so many until they have been ready once. */
  initialScale: number;
  activationScale: number;
  scaleDownDelayMs: number;
  /** How long the last instance stays after the decision to have none. */
  retentionMs: number;
};

const MAX_UP_RATE = 1000;
const MAX_DOWN_RATE = 2;

/** Load in buckets of a second, and averages over a window that ends with the bucket of `now`. */
export class Load {
  #bucketMs: number;
  #windowMs: number;
  #buckets = new Map<number, number>();
  #first: number | null = null;
  #last = Number.NEGATIVE_INFINITY;

  constructor(windowMs: number, bucketMs: number) {
    this.#windowMs = windowMs;
    this.#bucketMs = bucketMs;
  }

  /** Adds to the bucket of a moment. */
  record(now: number, value: number): void {
    const bucket = Math.floor(now / this.#bucketMs);
    // After a whole window without a sample, history begins anew.
    if (this.#first === null || (bucket - this.#last) * this.#bucketMs > this.#windowMs) this.#begin(bucket);
    this.#last = Math.max(this.#last, bucket);
    this.#buckets.set(bucket, (this.#buckets.get(bucket) ?? 0) + value);
    for (const old of this.#buckets.keys()) {
      if ((bucket - old) * this.#bucketMs < this.#windowMs) break;
      this.#buckets.delete(old);
    }
  }

  /** `null` before the first sample: no data is no decision. */
  average(now: number, windowMs: number): number | null {
    const end = Math.floor(now / this.#bucketMs);
    if (this.#first === null || end < this.#first) return null;
    const count = Math.min(Math.max(Math.round(windowMs / this.#bucketMs), 1), end - this.#first + 1);
    let sum = 0;
    for (const [bucket, value] of this.#buckets) if (bucket > end - count && bucket <= end) sum += value;
    return Math.round((sum / Math.max(count, 1)) * 1e6) / 1e6;
  }

  #begin(bucket: number): void {
    this.#first = bucket;
    this.#buckets.clear();
  }
}

/** The highest answer of the last while, in steps of a tick (`max.TimeWindow`). */
class DelayWindow {
  #delayMs: number;
  #stepMs: number;
  #answers = new Map<number, number>();

  constructor(delayMs: number, stepMs: number) {
    this.#delayMs = delayMs;
    this.#stepMs = stepMs;
  }

  highest(now: number, answer: number): number {
    const step = Math.floor(now / this.#stepMs);
    this.#answers.set(step, Math.max(answer, this.#answers.get(step) ?? 0));
    for (const old of this.#answers.keys()) if ((step - old) * this.#stepMs >= this.#delayMs) this.#answers.delete(old);
    return Math.max(answer, ...this.#answers.values());
  }
}

export class Autoscaler {
  readonly load: Load;
  #scaling: Scaling;
  #delay: DelayWindow;
  #panicSince: number | null = null;
  #mostInPanic = 0;
  #reachedInitial: boolean;
  #activeSince: number | null = null;
  #inactiveSince: number | null = null;

  constructor(scaling: Scaling, { tickMs = 2000, bucketMs = 1000 } = {}) {
    this.#scaling = scaling;
    this.load = new Load(scaling.windowMs, bucketMs);
    this.#delay = new DelayWindow(scaling.scaleDownDelayMs, tickMs);
    this.#reachedInitial = scaling.initialScale === 0;
  }

  get panicking(): boolean {
    return this.#panicSince !== null;
  }

  /** How many instances there should be, given how many are ready; `null` while nothing is known. */
  decide(now: number, ready: number, { reachable = true } = {}): number | null {
    const load = this.#observe(now);
    if (load === null) return null;
    const answer = this.#fromLoad(load, now, ready, reachable);
    const delayed = reachable && this.#scaling.scaleDownDelayMs > 0 ? this.#delay.highest(now, answer) : answer;
    return this.#toZero(this.#bound(delayed, ready, reachable), now, ready);
  }

  #observe(now: number): { stable: number; panic: number } | null {
    const stable = this.load.average(now, this.#scaling.windowMs);
    const panic = this.load.average(now, this.#scaling.panicWindowMs);
    return stable === null || panic === null ? null : { stable, panic };
  }

  #fromLoad(load: { stable: number; panic: number }, now: number, ready: number, reachable: boolean): number {
    const { targetValue, activationScale, panicThreshold, windowMs } = this.#scaling;
    const readyOrOne = Math.max(ready, 1);
    const least = reachable ? Math.floor(readyOrOne / MAX_DOWN_RATE) : 0;
    const wanted = (value: number): number => {
      const unclamped = Math.ceil(value / targetValue);
      const clamped = Math.min(Math.max(unclamped, least), Math.ceil(MAX_UP_RATE * readyOrOne));
      return unclamped > 0 ? Math.max(clamped, activationScale) : clamped;
    };
    const [stable, panic] = [wanted(load.stable), wanted(load.panic)];
    const over = Math.ceil(load.panic / targetValue) / readyOrOne >= panicThreshold;
    if (over) this.#panicSince = now;
    else if (this.#panicSince !== null && this.#panicSince + windowMs < now) {
      this.#panicSince = null;
      this.#mostInPanic = 0;
    }
    if (this.#panicSince === null) return stable;
    this.#mostInPanic = Math.max(this.#mostInPanic, stable, panic);
    return this.#mostInPanic;
  }

  #bound(answer: number, ready: number, reachable: boolean): number {
    const { minScale, maxScale, initialScale } = this.#scaling;
    if (ready >= initialScale) this.#reachedInitial = true;
    const least = Math.max(reachable ? minScale : 0, this.#reachedInitial ? 0 : initialScale);
    const bounded = Math.max(answer, least);
    return maxScale > 0 ? Math.min(bounded, maxScale) : bounded;
  }

  /** The last instance goes when the revision was active for a window, and the retention has passed. */
  #toZero(answer: number, now: number, ready: number): number {
    if (ready > 0) this.#activeSince ??= now;
    if (answer > 0) {
      this.#inactiveSince = null;
      return answer;
    }
    if (ready === 0) return 0;
    const { windowMs, retentionMs } = this.#scaling;
    if (now - (this.#activeSince as number) < windowMs) return 1;
    this.#inactiveSince ??= now;
    if (now - this.#inactiveSince < retentionMs) return 1;
    this.#activeSince = null;
    this.#inactiveSince = null;
    return 0;
  }
}
