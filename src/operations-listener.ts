/** A listener for those who operate dundie: metrics and health checks at `METRICS_PORT`, also of a `worker`. */
import { isLoopback } from "./config/hosts.ts";
import type { MetricsConfig } from "./config/metrics.ts";
import { hasBearerToken } from "./http/bearer.ts";
import { hasLoopbackHost } from "./http/loopback.ts";
import { metricsResponse } from "./http/metrics.ts";
import { listenFault } from "./listening.ts";
import type { Metrics } from "./metrics/metrics.ts";
import type { Readiness } from "./readiness.ts";

export interface OperationsListenerOptions {
  readonly config: MetricsConfig & { readonly port: number };
  readonly metrics: Metrics;
  readonly readiness: Pick<Readiness, "check">;
}

/** @throws {ConfigError} when the port cannot be listened on. */
export function listenForOperations(options: OperationsListenerOptions): { stop(): Promise<void> } {
  const { host, port, token } = options.config;
  try {
    return Bun.serve({
      hostname: host,
      port,
      routes: {
        "/metrics": async (request) => {
          if (token !== null && !hasBearerToken(request, token))
            return problem(401, "This needs METRICS_TOKEN as a bearer token.", { "www-authenticate": "Bearer" });
          // A page that a browser on this machine shows could otherwise read it under a name of its own (DNS rebinding).
          if (token === null && isLoopback(host) && !hasLoopbackHost(request))
            return problem(403, "Without METRICS_TOKEN, metrics are for this machine only.");
          return await metricsResponse(options.metrics);
        },
        "/health/live": () => json(200, { status: "live" }),
        "/health/ready": async () => {
          const report = await options.readiness.check();
          return json(report.status === "unready" ? 503 : 200, report);
        },
      },
      fetch: () => problem(404, "There is nothing at this address."),
    });
  } catch (error) {
    throw listenFault(host, port, error, "METRICS_");
  }
}

const json = (status: number, body: object, headers: Record<string, string> = {}): Response =>
  Response.json(body, { status, headers: { "cache-control": "no-store", ...headers } });

const problem = (status: number, detail: string, headers: Record<string, string> = {}): Response =>
  json(status, { status, detail }, { "content-type": "application/problem+json", ...headers });
