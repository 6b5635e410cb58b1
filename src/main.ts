/** The composition root: database, courier, app, listen; and the way back, in the order that loses nothing. */
import { createDeps, type Deps } from "./accounts/deps.ts";
import { seedDemoStaff } from "./accounts/seed.ts";
import { createApp } from "./app.ts";
import { atPort, type Config } from "./config.ts";
import { openDatabase, openSql, poolUseOf } from "./db/client.ts";
import { connectEmbedded, startEmbedded } from "./db/embedded.ts";
import { prepareDatabase, type PrepareOptions } from "./db/prepare.ts";
import { ConfigError } from "./errors.ts";
import { findPort, listenFault, urlOf } from "./listening.ts";
import { log } from "./log.ts";
import { createCourier, type Courier, type CourierPlaces } from "./mail/courier/handle.ts";
import { createOutbox } from "./mail/outbox.ts";
import type { Metrics, MetricsSources } from "./metrics/metrics.ts";
import { examination, listenForScrapes, loadMetrics, openWorkerOperations, watchMail } from "./observing.ts";
import { createReadiness, type Readiness } from "./readiness.ts";
import { Closing, startWhole, type Start, type Stoppable } from "./starting.ts";
import { openTracer, type Tracer } from "./tracing/tracer.ts";
import { loadAssets } from "./web/assets.ts";

/** An API. `stop` drains in this order: HTTP, courier, database. */
export interface Running extends Stoppable {
  /** As people open it on this machine. */
  readonly url: string;
  readonly courier: Courier | null;
  readonly deps: Deps;
  readonly readiness: Readiness;
}

/** A courier without an API. Without `METRICS_PORT` its only database connections are those of its thread. */
export interface RunningWorker extends Stoppable {
  readonly url: null;
}

export interface ServeOptions {
  /** Ends a start that is under way; what was started is stopped again. */
  readonly signal?: AbortSignal;
  /** Another worker module, for tests that inject faults into the thread. */
  readonly courierModule?: URL;
}

/** One for each of the two commits that may be in flight (`mail/outbox.ts`); a hint is sent behind one of them. */
const OUTBOX_CONNECTIONS = 2;
/** No statement of a request takes longer. */
const STATEMENT_TIMEOUT_MS = 15_000;
/** A request waits 5 s for its commit: a flush that takes longer only keeps the next one waiting. */
const OUTBOX_STATEMENT_TIMEOUT_MS = 5_000;

/**
 * The API, and a courier unless `COURIER=off`.
 * @throws {ConfigError} when something is missing that a person can provide.
 * @throws the reason of `options.signal`, when it is aborted.
 */
export async function serve(config: Config, options: ServeOptions = {}): Promise<Running> {
  const port = findPort(config.host, config.port);
  return await startWhole((start) => serveWith(atPort(config, port), start, options), options.signal);
}

async function serveWith(config: Config, start: Start, { courierModule }: ServeOptions): Promise<Running> {
  const { closing, step } = start;
  if (config.databaseUrl !== null && config.brand.supportAddress === null) {
    log.warn({ event: "no_support_address" }, "SUPPORT_ADDRESS is not set: people are not told whom to ask for help");
  }
  const databaseUrl = config.databaseUrl ?? (await ownEmbedded(config, start));
  await step(prepareDatabase(databaseUrl, preparation(config)));
  const inbox = config.smtpUrl === "inbox" ? await step(openInbox(config, closing)) : null;
  const smtpUrl = inbox?.smtpUrl ?? config.smtpUrl;
  const courier = config.courier ? newCourier(config, start, courierModule) : null;
  const metrics = await step(loadMetrics(config));
  const tracer = await step(openTracer(config.tracing));
  closing.first(async () => await tracer?.close());
  const { deps, pools } = await step(
    openDeps(config, databaseUrl, closing, { nudge: courier?.nudge, metrics, tracer }),
  );
  if (config.demoPassword !== null) await step(seedDemoStaff(deps, config.demoPassword));
  const monitor = watchMail(deps.db, closing);
  const readiness = createReadiness({ db: deps.db, database: deps.outbox.database, courier, monitor });
  metrics?.watch({ hasher: deps.hasher, pools, courier, monitor, readiness });
  if (metrics) listenForScrapes(config, { metrics, readiness }, closing);
  if (courier) startCourier(courier, config, { databaseUrl, smtpUrl }, closing);

  const assets = await step(loadAssets(config.brand));
  const app = createApp({
    ...deps,
    courier,
    monitor,
    readiness,
    metrics,
    tracer,
    examine: examination(config, databaseUrl),
    assets,
    pages: inbox ? [inbox.pages] : [],
  });
  try {
    // Elysia would share the port with any other process that does the same: two dundies would answer in turn.
    app.listen({ hostname: config.host, port: config.port, reusePort: false });
  } catch (error) {
    throw listenFault(config.host, config.port, error);
  }
  closing.first(async () => {
    // Event streams would keep the server from ever being done.
    inbox?.endStreams();
    await app.stop();
  });
  return { url: urlOf(config.host, config.port), courier, deps, readiness, ...start.running };
}

