/**
 * The outbox: the table written before the answer. Here are the ways in: `accept` for strangers' requests, which share
 * their commits; `enqueue` for everything else, in the caller's transaction. What becomes of a message afterwards is
 * `mail/transitions/`.
 */
import type { Address } from "../addresses.ts";
import { sql } from "drizzle-orm";
import { arrayOf } from "../db/arrays.ts";
import type { Fragment, Sql, Transaction } from "../db/client.ts";
import { isConnectionError, isDataError } from "../db/errors.ts";
import { createDatabaseMonitor, type DatabaseMonitor } from "../db/monitor.ts";
import { message } from "../db/schema.ts";
import type { Log } from "../log.ts";
import type { Tracer } from "../tracing/tracer.ts";
import { groupCommit } from "./group-commit.ts";
import { KINDS, LANES, type KindName, type Lane, type Locale } from "./kinds.ts";

/** Who asked: an address and a browser family, as the email may name them. */
export interface Client {
  readonly ip: string | null;
  readonly browser: string | null;
}

/** A request by a client that has not logged in. No account is looked up when it is accepted. */
export interface AnonymousRequest {
  readonly kind: KindName;
  readonly email: Address;
  readonly locale: Locale;
  readonly client: Client;
  readonly requestId: string | null;
  /** The span of the request (W3C Trace Context §3.2), when it is traced. */
  readonly traceparent?: string | null;
}

export interface Outbox {
  /**
   * Resolves when the request is committed, and waits for nothing else.
   * @throws {Unavailable} when the database does not commit it in 5 s, or 5,000 wait already.
   */
  accept(request: AnonymousRequest): Promise<void>;
  /** To be called after a transaction that used `enqueue` has committed: wakes the couriers here and elsewhere. */
  announce(): void;
  /** Whether requests can be accepted: it watches `accept`, and writes as `accept` does where there is nothing to see. */
  readonly database: DatabaseMonitor;
}

/** This is no limit of PostgreSQL, but in a longer statement the first row waits for the last. */
const MAX_ROWS_PER_STATEMENT = 500;
const MAX_WAITING = 5_000;
const ACCEPT_TIMEOUT_MS = 5_000;
/**
 * Two commits in flight keep this process and the database at work at the same time. The second one has this many rows
 * at least: smaller ones cost the database more CPU a row than they save time.
 */
const MAX_IN_FLIGHT = 2;
const MIN_ROWS_BESIDE = 16;

/** Observers of each request that is accepted. @default none */
export interface OutboxObservers {
  /** @param seconds how long it waited for its commit. */
  readonly onAccepted?: ((seconds: number) => void) | undefined;
  readonly tracer?: Tracer | null;
}

/**
 * @param nudge wakes the courier of this process, and tells it how many requests one commit accepted; called in a
 *   microtask. It may only post a message: microtasks run before the response is flushed.
 */
export function createOutbox(
  sql: Sql,
  nudge: (accepted: number) => void,
  log: Log,
  { onAccepted, tracer = null }: OutboxObservers = {},
): Outbox {
  const notify = createNotifier(sql);
  const announce = (accepted: number): void => {
    queueMicrotask(() => nudge(accepted));
    notify();
  };
  const database = createDatabaseMonitor(() => insertAndRemove(sql), log);
  const commit = groupCommit<AnonymousRequest & { readonly id: string }>({
    maxBatch: MAX_ROWS_PER_STATEMENT,
    maxWaiting: MAX_WAITING,
    timeoutMs: ACCEPT_TIMEOUT_MS,
    maxInFlight: MAX_IN_FLIGHT,
    minBeside: MIN_ROWS_BESIDE,
    async write(rows) {
      try {
        await insertTwice(sql, rows);
        database.succeeded();
      } catch (error) {
        if (!isDataError(error)) database.failed(error);
        throw error;
      }
      announce(rows.length);
      return [];
    },
  });
  const accept = (request: AnonymousRequest): Promise<void> => commit({ ...request, id: Bun.randomUUIDv7() });
  const observed = async (request: AnonymousRequest): Promise<void> => {
    const askedAt = performance.now();
    const parent = request.traceparent ?? null;
    const span = parent && tracer?.begin(`accept ${request.kind}`, { kind: "producer", parent });
    try {
      await accept(span ? { ...request, traceparent: span.traceparent } : request);
    } catch (error) {
      if (span) span.end("not committed");
      throw error;
    }
    if (span) span.end();
    onAccepted?.((performance.now() - askedAt) / 1_000);
  };
  return { accept: onAccepted || tracer ? observed : accept, announce: () => announce(1), database };
}

/** Inserts the requests, and once more on a new connection when the first connection is lost. */
async function insertTwice(sql: Sql, rows: readonly (AnonymousRequest & { readonly id: string })[]): Promise<void> {
  try {
    await insertRequests(sql, rows);
  } catch (error) {
    if (!isConnectionError(error)) throw error;
    // It may have been committed before the connection went: the same ids make a second insert harmless.
    await insertRequests(sql, rows, sql`on conflict (id) do nothing`);
  }
}

