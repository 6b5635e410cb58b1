import type { AnyElysia } from "elysia";
import { createApp } from "../../src/app.ts";
import { createMetrics } from "../../src/metrics/metrics.ts";
import { openDeps } from "./dependencies.ts";
import { testConfig } from "./settings.ts";

/** The whole app, with every optional route, on a database that it is never to ask. */
export async function startApp(): Promise<AnyElysia> {
  const databaseUrl = "postgres://nobody:nothing@127.0.0.1:1/none";
  const config = testConfig({
    DATABASE_URL: databaseUrl,
    SMTP_URL: "smtp://127.0.0.1:1",
    REGISTRATION: "on",
    METRICS_TOKEN: "a-token-of-the-document",
  });
  const { deps } = await openDeps(config, databaseUrl);
  return createApp({
    ...deps,
    courier: null,
    monitor: { degraded: [], stats: () => Promise.reject(new Error("There is no database.")) },
    readiness: { check: async () => ({ status: "ready", reasons: [] }), stopping: false },
    metrics: createMetrics(),
    tracer: null,
    examine: async () => [],
    assets: new Map(),
    pages: [],
  });
}
