/** One span for each request, in the trace that the client's `traceparent` names (W3C Trace Context). */
import type { Span, Tracer } from "../tracing/tracer.ts";
import { pathOf } from "./path.ts";
import { requestIdOf } from "./request-id.ts";

const spans = new WeakMap<Request, Span>();

/** What a message of this request continues; null where it is not traced. */
export const traceparentOf = (request: Request): string | null => spans.get(request)?.traceparent ?? null;

/** Probes and scrapes come every few seconds, and a trace of them would explain no user's request. */
const UNTRACED = /^\/(health|metrics)(\/|$)/;

export function beginSpan(tracer: Tracer, request: Request): void {
  if (UNTRACED.test(pathOf(request))) return;
  const span = tracer.begin(request.method, {
    kind: "server",
    parent: request.headers.get("traceparent"),
    attributes: { "http.request.method": request.method, "dundie.request_id": requestIdOf(request) },
  });
  spans.set(request, span);
}

/** @param route its pattern; null where nothing is mounted. A path is not told, because it may name an account. */
export function endSpan(request: Request, route: string | null, status: number): void {
  const span = spans.get(request);
  if (!span) return;
  if (route !== null) {
    span.rename(`${request.method} ${route}`);
    span.set({ "http.route": route });
  }
  span.set({ "http.response.status_code": status });
  span.end(status >= 500 ? `answered ${status}` : undefined);
}
