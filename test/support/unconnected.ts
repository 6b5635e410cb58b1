import type { AnyElysia } from "elysia";
import { createKeyring } from "../../src/accounts/keyring.ts";
import { createLoginThrottle } from "../../src/accounts/login-throttle.ts";
import { createApp } from "../../src/app.ts";
import { readConfig } from "../../src/config.ts";
import { openDatabase, openSql } from "../../src/db/client.ts";
import { log } from "../../src/log.ts";
import { createMetrics } from "../../src/metrics/metrics.ts";
import { createOutbox } from "../../src/mail/outbox.ts";

/** The whole app, with every optional route, on a database that it is never to ask: postgres.js connects lazily. */
export function startApp(): AnyElysia {
  const url = "postgres://nobody:nothing@127.0.0.1:1/none";
  const config = readConfig(
    {
      DATABASE_URL: url,
      SMTP_URL: "smtp://127.0.0.1:1",
      MAIL_FROM: "Dundie <no-reply@dm.com>",
      PUBLIC_URL: "http://localhost:8000",
      SECRET_KEY: "of the document: long, and no secret",
      REGISTRATION: "on",
      METRICS_TOKEN: "a-token-of-the-document",
    },
    null,
  );
  const db = openDatabase(url, { max: 1, name: "document" });
  return createApp({
    config,
    db,
    outbox: createOutbox(openSql(url, { max: 1, name: "document" }), () => {}, log),
    keyring: createKeyring(config),
    hasher: {
      hash: async () => "",
      verify: async () => false,
      needsRehash: () => false,
      load: () => ({ running: 0, waiting: 0 }),
    },
    throttle: createLoginThrottle(db, config),
    log,
    courier: null,
    monitor: { degraded: [] },
    readiness: { check: async () => ({ status: "ready", reasons: [] }), stopping: false },
    metrics: createMetrics(),
    tracer: null,
    assets: new Map(),
    pages: [],
  });
}
