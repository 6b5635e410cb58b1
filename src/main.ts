/** The composition root: database, courier, app, listen; and the way back, in the order that loses nothing. */
import type { AnyElysia } from "elysia";
import type { Deps } from "./accounts/deps.ts";
import { createKeyring } from "./accounts/keyring.ts";
import { createPasswordHasher } from "./accounts/passwords.ts";
import { seedDemoStaff } from "./accounts/seed.ts";
import { createApp } from "./app.ts";
import type { Config } from "./config.ts";
import { openDatabase, openSql } from "./db/client.ts";
import { startEmbedded } from "./db/embedded.ts";
import { migrate } from "./db/migrate.ts";
import { log } from "./log.ts";
import { startCourier } from "./mail/courier.ts";
import { startInbox, type Inbox } from "./mail/inbox.ts";
import { createOutbox } from "./mail/outbox.ts";
import { inboxPages } from "./web/inbox.ts";

export interface Running {
  readonly url: string;
  /** Drains in this order: HTTP, courier, database. Resolves when nothing of ours is left. */
  stop(): Promise<void>;
}

/** Connections of the API; the courier's are its own. */
const API_CONNECTIONS = 8;
/** One for accepting, one for hints: a flush is in flight one at a time. */
const OUTBOX_CONNECTIONS = 2;

export async function serve(config: Config): Promise<Running> {
  const embedded = config.databaseUrl === null ? await startEmbedded(config.dataDir) : null;
  const databaseUrl = config.databaseUrl ?? embedded?.url ?? "";
  const closing: (() => Promise<void>)[] = embedded ? [() => embedded.stop()] : [];
  try {
    await migrate(databaseUrl);
    const inbox = config.smtpUrl === "inbox" ? await startInbox() : null;
    if (inbox) closing.unshift(() => inbox.close());

    const db = openDatabase(databaseUrl, { max: API_CONNECTIONS, name: "dundie api" });
    const sql = openSql(databaseUrl, { max: OUTBOX_CONNECTIONS, name: "dundie outbox" });
    closing.unshift(async () => {
      await db.close();
      await sql.end({ timeout: 5 });
    });

    const smtpUrl = inbox?.smtpUrl ?? config.smtpUrl;
    const courier = config.courier ? startCourier({ config, databaseUrl, smtpUrl, log }) : null;
    if (courier) closing.unshift(() => courier.drain(config.shutdownGraceSeconds * 1_000));

    const deps: Deps = {
      config,
      db,
      outbox: createOutbox(sql, () => courier?.nudge()),
      keyring: createKeyring(config),
      hasher: await createPasswordHasher(),
      log,
    };
    if (config.demoPassword !== null) await seedDemoStaff(deps, config.demoPassword);

    const streams = new AbortController();
    const app = createApp({
      ...deps,
      courier: courier && (() => courier.health),
      pages: pagesOf(inbox, streams.signal),
    });
    app.listen({ hostname: config.host, port: config.port });
    closing.unshift(async () => {
      // Event streams would keep the server from ever being done.
      streams.abort();
      await app.stop();
    });
    return { url: `http://localhost:${app.server?.port ?? config.port}`, stop: () => runAll(closing) };
  } catch (error) {
    await runAll(closing);
    throw error;
  }
}

const pagesOf = (inbox: Inbox | null, signal: AbortSignal): AnyElysia[] =>
  inbox ? [inboxPages(inbox, { signal })] : [];

/** One step that fails must not keep the next from running: the database would be left behind. */
async function runAll(steps: readonly (() => Promise<void>)[]): Promise<void> {
  for (const step of steps) {
    await step().catch((error: unknown) => log.error({ event: "shutdown_step_failed", err: error }));
  }
}
