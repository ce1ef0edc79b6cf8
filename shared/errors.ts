/** The closed set of error codes, and the HTTP status each becomes. The status also decides whether a broker tries an
 * event again (Knative data plane: 404, 408, 409, 429 and 5xx are retried, other 4xx are final). */
export const STATUS = {
  invalid: 400,
  unauthorized: 401,
  forbidden: 403,
  not_found: 404,
  method_not_allowed: 405,
  conflict: 409,
  credentials: 409,
  too_large: 413,
  rejected: 422,
  overloaded: 429,
  header_too_large: 431,
  internal: 500,
  unavailable: 503,
} as const;

export type ErrorCode = keyof typeof STATUS;

/** An error whose message a caller may read: it says what was wrong and what would be right. */
export class LossiError extends Error {
  override name = "LossiError";
  readonly code: ErrorCode;

  constructor(code: ErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** The code of any thrown value; what is not ours is `internal`. */
export function codeOf(error: unknown): ErrorCode {
  return error instanceof LossiError ? error.code : "internal";
}

/** The message of any thrown value, for logs and reasons. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

const FINAL: ReadonlySet<ErrorCode> = new Set([
  "invalid",
  "rejected",
  "not_found",
  "forbidden",
  "unauthorized",
  "too_large",
]);

/** Whether trying again could not help. */
export const isFinal = (error: unknown): boolean => FINAL.has(codeOf(error));
