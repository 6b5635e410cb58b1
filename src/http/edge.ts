/** What holds for every request and every answer: the request id, security headers and the access log. */
import { Elysia } from "elysia";
import type { Log } from "../log.ts";
import type { Metrics } from "../metrics/metrics.ts";
import type { Readiness } from "../readiness.ts";
import type { Tracer } from "../tracing/tracer.ts";
import { routeOf } from "./admission.ts";
import { hasLoopbackHost } from "./loopback.ts";
import { problemResponse } from "./problem.ts";
import { requestIdOf } from "./request-id.ts";
import { beginSpan, endSpan } from "./request-spans.ts";

/** An answer of the API is data: nothing in it may run, be framed or be sniffed. Pages set a policy of their own. */
const SECURITY_HEADERS = {
  "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
  "x-content-type-options": "nosniff",
  "referrer-policy": "no-referrer",
  "cross-origin-resource-policy": "same-origin",
} as const;

/** Anything else is a 400 (RFC 9112 §3.2). Bun writes the header into the URL, where a slash would be part of the path. */
const HOST = /^([\w.-]+|\[[\da-fA-F:.]+\])(:\d{1,5})?$/;

const startedAt = new WeakMap<Request, number>();

interface EdgeOptions {
  readonly https: boolean;
  /** Only requests that name this machine as their Host are answered (`loopback.ts`). */
  readonly loopbackOnly: boolean;
  /** Null: they are not served. */
  readonly metrics: Pick<Metrics, "answered"> | null;
  readonly readiness: Pick<Readiness, "stopping">;
  /** Null: requests are not traced. */
  readonly tracer: Tracer | null;
}

export const edge = (log: Log, options: EdgeOptions) =>
  new Elysia({ name: "edge" })
    .onRequest(({ request, set }) => {
      startedAt.set(request, performance.now());
      if (options.tracer) beginSpan(options.tracer, request);
      Object.assign(set.headers, SECURITY_HEADERS);
      set.headers["x-request-id"] = requestIdOf(request);
      // A proxy that keeps connections would otherwise send a request on one that is being closed (RFC 9112 §9.6).
      if (options.readiness.stopping) set.headers["connection"] = "close";
      if (options.https) set.headers["strict-transport-security"] = "max-age=31536000";
      if (!HOST.test(request.headers.get("host") ?? "localhost")) {
        return problemResponse(request, { type: "malformed-request", detail: "The Host header is not a host." });
      }
      if (options.loopbackOnly && !hasLoopbackHost(request)) {
        const detail =
          "With the embedded PostgreSQL, dundie answers on localhost only. Set DATABASE_URL to serve others.";
        return problemResponse(request, { type: "forbidden", detail });
      }
    })
    .onAfterResponse({ as: "global" }, ({ request, set, responseValue, path }) => {
      const status = responseValue instanceof Response ? responseValue.status : Number(set.status ?? 200);
      const ms = performance.now() - (startedAt.get(request) ?? performance.now());
      options.metrics?.answered(routeOf(request), request.method, status, ms / 1_000);
      if (options.tracer) endSpan(request, routeOf(request), status);
      log.info({
        event: "request",
        requestId: requestIdOf(request),
        method: request.method,
        // The query is never logged, because it may carry a token.
        path,
        status,
        ms: Math.round(ms * 10) / 10,
      });
    });
