/** The only place where an error becomes HTTP: RFC 9457 problem details, which have `detail` as FastAPI's errors do. */
import { Elysia, type ValidationError } from "elysia";
import * as errors from "../errors.ts";
import type { Log } from "../log.ts";
import { requestIdOf } from "./request-id.ts";

export interface Problem {
  readonly status: number;
  readonly detail: string;
  readonly headers?: Record<string, string>;
  /** What to mend, by JSON pointer; never the value that was sent. */
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

export function problemResponse({ status, detail, headers, errors: mend }: Problem): Response {
  const body = {
    type: "about:blank",
    title: TITLES[status] ?? "Error",
    status,
    detail,
    ...(mend ? { errors: mend } : {}),
  };
  return new Response(JSON.stringify(body), {
    status,
    headers: { "content-type": "application/problem+json", "cache-control": "no-store", ...headers },
  });
}

/** Catches whatever a route throws, in every instance that is mounted. */
export const problems = (log: Log) =>
  new Elysia({ name: "problems" }).onError({ as: "global" }, ({ code, error, request, set }) => {
    const problem = problemOf(code, error);
    // For the access log: the hook after the response sees `set`, not this Response.
    set.status = problem.status;
    if (problem.status === 500) {
      log.error({ event: "request_failed", requestId: requestIdOf(request), err: error }, "a request hit a fault");
    }
    return problemResponse(problem);
  });

function problemOf(code: unknown, error: unknown): Problem {
  const domain = problemOfDomainError(error);
  if (domain) return domain;
  switch (code) {
    case "VALIDATION":
      return problemOfValidation(error as ValidationError);
    case "PARSE":
      return { status: 400, detail: "The body is not well-formed JSON, or not a form where a form is expected." };
    case "NOT_FOUND":
      return { status: 404, detail: "There is nothing at this address." };
    case "INVALID_COOKIE_SIGNATURE":
      return { status: 400, detail: "A cookie is not valid." };
    default:
      return { status: 500, detail: "Something went wrong on our side. It has been logged." };
  }
}

function problemOfDomainError(error: unknown): Problem | null {
  if (!(error instanceof errors.DomainError)) return null;
  const detail = error.message;
  const retry = (seconds: number) => ({ "retry-after": String(seconds) });
  const mend = (field: string | null) => (field === null ? {} : { errors: [{ pointer: `/${field}`, detail }] });
  if (error instanceof errors.Unauthenticated)
    return { status: 401, detail, headers: { "www-authenticate": "Bearer" } };
  if (error instanceof errors.Forbidden) return { status: 403, detail };
  if (error instanceof errors.NotFound) return { status: 404, detail };
  if (error instanceof errors.Conflict) return { status: 409, detail, ...mend(error.field) };
  if (error instanceof errors.VersionMismatch) return { status: 412, detail };
  if (error instanceof errors.PasswordsDiffer) return { status: 400, detail, ...mend("password_confirm") };
  if (error instanceof errors.InvalidInput) return { status: 422, detail, ...mend(error.field) };
  if (error instanceof errors.TooManyRequests) return { status: 429, detail, headers: retry(error.retryAfterSeconds) };
  if (error instanceof errors.Unavailable) return { status: 503, detail, headers: retry(error.retryAfterSeconds) };
  return null;
}

/** Names of fields. What else stands in a name's place was typed there, a whole body with its password perhaps. */
const PLAIN_POINTER = /^(\/[a-zA-Z_][\w-]{0,31}|\/\d{1,5})+$/;

/** Elysia's own answer would echo what was sent, passwords included. */
function problemOfValidation(error: ValidationError): Problem {
  if (error.type === "response") {
    return { status: 500, detail: "Something went wrong on our side. It has been logged." };
  }
  const mend = error.all.map((issue) => ({
    pointer: "path" in issue && issue.path && PLAIN_POINTER.test(issue.path) ? issue.path : "/",
    detail: "schema" in issue && typeof issue.schema?.["error"] === "string" ? issue.schema["error"] : wordsOf(issue),
  }));
  const unique = mend
    .filter(({ pointer }, index) => mend.findIndex((m) => m.pointer === pointer) === index)
    .slice(0, 20);
  const [first] = unique;
  return {
    status: 422,
    detail: first ? `${where(error.type, first.pointer)}: ${first.detail}` : "The request does not fit its schema.",
    errors: unique,
  };
}

const wordsOf = (issue: { message?: string; summary?: string | undefined }): string =>
  issue.message ?? "Not as expected.";

const where = (part: string, pointer: string): string =>
  pointer === "/" ? part : pointer.slice(1).replaceAll("/", ".");
