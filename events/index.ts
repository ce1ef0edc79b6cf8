/** The event catalogue: one schema per type, the source of types, docs, the Trigger check and test fixtures. */
import { configurationChanged } from "./configuration-changed.ts";
import type { EventDefinition } from "./define.ts";
import { jobFinished, jobStarted, jobSubmitted, runCollected } from "./job-changed.ts";
import { objectCreated, objectRemoved } from "./object-changed.ts";
import { ping } from "./ping.ts";
import { taskFinished } from "./task-finished.ts";
import {
  artifactsRequested,
  forwardingRequested,
  inferenceRequested,
  logsRequested,
  orchestrationRequested,
  scheduleRequested,
} from "./task-requested.ts";

export {
  artifactsRequested,
  configurationChanged,
  forwardingRequested,
  inferenceRequested,
  jobFinished,
  jobStarted,
  jobSubmitted,
  logsRequested,
  objectCreated,
  objectRemoved,
  orchestrationRequested,
  ping,
  runCollected,
  scheduleRequested,
  taskFinished,
};

export const catalogue: EventDefinition[] = [
  orchestrationRequested,
  forwardingRequested,
  artifactsRequested,
  inferenceRequested,
  logsRequested,
  scheduleRequested,
  taskFinished,
  configurationChanged,
  objectCreated,
  objectRemoved,
  jobSubmitted,
  jobStarted,
  jobFinished,
  runCollected,
  ping,
];
