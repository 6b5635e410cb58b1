/** The composition root: database, courier, app, listen; and the way back, in the order that loses nothing. */
import type { Deps } from "./accounts/deps.ts";
import { createKeyring } from "./accounts/keyring.ts";
import { createLoginThrottle } from "./accounts/login-throttle.ts";
import { createPasswordHasher } from "./accounts/passwords.ts";
import { seedDemoStaff } from "./accounts/seed.ts";
import { createApp } from "./app.ts";
import type { Config } from "./config.ts";
import { openDatabase, openSql } from "./db/client.ts";
import { connectEmbedded, startEmbedded } from "./db/embedded.ts";
import { prepareDatabase, type PrepareOptions } from "./db/prepare.ts";
import { ConfigError } from "./errors.ts";
import { log } from "./log.ts";
import { createCourier, type Courier, type CourierPlaces } from "./mail/courier/handle.ts";
import { createOutbox } from "./mail/outbox.ts";
import { loadAssets } from "./web/assets.ts";

export interface Running {
  /** Where the API listens; null for a process that only sends. */
  readonly url: string | null;
  readonly courier: Courier | null;
  readonly deps: Deps;
  /** Drains in this order: HTTP, courier, database. Resolves when nothing of ours is left. */
  stop(): Promise<void>;
}

export interface ServeOptions {
  /** Another worker module, for tests that inject faults into the thread. */
  readonly courierModule?: URL;
}

/** One for accepting, one for hints: a flush is in flight one at a time. */
const OUTBOX_CONNECTIONS = 2;
/** No statement of a request takes longer. */
const STATEMENT_TIMEOUT_MS = 15_000;
/** A request waits 5 s for its commit: a flush that takes longer only keeps the next one waiting. */
const OUTBOX_STATEMENT_TIMEOUT_MS = 5_000;

/** The API, and a courier unless `COURIER=off`. */
export async function serve(config: Config, options: ServeOptions = {}): Promise<Running> {
  const closing = new Closing();
  try {
    const databaseUrl = config.databaseUrl ?? (await ownEmbedded(config, closing));
    await prepareDatabase(databaseUrl, preparation(config));
    const inbox = config.smtpUrl === "inbox" ? await openInbox(closing) : null;
    const smtpUrl = inbox?.smtpUrl ?? config.smtpUrl;
    const courier = config.courier ? createCourier({ config, log, module: options.courierModule }) : null;
    const deps = await openDeps(config, databaseUrl, closing, courier?.nudge ?? NO_NUDGE);
    if (config.demoPassword !== null) await seedDemoStaff(deps, config.demoPassword);
    if (courier) start(courier, config, { databaseUrl, smtpUrl }, closing);

    const app = createApp({
      ...deps,
      courier,
      assets: await loadAssets(config.brand),
      pages: inbox ? [inbox.pages] : [],
    });
    app.listen({ hostname: config.host, port: config.port });
    closing.first(async () => {
      // Event streams would keep the server from ever being done.
      inbox?.endStreams();
      await app.stop();
    });
    const url = `http://localhost:${app.server?.port ?? config.port}`;
    return { url, courier, deps, stop: () => closing.run() };
  } catch (error) {
    await closing.run();
    throw error;
  }
}

/** A courier without an API: any number of these share one database. */
export async function work(config: Config, options: ServeOptions = {}): Promise<Running> {
  if (config.smtpUrl === "inbox") {
    throw new ConfigError([
      "SMTP_URL must be set for a worker: the development inbox lives in the process that serves it",
    ]);
  }
  const closing = new Closing();
  const databaseUrl = config.databaseUrl ?? (await connectEmbedded(config.dataDir));
  await prepareDatabase(databaseUrl, preparation(config));
  const courier = createCourier({ config, log, module: options.courierModule });
  const deps = await openDeps(config, databaseUrl, closing, courier.nudge);
  start(courier, config, { databaseUrl, smtpUrl: config.smtpUrl }, closing);
  return { url: null, courier, deps, stop: () => closing.run() };
}

/** For one command of the command line: connects, runs, and leaves. */
export async function withDeps<T>(config: Config, run: (deps: Deps) => Promise<T>): Promise<T> {
  const closing = new Closing();
  try {
    const databaseUrl = config.databaseUrl ?? (await connectEmbedded(config.dataDir));
    await prepareDatabase(databaseUrl, { schema: config.databaseSchema, migrate: false });
    return await run(await openDeps(config, databaseUrl, closing, NO_NUDGE));
  } finally {
    await closing.run();
  }
}

/** Loaded where it is wanted: in production nobody pays for an SMTP server and a mail parser. */
async function openInbox(closing: Closing) {
  const [{ startInbox }, { inboxPages }] = await Promise.all([
    import("./mail/inbox/server.ts"),
    import("./web/inbox.ts"),
  ]);
  const inbox = await startInbox();
  closing.first(() => inbox.close());
  const streams = new AbortController();
  return {
    smtpUrl: inbox.smtpUrl,
    pages: inboxPages(inbox, { signal: streams.signal }),
    endStreams: () => streams.abort(),
  };
}

async function ownEmbedded(config: Config, closing: Closing): Promise<string> {
  const embedded = await startEmbedded(config.dataDir);
  closing.first(() => embedded.stop());
  return embedded.url;
}

const preparation = ({ databaseSchema: schema, migrate }: Config): PrepareOptions => ({ schema, migrate });

async function openDeps(
  config: Config,
  databaseUrl: string,
  closing: Closing,
  nudge: (accepted: number) => void,
): Promise<Deps> {
  const db = openDatabase(databaseUrl, {
    max: config.databasePool,
    name: "dundie api",
    schema: config.databaseSchema,
    statementTimeoutMs: STATEMENT_TIMEOUT_MS,
  });
  const sql = openSql(databaseUrl, {
    max: OUTBOX_CONNECTIONS,
    name: "dundie outbox",
    schema: config.databaseSchema,
    statementTimeoutMs: OUTBOX_STATEMENT_TIMEOUT_MS,
  });
  closing.first(async () => {
    await db.close();
    await sql.end({ timeout: 5 });
  });
  const outbox = createOutbox(sql, nudge);
  return {
    config,
    db,
    outbox,
    keyring: createKeyring(config),
    hasher: await createPasswordHasher(),
    throttle: createLoginThrottle(db, config),
    log,
  };
}

/** Other processes send: NOTIFY reaches them. */
const NO_NUDGE: Courier["nudge"] = () => {};

function start(courier: Courier, config: Config, places: CourierPlaces, closing: Closing): void {
  courier.start(places);
  closing.first(() => courier.drain(config.shutdownGraceSeconds * 1_000));
}

/** What must be undone at the end: the last that was begun goes first. */
class Closing {
  #steps: (() => Promise<void>)[] = [];

  first(step: () => Promise<void>): void {
    this.#steps.unshift(step);
  }

  /** One step that fails must not keep the next from running: the database would be left behind. */
  async run(): Promise<void> {
    for (const step of this.#steps.splice(0)) {
      await step().catch((error: unknown) => log.error({ event: "shutdown_step_failed", err: error }));
    }
  }
}
