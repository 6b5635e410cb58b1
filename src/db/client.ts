import { readFileSync } from "node:fs";
import type { ConnectionOptions as TlsOptions } from "node:tls";
import { drizzle, type PostgresJsDatabase } from "drizzle-orm/postgres-js";
import postgres from "postgres";
import { ConfigError } from "../errors.ts";
import { type DatabaseAddress, isSocket, parseAddress } from "./address.ts";
import * as schema from "./schema.ts";
import { createSession } from "./session.ts";
import { type WatchedConnection, watchSilence } from "./silence.ts";

export type Sql = postgres.Sql;
export type SqlTransaction = postgres.TransactionSql;
/** A part of a statement. */
export type Fragment = postgres.PendingQuery<postgres.Row[]>;

export type Orm = PostgresJsDatabase<typeof schema>;
/** What `orm.transaction(async (tx) => …)` hands out. */
export type Transaction = Parameters<Parameters<Orm["transaction"]>[0]>[0];

export interface PoolUse {
  /** Connections that run a query or a transaction. */
  readonly busy: number;
  readonly max: number;
}

/** Drizzle over a pool of its own. */
export interface Database {
  readonly orm: Orm;
  readonly poolUse: () => PoolUse;
  /** Waits for queries in flight, at most 5 s. */
  close(): Promise<void>;
}

export interface ClientOptions {
  /** Connections at most; they are opened when needed. */
  readonly max: number;
  /** `application_name`: how these connections are called in `pg_stat_activity` and in the server's log. */
  readonly name: string;
  /** The schema of the tables. @default "dundie" */
  readonly schema?: string;
  /**
   * After this long the server ends a statement, in milliseconds, so that one lock cannot hold this pool for ever. A
   * pool that has it also loses a transaction that is idle for 10 s. @default none
   */
  readonly statementTimeoutMs?: number;
  /**
   * Plans each statement once for each connection, by the indexes alone: for statements that find their rows by keys.
   * To plan them for each execution took a third of the database's CPU for an email. @default false
   */
  readonly planOnce?: boolean;
  /** Take connections to a standby or a read-only database, too. @default false */
  readonly acceptReadOnly?: boolean;
}

export const DEFAULT_SCHEMA = "dundie";

/** Any connect on a healthy network takes far less. A request waits 5 s for its commit before its 503, which is more. */
const CONNECT_TIMEOUT_SECONDS = 4;

/**
 * After a burst the connections are given back, so that many processes fit one server's limit. Under steady traffic
 * they are kept, because a SCRAM handshake costs as much as several queries.
 */
const IDLE_TIMEOUT_SECONDS = 300;

/** Seconds without traffic after which TCP asks whether the other side is there. */
const KEEP_ALIVE_SECONDS = 10;

/**
 * Pause before a connection that failed is tried again, in seconds: from 50 ms to 1 s, so that a server that is back is
 * found within about a second.
 */
const backoff = (failures: number): number => (0.5 + Math.random() / 2) * Math.min(0.1 * 2 ** failures, 1);

const CLOSE_TIMEOUT_SECONDS = 5;

/** A statement whose time-out does not arrive is lost this long after it. Without a time-out the server is asked. */
const STATEMENT_TIMEOUT_SLACK_MS = 2_000;

/**
 * A pool for raw queries. The caller ends it.
 *
 * The driver is patched, see `patches/README.md`. A connection is set up by `session.ts` and watched by `silence.ts`.
 *
 * @throws {ConfigError} when `url` is not one that `DATABASE_URL` may have.
 */
export function openSql(url: string, options: ClientOptions): Sql {
  const { max, name, statementTimeoutMs } = options;
  const { schema = DEFAULT_SCHEMA, planOnce = false, acceptReadOnly = false } = options;
  const connect = (limits: postgres.Options<Record<string, never>>, acceptReadOnly: boolean): Sql => {
    const session = createSession({ schema, statementTimeoutMs, planOnce, acceptReadOnly });
    const all = { ...driverOptions(url, name), ...limits, session };
    return postgres(all);
  };
  const sql = connect({ max }, acceptReadOnly);
  const stop = watchSilence({
    connections: () => [...connectionsOf(sql), ...listenersOf(sql).flatMap(connectionsOf)],
    name,
    limitMs: statementTimeoutMs ? statementTimeoutMs + STATEMENT_TIMEOUT_SLACK_MS : Number.POSITIVE_INFINITY,
    pingListener: () => Promise.allSettled(listenersOf(sql).map((listener) => listener`select 1`)),
    working: (pids) => askWhichWork(connect({ max: 1, fetch_types: false, idle_timeout: 1 }, true), pids),
  });
  const end = sql.end.bind(sql);
  return Object.assign(sql, {
    end: (options?: { timeout?: number }) => {
      stop();
      return end(options);
    },
  });
}