/** Takes the locks, the disk and the commit that a request takes, and leaves nothing: no courier ever sees the row. */
async function insertAndRemove(sql: Sql): Promise<void> {
  const id = Bun.randomUUIDv7();
  await sql.begin((tx) => [
    tx`insert into message (id, kind, lane, expires_at) values (${id}, 'health_check', ${LANES.security}, now())`,
    tx`delete from message where id = ${id}`,
  ]);
}

/** @param unless the ON CONFLICT clause. The first try leaves it out: it costs a check and a WAL record per row. */
async function insertRequests(
  sql: Sql,
  rows: readonly (AnonymousRequest & { readonly id: string })[],
  unless: Fragment = sql``,
): Promise<void> {
  // Left out while nothing is traced: a column of nulls would cost each request a parameter.
  const traced = rows.some(({ traceparent }) => traceparent);
  const column = (value: (row: (typeof rows)[number]) => string | null): string => arrayOf(rows.map(value));
  await sql`
    insert into message (id, kind, lane, requested_email, locale_hint, client_ip, client_browser, request_id, expires_at
      ${traced ? sql`, traceparent` : sql``})
    select id, kind, lane, email, locale, ip, browser, request_id, now() + make_interval(secs => lifetime)
      ${traced ? sql`, traceparent` : sql``}
    from unnest(
      ${column((row) => row.id)}::uuid[],
      ${column((row) => row.kind)}::text[],
      ${column((row) => String(LANES[KINDS[row.kind].lane]))}::smallint[],
      ${column((row) => row.email)}::text[],
      ${column((row) => row.locale)}::text[],
      ${column((row) => row.client.ip)}::text[],
      ${column((row) => row.client.browser)}::text[],
      ${column((row) => row.requestId)}::text[],
      ${column((row) => String(KINDS[row.kind].lifetimeSeconds))}::int[]
      ${traced ? sql`, ${column((row) => row.traceparent ?? null)}::text[]` : sql``}
    ) as request (id, kind, lane, email, locale, ip, browser, request_id, lifetime
      ${traced ? sql`, traceparent` : sql``})
    ${unless}`;
}

/** The channel that couriers of other processes listen on. */
export const CHANNEL = "dundie_outbox";

/** NOTIFY takes a global lock at commit. As a statement of its own, and at most this often, it slows no request down. */
const NOTIFY_INTERVAL_MS = 50;

function createNotifier(sql: Sql): () => void {
  let timer: ReturnType<typeof setTimeout> | undefined;
  return () => {
    timer ??= setTimeout(() => {
      timer = undefined;
      // The poll of every courier is the guarantee: a lost hint costs a second.
      sql`select pg_notify(${CHANNEL}, '')`.catch(() => {});
    }, NOTIFY_INTERVAL_MS);
  };
}

export interface NewMessage {
  readonly kind: KindName;
  readonly userId: string;
  /** The address that it goes to, when that is not the account's address at the time of sending. */
  readonly email?: Address;
  readonly lane?: Lane;
  readonly locale?: Locale;
  readonly client?: Client;
  readonly requestId?: string | null;
  readonly traceparent?: string | null;
  readonly props?: Record<string, string>;
}

/** Writes a message in the caller's transaction: what it tells of and the email commit together. @returns its id. */
export async function enqueue(tx: Transaction, row: NewMessage): Promise<string> {
  const columns = columnsOf(row);
  await tx.insert(message).values(columns);
  return columns.id;
}

/** Many in one statement; at most a few thousand, as each takes a dozen parameters of 65,535. */
export async function enqueueAll(tx: Transaction, rows: readonly NewMessage[]): Promise<void> {
  await tx.insert(message).values(rows.map(columnsOf));
}

function columnsOf(row: NewMessage) {
  const kind = KINDS[row.kind];
  return {
    id: Bun.randomUUIDv7(),
    kind: row.kind,
    lane: LANES[row.lane ?? kind.lane],
    userId: row.userId,
    requestedEmail: row.email ?? null,
    localeHint: row.locale ?? null,
    clientIp: row.client?.ip ?? null,
    clientBrowser: row.client?.browser ?? null,
    requestId: row.requestId ?? null,
    traceparent: row.traceparent ?? null,
    props: row.props ?? null,
    // The database's clock, as everywhere in SQL.
    expiresAt: sql`now() + make_interval(secs => ${kind.lifetimeSeconds})`,
  };
}

/** Writes a new message that asks for what an ended one asked for. Nothing that was pinned is copied. */
export async function copyForRetry(tx: Transaction, ended: typeof message.$inferSelect): Promise<string> {
  const id = Bun.randomUUIDv7();
  const { kind, lane, requestId, requestedEmail, userId, localeHint, clientIp, clientBrowser, props } = ended;
  await tx.insert(message).values({
    id,
    kind,
    lane,
    requestId,
    requestedEmail,
    userId,
    localeHint,
    clientIp,
    clientBrowser,
    props,
    retryOf: ended.id,
    expiresAt: sql`now() + make_interval(secs => ${(ended.expiresAt.getTime() - ended.createdAt.getTime()) / 1000})`,
  });
  return id;
}
