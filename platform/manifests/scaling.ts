/** The autoscaler's annotations on a Service's template (semantics 4). */
import * as z from "zod";

import type { Scaling } from "../serving/kpa.ts";
import { autoscaling } from "./rules.ts";

const SECONDS = { s: 1, m: 60, h: 3600 } as const;

/** A duration of Go in whole seconds, in milliseconds. */
export const duration = (least: number, most: number) =>
  z
    .string()
    .regex(/^\d{1,6}(s|m|h)$/, "expected whole seconds such as 60s")
    .transform((text) => Number.parseInt(text, 10) * SECONDS[text.at(-1) as "s" | "m" | "h"] * 1000)
    .refine((ms) => ms >= least * 1000 && ms <= most * 1000, `has to be from ${least}s to ${most / 3600}h`);

const whole = (least: number) =>
  z
    .string()
    .regex(/^\d{1,4}$/, 'expected a quoted whole number such as "3"')
    .transform(Number)
    .refine((value) => value >= least, `has to be at least ${least}`);

const number = (least: number, most: number) =>
  z
    .string()
    .regex(/^\d{1,6}(\.\d{1,3})?$/, 'expected a quoted number such as "70"')
    .transform(Number)
    .refine((value) => value >= least && value <= most, `has to be from ${least} to ${most}`);

const HOUR = 3600;

/** Those that a template may have; {@link toScaling} has the defaults that depend on others. */
export const annotations = {
  [autoscaling("class")]: z
    .literal("kpa.autoscaling.knative.dev", "expected kpa.autoscaling.knative.dev, the only autoscaler here")
    .optional(),
  [autoscaling("metric")]: z.enum(["concurrency", "rps"]).default("concurrency"),
  [autoscaling("target")]: number(0.01, 1e6).optional(),
  [autoscaling("target-utilization-percentage")]: number(1, 100).default(70),
  [autoscaling("min-scale")]: whole(0).default(0),
  [autoscaling("max-scale")]: whole(0).default(0),
  [autoscaling("initial-scale")]: whole(1).default(0),
  [autoscaling("activation-scale")]: whole(2).default(0),
  [autoscaling("window")]: duration(6, HOUR).default(60_000),
  [autoscaling("panic-window-percentage")]: number(1, 100).default(10),
  [autoscaling("panic-threshold-percentage")]: number(110, 1000).default(200),
  [autoscaling("scale-down-delay")]: duration(0, HOUR).default(0),
  [autoscaling("scale-to-zero-pod-retention-period")]: duration(0, HOUR).default(0),
  // Without effect: the platform is always on the way of a request, as the activator is where this is -1.
  [autoscaling("target-burst-capacity")]: z
    .string()
    .regex(/^(-1|\d{1,9}(\.\d{1,3})?)$/, 'expected "-1", or a quoted number from 0')
    .optional(),
};

type Stated = Record<string, unknown>;

/** A line for each pair that contradicts each other. */
export function complaints(stated: Stated, containerConcurrency: number): string[] {
  const { minScale, maxScale, initialScale, activationScale } = toScaling(stated, containerConcurrency);
  const over = (value: number): boolean => maxScale > 0 && value > maxScale;
  return [
    ...(over(minScale) ? ["min-scale is above max-scale"] : []),
    ...(over(initialScale) ? ["initial-scale is above max-scale"] : []),
    ...(over(activationScale) ? ["activation-scale is above max-scale"] : []),
    ...(activationScale > 0 && activationScale < minScale ? ["activation-scale is below min-scale"] : []),
  ];
}

/** What the autoscaler works with. */
export function toScaling(stated: Stated, containerConcurrency: number): Scaling {
  const get = (name: string): number => Number(stated[autoscaling(name)]);
  const metric = stated[autoscaling("metric")] as Scaling["metric"];
  const target = stated[autoscaling("target")] as number | undefined;
  const windowMs = get("window");
  return {
    metric,
    targetValue: Math.max(
      0.01,
      totalOf(metric, target, containerConcurrency) * (get("target-utilization-percentage") / 100),
    ),
    windowMs,
    panicWindowMs: Math.max(1000, (windowMs * get("panic-window-percentage")) / 100),
    panicThreshold: get("panic-threshold-percentage") / 100,
    minScale: get("min-scale"),
    maxScale: get("max-scale"),
    initialScale: get("initial-scale"),
    activationScale: get("activation-scale"),
    scaleDownDelayMs: get("scale-down-delay"),
    retentionMs: get("scale-to-zero-pod-retention-period"),
  };
}

/** Load of an instance that is full: `target`, but never above its concurrency. */
function totalOf(metric: Scaling["metric"], target: number | undefined, containerConcurrency: number): number {
  if (metric === "rps") return target ?? 200;
  const most = containerConcurrency || 100;
  return containerConcurrency > 0 ? Math.min(target ?? most, most) : (target ?? most);
}
