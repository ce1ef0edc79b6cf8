/** A revision: its instances, the requests that wait for one, and how many there should be. */
import { LossiError, messageOf } from "#shared/errors.ts";

import type { ServiceResource } from "../resources.ts";
import { Instance } from "./instance.ts";
import type { Exit } from "./instance.ts";
import { Autoscaler } from "./kpa.ts";
import { Meter } from "./meter.ts";
import type { ServingOptions } from "./serving.ts";

/** An instance's promise to take one request; `release` when it is over, also when the instance broke the connection. */
export type Place = { instance: Instance; service: ServiceResource; release: (broken?: boolean) => void };
type Waiter = {
  resolve: (place: Place | Promise<Place>) => void;
  reject: (error: Error) => void;
  /** Aborted when nobody wants the place any more. */
  signal: AbortSignal;
};

/** As many as Knative's activator holds for a revision (semantics 3). */
const MOST_WAITING = 10_000;
/** How often a function may end before it was ever ready until its callers hear of it. */
const TRIES = 3;
/** A function that ends again and again is started at growing distances, up to this. */
const LONGEST_PAUSE_MS = 5000;
/** How long an instance that broke a connection is left alone. */
const DOUBT_MS = 50;

export class Revision {
  readonly service: ServiceResource;
  #options: ServingOptions;
  #autoscaler: Autoscaler;
  #meter: Meter;
  #instances: Instance[] = [];
  #waiting: Waiter[] = [];
  /** How many instances there should be. */
  #target = 0;
  #starting = 0;
  #stopping = new Set<Instance>();
  #failures = 0;
  #pausedUntil = 0;
  #ticking: NodeJS.Timeout | undefined;
  #pause: NodeJS.Timeout | undefined;
  #retired = false;
  #firstReady = Promise.withResolvers<void>();

  constructor(service: ServiceResource, options: ServingOptions) {
    this.service = service;
    this.#options = options;
    const tickMs = options.tickMs;
    this.#autoscaler = new Autoscaler(service.scaling, { tickMs, bucketMs: tickMs / 2 });
    this.#meter = new Meter(this.#autoscaler.load, service.scaling.metric, tickMs / 2);
    this.#firstReady.promise.catch(() => {});
  }

  get name(): string {
    return `${this.service.name}-${String(this.service.generation).padStart(5, "0")}`;
  }