/**
 * One connection that is left as the server or a pooler hands it out: nothing is set, nothing is refused. For questions
 * about the way to the server, whose answer must not change the sessions of others.
 */
export const openBare = (url: string, name: string): Sql =>
  postgres({ ...driverOptions(url, name), max: 1, fetch_types: false });

/** Opens a pool of its own: drizzle replaces its client's serializers of dates and json, which raw queries need. */
export function openDatabase(url: string, options: ClientOptions): Database {
  const client = openSql(url, options);
  return {
    orm: drizzle(client, { schema }),
    poolUse: () => poolUseOf(client),
    close: () => client.end({ timeout: CLOSE_TIMEOUT_SECONDS }),
  };
}

function driverOptions(url: string, name: string): postgres.Options<Record<string, never>> {
  const { address, problems } = parseAddress(url);
  if (address === null) throw new ConfigError(problems.map((problem) => `DATABASE_URL ${problem}`));
  const [host = "", port = 5432] = [address.hosts[0], address.ports[0]];
  // Lists, which the driver's types do not know of.
  const places: object = { host: address.hosts, port: address.ports };
  return {
    ...places,
    ...(isSocket(host) ? { path: `${host}/.s.PGSQL.${port}` } : {}),
    // What is missing is read from PGUSER, PGPASSWORD and PGDATABASE, as libpq does.
    ...(address.user ? { user: address.user } : {}),
    ...(address.password ? { password: address.password } : {}),
    ...(address.database ? { database: address.database } : {}),
    ssl: tlsOf(address),
    ...(address.directTls ? { sslnegotiation: "direct" } : {}),
    connect_timeout: CONNECT_TIMEOUT_SECONDS,
    idle_timeout: IDLE_TIMEOUT_SECONDS,
    keep_alive: KEEP_ALIVE_SECONDS,
    backoff,
    prepare: true,
    fetch_types: true,
    // Notices such as "relation exists already, skipping", which postgres.js would print on standard output.
    onnotice: () => undefined,
    connection: { application_name: name, ...(address.options === null ? {} : { options: address.options }) },
  };
}

/** What the modes of libpq verify (PostgreSQL documentation, §32.19.3). */
function tlsOf({ sslmode, rootCertificate, certificate, key }: DatabaseAddress): TlsOptions | "prefer" | false {
  if (sslmode === "disable") return false;
  if (sslmode === "allow" || sslmode === "prefer") return "prefer";
  const read = (path: string): string => {
    try {
      return readFileSync(path, "utf8");
    } catch (error) {
      throw new ConfigError([
        `DATABASE_URL or DATABASE_CA_FILE names the file ${path}, which cannot be read: ${error}`,
      ]);
    }
  };
  return {
    // As in libpq, `require` verifies the certificate's authority once one is named.
    rejectUnauthorized: sslmode !== "require" || rootCertificate !== null,
    ...(sslmode === "verify-full" ? {} : { checkServerIdentity: () => undefined }),
    ...(rootCertificate === null ? {} : { ca: read(rootCertificate) }),
    ...(certificate === null || key === null ? {} : { cert: read(certificate), key: read(key) }),
  };
}

/** The pool of one connection that `sql.listen` has opened, if it has. */
const listenersOf = (sql: Sql): readonly Sql[] => {
  const listener: Sql | undefined = Reflect.get(Reflect.get(sql, "listen"), "sql");
  return listener ? [listener] : [];
};

export function poolUseOf(sql: Sql): PoolUse {
  const connections = connectionsOf(sql);
  return {
    busy: connections.filter(({ silence, reserved }) => silence > 0 || Boolean(reserved)).length,
    max: connections.length,
  };
}

const connectionsOf = (sql: Sql): readonly WatchedConnection[] => Reflect.get(sql, "connections");

/** Asks over a new connection, which is given up after the time that a connect may take: it may be silent as well. */
async function askWhichWork(sql: Sql, pids: readonly number[]): Promise<ReadonlySet<number> | null> {
  const timer = setTimeout(() => void sql.end({ timeout: 0 }), CONNECT_TIMEOUT_SECONDS * 1_000);
  try {
    // A backend that waits for its client has sent an answer that does not arrive. "disabled" is a server that does not
    // keep track of what it does.
    const rows = await sql<{ pid: number }[]>`
      select pid from pg_stat_activity where pid in ${sql([...pids])}
        and state in ('active', 'disabled') and wait_event_type is distinct from 'Client'`;
    return new Set(rows.map(({ pid }) => pid));
  } catch (error) {
    if (error instanceof postgres.PostgresError) return null;
    throw error;
  } finally {
    clearTimeout(timer);
    void sql.end({ timeout: 0 });
  }
}
