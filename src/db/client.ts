import { drizzle, type PostgresJsDatabase } from "drizzle-orm/postgres-js";
import postgres from "postgres";
import * as schema from "./schema.ts";

export type Sql = postgres.Sql;
export type SqlTransaction = postgres.TransactionSql;
/** A part of a statement. */
export type Fragment = postgres.PendingQuery<postgres.Row[]>;

export type Orm = PostgresJsDatabase<typeof schema>;
/** What `orm.transaction(async (tx) => …)` hands out. */
export type Transaction = Parameters<Parameters<Orm["transaction"]>[0]>[0];

/** Drizzle over a pool of its own. */
export interface Database {
  readonly orm: Orm;
  /** Waits for queries in flight, at most 5 s. */
  close(): Promise<void>;
}

export interface ClientOptions {
  /** Connections at most; they are opened when needed. */
  readonly max: number;
  /** `application_name`: who this is in `pg_stat_activity` and in the server's log. */
  readonly name: string;
  /**
   * After so long the server ends a statement, in milliseconds, so that one lock somewhere cannot hold this pool for
   * ever. @default none
   */
  readonly statementTimeoutMs?: number;
  /**
   * Plans every execution for the tables as they are. A plan that is kept was made when they were small, on the first
   * day empty: it reads them whole. Worth its price where a statement handles many rows. @default false
   */
  readonly planEachTime?: boolean;
}

/** Far above any connect on a healthy network, and below what a caller waits for a commit before its 503. */
const CONNECT_TIMEOUT_SECONDS = 4;

/**
 * A burst gives its connections back, so that many processes fit one server's limit; steady traffic keeps its own,
 * because a scram handshake costs as much as several queries.
 */
const IDLE_TIMEOUT_SECONDS = 300;

const CLOSE_TIMEOUT_SECONDS = 5;

/**
 * A pool for raw queries. The caller ends it.
 *
 * The driver is patched (`patches/`): a query on a connection that was closing was never answered, one on a closed one
 * threw where nobody can catch it and ended the thread or the process (porsager/postgres#1208), and the first one after
 * a reconnection was refused for the error of the last.
 */
export function openSql(url: string, { max, name, statementTimeoutMs, planEachTime = false }: ClientOptions): Sql {
  return postgres(url, {
    max,
    connect_timeout: CONNECT_TIMEOUT_SECONDS,
    idle_timeout: IDLE_TIMEOUT_SECONDS,
    prepare: true,
    // "relation exists already, skipping" and the like, which postgres.js would print on standard output.
    onnotice: () => undefined,
    connection: {
      application_name: name,
      ...(statementTimeoutMs ? { statement_timeout: statementTimeoutMs } : {}),
      ...(planEachTime ? { plan_cache_mode: "force_custom_plan" } : {}),
    },
  });
}

/** Never on a pool that also runs raw queries: drizzle replaces its client's serializers of dates and json. */
export function openDatabase(url: string, options: ClientOptions): Database {
  const client = openSql(url, options);
  return {
    orm: drizzle(client, { schema }),
    close: () => client.end({ timeout: CLOSE_TIMEOUT_SECONDS }),
  };
}
