/** A revision: its instances, the requests that wait for one, and how many there should be. */
import { LossiError } from "#shared/errors.ts";

import type { ServiceResource } from "../resources.ts";
import { Instance } from "./instance.ts";
import type { Exit } from "./instance.ts";
import { Peak, wantedFor } from "./scale.ts";
import type { ServingOptions } from "./serving.ts";

type Waiter = { resolve: (instance: Instance) => void; reject: (error: Error) => void };

/** As many as Knative's activator holds for a revision (semantics 3). */
const MOST_WAITING = 10_000;
/** How often a function may end before it was ever ready until its callers hear of it. */
const TRIES = 3;
/** A function that ends again and again is started at growing distances, up to this. */
const LONGEST_PAUSE_MS = 5000;
/** How long an instance that broke a connection is left alone. */
const DOUBT_MS = 50;
/** Longest wait for a function to end when the platform itself ends. */
const CLOSE_GRACE_MS = 10_000;

export class Revision {
  readonly service: ServiceResource;
  #options: ServingOptions;
  #instances: Instance[] = [];
  #waiting: Waiter[] = [];
  #wanted = 0;
  #peak: Peak;
  #failures = 0;
  #pausedUntil = 0;
  #timer: NodeJS.Timeout | undefined;
  #starting = 0;
  #stopping = new Set<Instance>();
  #retired = false;

  constructor(service: ServiceResource, options: ServingOptions) {
    this.service = service;
    this.#options = options;
    this.#peak = new Peak(service.windowMs);
    if (service.minScale > 0) this.#update();
  }

