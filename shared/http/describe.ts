/** What a function's `api.ts` says of its routes for `/openapi.json`. No function loads it, so no start pays for it. */
import * as z from "zod";

import type { ErrorCode } from "../errors.ts";
import type { Json } from "../state/state.ts";
import type { Routes } from "./routes.ts";

/** A request and what the system answers; a test sends it. Ids in it stand for those that the system gave instead. */
export type Example = {
  params?: Record<string, string>;
  query?: Record<string, string | number>;
  body?: Json;
  /** 200 where it does not say. */
  status?: number;
  /** Text where the answer is no JSON. */
  answer: Json;
};

export type Description = {
  summary: string;
  /** Markdown. */
  description?: string;
  /** Parts of the path that the handler checks by itself. */
  params?: Record<string, z.ZodType>;
  /** Where the handler checks more of the body than the route does: made of the schemas that it checks with. */
  body?: z.ZodType;
  /** A JSON answer, or the media type of another. */
  answer: z.ZodType | string;
  /** Beside those that every route has. */
  errors: ErrorCode[];
  /** By what each shows, kebab-case. */
  examples: Record<string, Example>;
};

export type Api = {
  /** What the function is for. */
  summary: string;
  routes: Routes;
  /** The schemas of bodies and answers, and of parts of them that have a name of their own, by that name. */
  requests: Record<string, z.ZodType>;
  answers: Record<string, z.ZodType>;
  operations: Record<string, Description>;
};

/** Describes each route of a function; the types see to it that none is forgotten. */
export const describe = <T extends Routes>(
  routes: T,
  api: Omit<Api, "routes" | "operations"> & { operations: Record<keyof T, Description> },
): Api => ({ routes, ...api });

/** Any JSON. */
export const json = z.unknown() as z.ZodType<Json>;

export const nothing = z.object({ output: z.null() });
export const accepted = z.object({
  output: z.uuid().describe("the task's id; `GET /interaction/task/get/{id}` says how it goes"),
});
