/** Errors as every route answers them. */
import * as z from "zod";

import { STATUS } from "#shared/errors.ts";
import type { ErrorCode } from "#shared/errors.ts";

export const errorAnswer = z.object({
  code: z.enum(Object.keys(STATUS) as [ErrorCode, ...ErrorCode[]]),
  message: z.string().describe("what was wrong and what would be right"),
  requestId: z.string().describe("the log has it; also the header `x-request-id`"),
});

/** What any route may answer. */
export const COMMON: ErrorCode[] = [
  "unauthorized",
  "forbidden",
  "too_large",
  "overloaded",
  "header_too_large",
  "internal",
  "unavailable",
];

const MEANS: Record<ErrorCode, string> = {
  invalid: "cannot be parsed, or is not what the schema asks for",
  unauthorized: "nobody has this token, or none was sent",
  forbidden: "it is for administrators, or belongs to somebody else",
  not_found: "there is no such thing, or it is somebody else's",
  method_not_allowed: "another method is meant",
  conflict: "there is no configuration yet, or somebody is on it",
  credentials: "the store's credentials are over; call init again",
  too_large: "the body is larger than a mebibyte",
  rejected: "understood, and will never work",
  overloaded: "too many wrong passwords; wait for a minute",
  header_too_large: "the headers are larger than 16 KiB",
  internal: "something went wrong inside; the log has it",
  unavailable: "the state, the store or the function cannot be reached now; try again",
};

/** The name of the response that tells of a status, by its first code. */
export const responseName = (status: number): string =>
  String(codesOf(status)[0]).replaceAll(/(?:^|_)(\w)/g, (_, letter: string) => letter.toUpperCase());

const codesOf = (status: number): ErrorCode[] =>
  (Object.keys(STATUS) as ErrorCode[]).filter((code) => STATUS[code] === status);

/** By name, one per status. */
export function errorResponses(): Record<string, object> {
  const responses = [...new Set(Object.values(STATUS))].map((status) => [
    responseName(status),
    {
      description: codesOf(status)
        .map((code) => `\`${code}\`: ${MEANS[code]}`)
        .join("; "),
      content: { "application/json": { schema: { $ref: "#/components/schemas/Error" } } },
    },
  ]);
  return Object.fromEntries(responses) as Record<string, object>;
}