  /** An instance with room for one more request; waits while there is none. Throws `unavailable`. */
  acquire(): Promise<Instance> {
    if (this.#retired) throw this.#beingStopped();
    const instance = this.#waiting.length === 0 ? this.#pick() : null;
    if (instance !== null) {
      instance.inFlight += 1;
      this.#update();
      return Promise.resolve(instance);
    }
    if (this.#waiting.length >= MOST_WAITING)
      throw new LossiError("unavailable", `${MOST_WAITING} requests already wait for ${this.service.name}`);
    return new Promise((resolve, reject) => {
      this.#waiting.push({ resolve, reject });
      this.#update();
    });
  }

  /** A request on the instance has ended; one that broke the connection gets no other before its probe answers again. */
  release(instance: Instance, broken = false): void {
    instance.inFlight -= 1;
    if (broken && instance.state === "ready") {
      instance.state = "starting";
      // A process that is being killed may take a connection yet; a moment later it takes none.
      setTimeout(() => void this.#whenReady(instance), DOUBT_MS);
    }
    this.#serveWaiting();
    this.#update();
  }

  /** Starts an instance as if a request had just ended. */
  wake(): void {
    this.#peak.leave(1, Date.now());
    this.#update();
  }

  describe() {
    const instances = this.#instances.map(({ pid, state, inFlight }) => ({ pid, state, inFlight }));
    return { name: this.service.name, namespace: this.service.namespace, instances, waiting: this.#waiting.length };
  }

  /** Lets requests under way end and stops every instance; those that wait, and later ones, are refused. */
  async retire(): Promise<void> {
    this.#retired = true;
    clearTimeout(this.#timer);
    for (const { reject } of this.#waiting.splice(0)) reject(this.#beingStopped());
    await Promise.all(this.#instances.map((instance) => this.#stop(instance)));
  }

  #beingStopped(): LossiError {
    return new LossiError("unavailable", `${this.service.name} is being stopped; call again`);
  }

  #live(): Instance[] {
    return this.#instances.filter(({ state }) => state === "starting" || state === "ready");
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
      instance.inFlight += 1;
      this.#waiting.shift()?.resolve(instance);
    }
  }

  /** Holds what there is against what is wanted: up at once, down when a window has passed. */
  #update(): void {
    if (this.#retired) return;
    const now = Date.now();
    const requests = this.#waiting.length + this.#instances.reduce((sum, { inFlight }) => sum + inFlight, 0);
    const wanted = wantedFor(requests, this.service);
    if (wanted < this.#wanted) this.#peak.leave(this.#wanted, now);
    this.#wanted = wanted;
    const desired = Math.max(wanted, this.#peak.highest(now));
    const live = this.#live();
    if (live.length + this.#starting < desired) this.#startMore(desired - live.length - this.#starting);
    else if (live.length > desired) this.#sleep(live, live.length - desired);
    this.#plan(now);
  }

  #plan(now: number): void {
    clearTimeout(this.#timer);
    const at = [this.#peak.nextChange(), this.#pausedUntil].filter(
      (time): time is number => time !== null && time > now,
    );
    if (at.length > 0) this.#timer = setTimeout(() => this.#update(), Math.min(...at) - now + 1);
  }

  #startMore(count: number): void {
    if (Date.now() < this.#pausedUntil) return;
    if (this.#instances.length === 0 && this.#starting === 0) this.#options.onActive(this.service, true);
    for (let n = 0; n < count; n++) void this.#start();
  }

  async #start(): Promise<void> {
    const { command, env, log } = this.#options;
    this.#starting += 1;
    const instance = await Instance.start({ service: this.service, command: command(this.service), env, log });
    this.#starting -= 1;
    this.#instances.push(instance);
    void instance.exited.then((exit) => this.#onExit(instance, exit));
    if (this.#retired) return void this.#stop(instance);
    if (!(await this.#whenReady(instance))) return;
    log({
      level: "info",
      message: `${this.service.name} woke in ${Math.round(performance.now() - instance.startedAt)} ms`,
    });
  }

  async #whenReady(instance: Instance): Promise<boolean> {
    if (!(await instance.ready(this.service.readinessPath))) return false;
    this.#failures = 0;
    this.#serveWaiting();
    this.#update();
    return true;
  }

  #onExit(instance: Instance, exit: Exit): void {
    const expected = instance.state === "ended" && this.#stopping.delete(instance);
    this.#instances = this.#instances.filter((one) => one !== instance);
    if (!expected && !this.#retired) this.#onCrash(exit);
    if (expected && this.#instances.length === 0 && this.#starting === 0) {
      this.#options.onActive(this.service, false);
      this.#options.log({ level: "info", message: `${this.service.name} sleeps` });
    }
    this.#update();
  }

  /** Starts again at once the first time, as a kubelet does, then at growing distances. */
  #onCrash({ code, signal, lastWords }: Exit): void {
    this.#failures += 1;
    const how = `${this.service.name} ended ${signal === null ? `with code ${code}` : `by ${signal}`}`;
    const why = lastWords === "" ? how : `${how}: ${lastWords.slice(0, 300)}`;
    this.#options.log({ level: "warn", message: why });
    if (this.#failures < 2) return;
    this.#pausedUntil = Date.now() + Math.min(50 * 2 ** this.#failures, LONGEST_PAUSE_MS);
    if (this.#failures < TRIES) return;
    for (const { reject } of this.#waiting.splice(0)) reject(new LossiError("unavailable", why));
  }

  #sleep(live: Instance[], count: number): void {
    const idle = live.filter(({ state, inFlight }) => state === "ready" && inFlight === 0);
    for (const instance of idle.slice(0, count)) void this.#stop(instance);
  }

  /** Waits for requests under way, then ends the process. */
  async #stop(instance: Instance): Promise<void> {
    this.#stopping.add(instance);
    instance.state = "draining";
    const graceMs = this.#retired ? Math.min(this.service.timeoutMs, CLOSE_GRACE_MS) : this.service.timeoutMs;
    const deadline = Date.now() + graceMs;
    while (instance.inFlight > 0 && Date.now() < deadline) await new Promise((done) => setTimeout(done, 20));
    await instance.stop(graceMs);
  }
}