  /**
   * A place in an instance with room for one more request; waits while there is none, until `signal`. Throws
   * `unavailable`, or what the signal was aborted with.
   */
  acquire(signal: AbortSignal): Promise<Place> {
    if (this.#retired) throw this.#beingStopped();
    const instance = this.#waiting.length === 0 ? this.#pick() : null;
    this.#meter.arrived(Date.now());
    if (instance !== null) return Promise.resolve(this.#place(instance));
    if (this.#waiting.length >= MOST_WAITING)
      throw new LossiError("unavailable", `${MOST_WAITING} requests already wait for ${this.service.name}`);
    return new Promise((resolve, reject) => {
      const waiter = { resolve, reject, signal };
      this.#waiting.push(waiter);
      const leave = (): void => {
        this.#waiting = this.#waiting.filter((one) => one !== waiter);
        reject(signal.reason);
        this.#changed();
      };
      if (signal.aborted) leave();
      else signal.addEventListener("abort", leave, { once: true });
      this.#changed();
    });
  }

  /** Starts what it should have before anybody calls, at least `atLeast` instances. Resolves when one is ready. */
  start(atLeast = 0): Promise<void> {
    const { minScale, initialScale } = this.service.scaling;
    this.#target = Math.max(this.#target, minScale, initialScale, atLeast);
    this.#changed();
    return this.#firstReady.promise;
  }

  describe() {
    const instances = this.#instances.map(({ pid, port, state, inFlight }) => ({ pid, port, state, inFlight }));
    const { name, namespace } = this.service;
    return { name, namespace, revision: this.name, instances, waiting: this.#waiting.length };
  }

  /**
   * Takes no further request. What waits goes to `successor` or is refused, requests under way end, at the latest when
   * their time is up, and then every instance is stopped.
   */
  async retire({ successor, graceMs }: { successor?: Revision; graceMs?: number } = {}): Promise<void> {
    this.#retired = true;
    clearTimeout(this.#ticking);
    clearTimeout(this.#pause);
    this.#firstReady.reject(this.#beingStopped());
    for (const { resolve, reject, signal } of this.#waiting.splice(0)) {
      if (successor === undefined) reject(this.#beingStopped());
      else resolve(Promise.resolve().then(() => successor.acquire(signal)));
    }
    await Promise.all(this.#instances.map((instance) => this.#stop(instance, graceMs)));
  }

  #beingStopped(): LossiError {
    return new LossiError("unavailable", `${this.service.name} is being stopped; call again`);
  }

  #place(instance: Instance): Place {
    instance.inFlight += 1;
    this.#changed();
    return { instance, service: this.service, release: (broken = false) => this.#release(instance, broken) };
  }

  /** One that broke the connection gets no other request before its probe answers again. */
  #release(instance: Instance, broken: boolean): void {
    instance.inFlight -= 1;
    if (broken && instance.state === "ready") {
      instance.state = "starting";
      // A process that is being killed may take a connection yet; a moment later it takes none.
      setTimeout(() => void this.#whenReady(instance), DOUBT_MS);
    }
    this.#serveWaiting();
    this.#changed();
  }

  /** Unlimited: the less loaded of two at random; limited: the first with room (semantics 3). */
  #pick(): Instance | null {
    const ready = this.#instances.filter(({ state }) => state === "ready");
    const limit = this.service.containerConcurrency;
    if (limit > 0) return ready.find(({ inFlight }) => inFlight < limit) ?? null;
    const random = (): Instance | undefined => ready[Math.floor(Math.random() * ready.length)];
    const [one, other] = [random(), random()];
    return (one && other && other.inFlight < one.inFlight ? other : one) ?? null;
  }

  #serveWaiting(): void {
    while (this.#waiting.length > 0) {
      const instance = this.#pick();
      if (instance === null) return;
      const { resolve } = this.#waiting.shift() as Waiter;
      resolve(this.#place(instance));
    }
  }

  #load(): number {
    return this.#waiting.length + this.#instances.reduce((sum, { inFlight }) => sum + inFlight, 0);
  }

  /** Notes the load, and starts at once what waiting requests need: a laptop does not wait for the next tick. */
  #changed(): void {
    if (this.#retired) return;
    this.#meter.change(Date.now(), this.#load());
    if (this.#waiting.length > 0) this.#target = Math.max(this.#target, this.#needed());
    this.#fill();
    if (this.#isAwake()) this.#ticking ??= setTimeout(() => this.#tick(), this.#options.tickMs);
  }

  /** Instances for the requests of this moment. */
  #needed(): number {
    const { containerConcurrency, scaling } = this.service;
    const perInstance =
      containerConcurrency || (scaling.metric === "concurrency" ? Math.max(scaling.targetValue, 1) : 100);
    const needed = Math.ceil(this.#load() / perInstance);
    return scaling.maxScale > 0 ? Math.min(needed, scaling.maxScale) : needed;
  }

  #isAwake(): boolean {
    return this.#instances.length + this.#starting + this.#waiting.length + this.#target > 0;
  }

  #tick(): void {
    this.#ticking = undefined;
    if (this.#retired) return;
    const ready = this.#instances.filter(({ state }) => state === "ready").length;
    const wanted = this.#autoscaler.decide(this.#meter.complete(Date.now()), ready);
    if (wanted !== null && (ready > 0 || wanted > 0)) this.#target = wanted;
    // One that never gets ready, and that nobody waits for, is given up.
    else if (this.#failures >= TRIES) this.#target = 0;
    if (this.#waiting.length > 0) this.#target = Math.max(this.#target, this.#needed());
    this.#drop();
    this.#changed();
  }

  #live(): Instance[] {
    return this.#instances.filter(({ state }) => state === "starting" || state === "ready");
  }

  #fill(): void {
    const now = Date.now();
    const missing = this.#target - this.#live().length - this.#starting;
    if (missing <= 0) return;
    if (now < this.#pausedUntil) return this.#fillAfter(this.#pausedUntil - now + 1);
    if (this.#instances.length === 0 && this.#starting === 0) this.#options.onActive(this.service, true);
    for (let n = 0; n < missing; n++) void this.#start();
  }

  #fillAfter(ms: number): void {
    this.#pause ??= setTimeout(() => {
      this.#pause = undefined;
      this.#changed();
    }, ms);
  }

  /** Stops idle instances beyond the target. */
  #drop(): void {
    const live = this.#live();
    const idle = live.filter(({ state, inFlight }) => state === "ready" && inFlight === 0);
    for (const instance of idle.slice(0, Math.max(live.length - this.#target, 0))) void this.#stop(instance);
  }

  async #start(): Promise<void> {
    const { args, env, log, gpus } = this.#options;
    this.#starting += 1;
    const { gpuSlots, name } = this.service;
    if (gpus.isShort(gpuSlots)) {
      const { total, free } = gpus.describe();
      const hint = total === 0 ? "; LOSSI_GPU_CARDS=1 npm start offers ten" : "";
      log({ level: "warn", message: `${name} waits for ${gpuSlots} GPU slots, ${free} of ${total} are free${hint}` });
    }
    const giveBack = gpuSlots > 0 ? await gpus.take(gpuSlots, name) : () => {};
    if (this.#retired || this.#live().length >= this.#target) {
      this.#starting -= 1;
      return giveBack();
    }
    const options = { service: this.service, args: args(this.service), env, log };
    const instance = await Instance.start(options).catch((error: unknown) => {
      giveBack();
      this.#starting -= 1;
      this.#onCrash({ code: null, signal: null, lastWords: messageOf(error) });
      this.#changed();
    });
    if (instance === undefined) return;
    this.#starting -= 1;
    this.#instances.push(instance);
    void instance.exited.then(giveBack);
    void instance.exited.then((exit) => this.#onExit(instance, exit));
    if (this.#retired) return void this.#stop(instance);
    const deadline = setTimeout(() => this.#giveUp(instance), this.service.progressDeadlineMs);
    const isReady = await this.#whenReady(instance);
    clearTimeout(deadline);
    if (!isReady) return;
    const ms = Math.round(performance.now() - instance.startedAt);
    log({ level: "info", message: `${name} woke in ${ms} ms` });
  }

  /** Waiting once more would not help. */
  #giveUp(instance: Instance): void {
    this.#failures = TRIES - 1;
    instance.kill(`it was not ready within ${this.service.progressDeadlineMs / 1000} s`);
  }

  async #whenReady(instance: Instance): Promise<boolean> {
    if (!(await instance.ready(this.service.readinessPath))) return false;
    this.#failures = 0;
    this.#firstReady.resolve();
    this.#serveWaiting();
    this.#changed();
    return true;
  }

  #onExit(instance: Instance, exit: Exit): void {
    const expected = this.#stopping.delete(instance);
    this.#instances = this.#instances.filter((one) => one !== instance);
    if (!expected && !this.#retired) this.#onCrash(exit);
    if (expected && this.#instances.length === 0 && this.#starting === 0) {
      this.#options.onActive(this.service, false);
      if (!this.#retired) this.#options.log({ level: "info", message: `${this.service.name} sleeps` });
    }
    this.#changed();
  }

  /** Starts again at once the first time, as a kubelet does, then at growing distances. */
  #onCrash({ code, signal, lastWords }: Exit): void {
    this.#failures += 1;
    const end = signal === null ? `ended with code ${code}` : `ended by ${signal}`;
    const how = `${this.service.name} ${code === null && signal === null ? "could not be started" : end}`;
    const why = lastWords === "" ? how : `${how}: ${lastWords.slice(0, 300)}`;
    this.#options.log({ level: "warn", message: why });
    if (this.#failures < 2) return;
    this.#pausedUntil = Date.now() + Math.min(50 * 2 ** this.#failures, LONGEST_PAUSE_MS);
    if (this.#failures < TRIES) return;
    const error = new LossiError("unavailable", why);
    this.#firstReady.reject(error);
    for (const { reject } of this.#waiting.splice(0)) reject(error);
  }

  /** Waits for requests under way, then ends the process. */
  async #stop(instance: Instance, graceMs = this.service.timeoutMs): Promise<void> {
    this.#stopping.add(instance);
    instance.state = "draining";
    const deadline = Date.now() + graceMs;
    while (instance.inFlight > 0 && Date.now() < deadline) await new Promise((done) => setTimeout(done, 20));
    await instance.stop(graceMs);
  }
}
