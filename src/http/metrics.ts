/** `GET /metrics` beside the API, for a Prometheus that shows `METRICS_TOKEN`. */
import { Elysia } from "elysia";
import type { Metrics } from "../metrics/metrics.ts";
import { operation } from "./operation.ts";

export const metricsRoutes = (metrics: Metrics) =>
  new Elysia({ name: "metrics", tags: ["Operations"] }).get("/metrics", async () => await metricsResponse(metrics), {
    detail: operation({
      access: "metrics",
      limit: "none",
      operationId: "getMetrics",
      summary: "Metrics for Prometheus",
      description: "The text format of Prometheus. The bearer token is `METRICS_TOKEN`. docs/operations.md lists them.",
    }),
  });

export const metricsResponse = async (metrics: Metrics): Promise<Response> =>
  new Response(await metrics.render(), {
    headers: { "content-type": metrics.contentType, "cache-control": "no-store" },
  });
