/** What holds for every request and answer, whatever the route: ids, limits, headers, the access log. */
import { Elysia } from "elysia";
import type { Log } from "../log.ts";
import { pathOf } from "./path.ts";
import { problemResponse } from "./problem.ts";
import { requestIdOf } from "./request-id.ts";

/** The largest body any route takes is a profile; 64 KiB is far over it. */
export const MAX_BODY_BYTES = 64 * 1024;

/** Answers of an API are data: nothing in them may run, be framed or be sniffed. Pages set a policy of their own. */
const SECURITY_HEADERS = {
  "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
  "x-content-type-options": "nosniff",
  "referrer-policy": "no-referrer",
  "cross-origin-resource-policy": "same-origin",
} as const;

/** RFC 9112 §3.2 asks for a 400. Bun writes it into the URL as it is: with a slash in it, it would be part of the path. */
const HOST = /^([\w.-]+|\[[\da-fA-F:.]+\])(:\d{1,5})?$/;

const startedAt = new WeakMap<Request, number>();

export const edge = (log: Log, options: { readonly https: boolean }) =>
  new Elysia({ name: "edge" })
    .onRequest(({ request, set }) => {
      startedAt.set(request, performance.now());
      Object.assign(set.headers, SECURITY_HEADERS);
      set.headers["x-request-id"] = requestIdOf(request);
      if (options.https) set.headers["strict-transport-security"] = "max-age=31536000";
      if (!HOST.test(request.headers.get("host") ?? "localhost")) {
        return problemResponse({ status: 400, detail: "The Host header is not a host." });
      }
      const length = Number(request.headers.get("content-length") ?? 0);
      if (length > MAX_BODY_BYTES) {
        return problemResponse({ status: 413, detail: `The body is larger than ${MAX_BODY_BYTES} bytes.` });
      }
      const wrongType = unsupportedType(request);
      return wrongType ? problemResponse({ status: 415, detail: wrongType }) : undefined;
    })
    .onAfterResponse({ as: "global" }, ({ request, set, responseValue, path }) => {
      const status = responseValue instanceof Response ? responseValue.status : Number(set.status ?? 200);
      log.info({
        event: "request",
        requestId: requestIdOf(request),
        method: request.method,
        // Never the query: it may carry a token.
        path,
        status,
        ms: Math.round((performance.now() - (startedAt.get(request) ?? performance.now())) * 10) / 10,
      });
    });

/**
 * A body must say what it is, so that no cross-site form or `text/plain` post reaches a JSON route (R15).
 * Only the login and the reset page's form are forms; their routes parse nothing else.
 */
function unsupportedType(request: Request): string | null {
  if (request.method === "GET" || request.method === "HEAD" || request.method === "OPTIONS") return null;
  const type = request.headers.get("content-type")?.split(";")[0]?.trim().toLowerCase();
  const hasBody = request.headers.has("transfer-encoding") || Number(request.headers.get("content-length") ?? 0) > 0;
  if (!hasBody) return null;
  const wanted = FORM_PATHS.has(pathOf(request).replace(/\/$/, ""))
    ? "application/x-www-form-urlencoded"
    : "application/json";
  return type === wanted ? null : `This takes ${wanted}.`;
}

const FORM_PATHS: ReadonlySet<string> = new Set([
  "/token",
  "/revoke",
  "/introspect",
  "/reset_password",
  "/confirm_email",
  "/freeze_account",
]);