/** A courier without an API: any number of these share one database. */
export async function work(config: Config, { signal, courierModule }: ServeOptions = {}): Promise<RunningWorker> {
  const { smtpUrl } = config;
  if (smtpUrl === "inbox") {
    throw new ConfigError([
      "SMTP_URL must be set for a worker: the development inbox is in the process that serves it",
    ]);
  }
  return await startWhole(async (start) => {
    const databaseUrl = config.databaseUrl ?? (await connectEmbedded(config.dataDir));
    await start.step(prepareDatabase(databaseUrl, preparation(config)));
    const courier = newCourier(config, start, courierModule);
    if (config.metrics.port !== null)
      await start.step(openWorkerOperations(config, databaseUrl, courier, start.closing));
    startCourier(courier, config, { databaseUrl, smtpUrl }, start.closing);
    return { url: null, ...start.running };
  }, signal);
}

/** Runs one command of the command line: connects, runs `run`, and disconnects. */
export async function withDeps<T>(config: Config, run: (deps: Deps) => Promise<T>): Promise<T> {
  const closing = new Closing();
  try {
    const databaseUrl = config.databaseUrl ?? (await connectEmbedded(config.dataDir));
    await prepareDatabase(databaseUrl, { schema: config.databaseSchema, migrate: false });
    const { deps } = await openDeps(config, databaseUrl, closing);
    return await run(deps);
  } finally {
    await closing.run();
  }
}

/** Loaded on demand, so that production does not load an SMTP server and a mail parser. */
async function openInbox(config: Config, closing: Closing) {
  const [{ startInbox }, { inboxPages }] = await Promise.all([
    import("./mail/inbox/server.ts"),
    import("./web/inbox.ts"),
  ]);
  const inbox = await startInbox();
  closing.first(() => inbox.close());
  const streams = new AbortController();
  return {
    smtpUrl: inbox.smtpUrl,
    pages: inboxPages(inbox, { signal: streams.signal, config }),
    endStreams: () => streams.abort(),
  };
}

async function ownEmbedded(config: Config, { signal, closing, breakDown }: Start): Promise<string> {
  const embedded = await startEmbedded(config.dataDir, signal);
  closing.first(() => embedded.stop());
  void embedded.lost.then(() => breakDown(`The embedded PostgreSQL (pid ${embedded.pid}) has ended.`));
  return embedded.url;
}

/** Who is told of what this process accepts. */
interface Observers {
  readonly nudge?: Courier["nudge"] | undefined;
  readonly metrics?: Metrics | null;
  readonly tracer?: Tracer | null;
}

const preparation = ({ databaseSchema: schema, migrate }: Config): PrepareOptions => ({ schema, migrate });

async function openDeps(
  config: Config,
  databaseUrl: string,
  closing: Closing,
  { nudge = NO_NUDGE, metrics = null, tracer = null }: Observers = {},
): Promise<{ deps: Deps; pools: MetricsSources["pools"] }> {
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
  const outbox = createOutbox(sql, nudge, log, { onAccepted: metrics?.accepted, tracer });
  const deps = await createDeps(config, { db, outbox, log });
  return { deps, pools: { api: db.poolUse, outbox: () => poolUseOf(sql) } };
}

/** Without a courier in this process other processes send, and NOTIFY reaches those. */
const NO_NUDGE: Courier["nudge"] = () => {};

const newCourier = (config: Config, { breakDown }: Start, module: URL | undefined): Courier =>
  createCourier({
    config,
    log,
    module,
    onUnloadable: (why) => breakDown(`The courier cannot be loaded, so no email would be sent: ${why}`),
  });

function startCourier(courier: Courier, config: Config, places: CourierPlaces, closing: Closing): void {
  courier.start(places);
  closing.first(() => courier.drain(config.shutdownGraceSeconds * 1_000));
}
