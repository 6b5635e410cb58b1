/** The only place where an error becomes HTTP: RFC 9457 problem details, which have `detail` as FastAPI's errors do. */
import { Elysia, type ValidationError } from "elysia";
import { asUnavailable, isConnectionError } from "../db/errors.ts";
import * as errors from "../errors.ts";
import type { Log } from "../log.ts";
import { PROBLEM_TYPE_PREFIX, PROBLEM_TYPES, type ProblemType } from "../problem-types.ts";
import { routeFactsOf } from "./admission.ts";
import type { RouteFacts } from "./operation.ts";
import { requestIdOf } from "./request-id.ts";

export interface Problem {
  readonly type: ProblemType;
  readonly detail: string;
  readonly headers?: Record<string, string>;
  /** What is wrong, by JSON pointer; never the value that was sent. */
  readonly errors?: readonly { readonly pointer: string; readonly detail: string }[];
}

export const TITLES: Readonly<Record<number, string>> = {
  400: "Bad Request",
  401: "Unauthorized",
  403: "Forbidden",
  404: "Not Found",
  405: "Method Not Allowed",
  409: "Conflict",
  412: "Precondition Failed",
  413: "Content Too Large",
  415: "Unsupported Media Type",
  422: "Unprocessable Content",
  429: "Too Many Requests",
  500: "Internal Server Error",
  503: "Service Unavailable",
};

export function problemResponse(request: Request, { type, detail, headers, errors: list }: Problem): Response {
  const { status } = PROBLEM_TYPES[type];
  const facts = routeFactsOf(request);
  const challenge = challengeOf(type, detail, facts);
  const oauth = facts?.oauthErrors ? { error: oauthErrorOf(type), error_description: ascii(detail) } : {};
  const body = {
    type: PROBLEM_TYPE_PREFIX + type,
    title: TITLES[status] ?? "Error",
    status,
    detail,
    ...(list ? { errors: list } : {}),
    ...oauth,
  };
  return new Response(JSON.stringify(body), {
    status,
    headers: {
      "content-type": "application/problem+json",
      "cache-control": "no-store",
      ...(challenge ? { "www-authenticate": challenge } : {}),
      ...headers,
    },
  });
}

/**
 * Catches what a route throws, in every instance that is mounted.
 * @param onDatabaseAway is told of each error of a connection to the database.
 */
export const problems = (log: Log, onDatabaseAway: (error: unknown) => void = () => {}) =>
  new Elysia({ name: "problems" }).onError({ as: "global" }, ({ code, error, request, set }) => {
    const problem = problemOf(code, error);
    // The access log reads `set`, not this Response.
    set.status = PROBLEM_TYPES[problem.type].status;
    if (isConnectionError(error)) onDatabaseAway(error);
    if (problem.type === "internal-error") {
      log.error({ event: "request_failed", requestId: requestIdOf(request), err: error }, "a request hit a fault");
    }
    return problemResponse(request, problem);
  });

const INTERNAL_ERROR: Problem = {
  type: "internal-error",
  detail: "Something went wrong on our side. It has been logged.",
};

function problemOf(code: unknown, error: unknown): Problem {
  const domain = problemOfDomainError(asUnavailable(error));
  if (domain) return domain;
  switch (code) {
    case "VALIDATION":
      return problemOfValidation(error as ValidationError);
    case "PARSE":
      // What our parser threw; anything else is a connection that closed while its body was read.
      return (
        problemOfDomainError((error as Error).cause) ?? { type: "malformed-body", detail: "The body did not arrive." }
      );
    case "NOT_FOUND":
      return { type: "not-found", detail: "There is nothing at this address." };
    case "INVALID_COOKIE_SIGNATURE":
      return { type: "malformed-request", detail: "A cookie is not valid." };
    default:
      return INTERNAL_ERROR;
  }
}

function problemOfDomainError(error: unknown): Problem | null {
  if (!(error instanceof errors.DomainError) || error.type === null) return null;
  const { type, message: detail } = error;
  const retryAfter = (seconds: number) => ({ headers: { "retry-after": String(seconds) } });
  const fieldOf = (field: string | null) => (field === null ? {} : { errors: [{ pointer: `/${field}`, detail }] });
  return {
    type,
    detail,
    ...(error instanceof errors.Conflict || error instanceof errors.InvalidInput ? fieldOf(error.field) : {}),
    ...(error instanceof errors.PasswordsDiffer ? fieldOf("password_confirm") : {}),
    ...(error instanceof errors.TooManyRequests || error instanceof errors.Unavailable
      ? retryAfter(error.retryAfterSeconds)
      : {}),
  };
}

/** RFC 6750 §3: a request without a token gets no error code; a token that is bad or not enough gets one (§3.1). */
function challengeOf(type: ProblemType, detail: string, facts: RouteFacts | null): string | null {
  const described = `error_description="${ascii(detail)}"`;
  if (type === "invalid-access-token") return `Bearer error="invalid_token", ${described}`;
  if (type === "forbidden" && facts && facts.access !== "public")
    return `Bearer error="insufficient_scope", ${described}`;
  return PROBLEM_TYPES[type].status === 401 ? "Bearer" : null;
}

/** RFC 6749 §5.2, RFC 6750 §3.1, and for what those leave out the codes of RFC 6749 §4.1.2.1. */
function oauthErrorOf(type: ProblemType): string {
  switch (type) {
    case "wrong-credentials":
    case "invalid-refresh-token":
    case "credentials-changed":
      return "invalid_grant";
    case "unsupported-grant-type":
      return "unsupported_grant_type";
    case "login-required":
    case "invalid-access-token":
      return "invalid_token";
    case "forbidden":
      return "insufficient_scope";
    case "too-many-requests":
    case "unavailable":
      return "temporarily_unavailable";
    case "internal-error":
      return "server_error";
    default:
      return "invalid_request";
  }
}

/** What `error_description` may hold: printable ASCII without the quote and the backslash (RFC 6749 §5.2). */
const ascii = (text: string): string => text.replace(/["\\]/g, "'").replace(/[^\x20-\x7e]/g, "?");

/** Names of fields. Anything else may be what a person typed in the wrong place, such as a password. */
const PLAIN_POINTER = /^(\/[a-zA-Z_][\w-]{0,31}|\/\d{1,5})+$/;

/** Elysia's own answer would echo what was sent, passwords included. */
function problemOfValidation(error: ValidationError): Problem {
  if (error.type === "response") return INTERNAL_ERROR;
  const found = error.all.map((issue) => ({
    pointer: "path" in issue && issue.path && PLAIN_POINTER.test(issue.path) ? issue.path : "/",
    detail: "schema" in issue && typeof issue.schema?.["error"] === "string" ? issue.schema["error"] : wordsOf(issue),
  }));
  const unique = found
    .filter(({ pointer }, index) => found.findIndex((one) => one.pointer === pointer) === index)
    .slice(0, 20);
  const [first] = unique;
  return {
    type: "invalid-input",
    detail: first ? `${where(error.type, first.pointer)}: ${first.detail}` : "The request does not fit its schema.",
    errors: unique,
  };
}

const wordsOf = (issue: { message?: string; summary?: string | undefined }): string =>
  issue.message ?? "Not as expected.";

const where = (part: string, pointer: string): string =>
  pointer === "/" ? part : pointer.slice(1).replaceAll("/", ".");
