/**
 * What every connection is set to before its first query, and what it is refused for.
 *
 * The settings are made by a query: a pooler such as PgBouncer refuses most startup parameters. None is left to what
 * `ALTER DATABASE`, `ALTER ROLE` or the server's configuration say, because the queries rely on them.
 */

export interface SessionOptions {
  /** The schema of the tables: the whole `search_path`. */
  readonly schema: string;
  readonly statementTimeoutMs: number | undefined;
  readonly planOnce: boolean;
  /** Serve queries on a standby or a read-only database, too. */
  readonly acceptReadOnly: boolean;
}

/** The row that `statement` answers with. */
export interface SessionRow {
  /** The id of the server's process, which a pooler hides from the protocol. */
  readonly pid: number;
  readonly version: number;
  readonly encoding: string;
  readonly readonly: boolean;
}

/** The hooks of the patched driver. */
export interface Session {
  readonly statement: string;
  /** The error for which a connection to this server is closed, or null. */
  refuse(row: SessionRow): Error | null;
  /** Whether a session in which this error occurred cannot serve another query. */
  isOver(error: { readonly code: string }): boolean;
}

/** The server cannot be worked with as it is. The message is a sentence for the operator. */
export class UnfitServer extends Error {
  override readonly name = "UnfitServer";
  readonly code: "UNFIT_SERVER" | "READ_ONLY_SERVER";
  constructor(code: UnfitServer["code"], message: string) {
    super(message);
    this.code = code;
  }
}

/** PostgreSQL 15: the oldest version that the tests run with. */
const MIN_VERSION = 150_000;

/**
 * The server ends a transaction whose client is silent for this long, because its locks would hold up others: the
 * client may be gone without the server's network having noticed.
 */
const IDLE_IN_TRANSACTION_MS = 10_000;

/**
 * One plan for each statement, for all values of its parameters. A plan that is made on the first day, while the tables are
 * empty, serves until the next ANALYZE, so it may only use what is good for full tables as well: indexes, row by row.
 * PostgreSQL before version 18 gives plans that it is told to avoid a cost for which it would compile them (`jit`).
 */
const INDEXES_ONLY = {
  plan_cache_mode: "force_generic_plan",
  enable_seqscan: "off",
  enable_hashjoin: "off",
  enable_mergejoin: "off",
  jit: "off",
} as const;

export function createSession({ schema, statementTimeoutMs, planOnce, acceptReadOnly }: SessionOptions): Session {
  const settings: Record<string, string> = {
    search_path: schema,
    datestyle: "ISO, YMD",
    intervalstyle: "postgres",
    timezone: "UTC",
    default_transaction_isolation: "read committed",
    default_transaction_deferrable: "off",
    standard_conforming_strings: "on",
    array_nulls: "on",
    transform_null_equals: "off",
    bytea_output: "hex",
    extra_float_digits: "1",
    ...(planOnce ? INDEXES_ONLY : {}),
    ...(statementTimeoutMs
      ? {
          statement_timeout: String(statementTimeoutMs),
          idle_in_transaction_session_timeout: String(IDLE_IN_TRANSACTION_MS),
          tcp_keepalives_idle: "10",
          tcp_keepalives_interval: "5",
          tcp_keepalives_count: "3",
          tcp_user_timeout: "15000",
        }
      : {}),
  };
  const made = Object.entries(settings).map(([name, value]) => `pg_catalog.set_config('${name}', '${value}', false)`);
  return {
    statement: `
      select pg_catalog.pg_backend_pid() as pid,
        pg_catalog.current_setting('server_version_num')::pg_catalog.int4 as version,
        pg_catalog.current_setting('server_encoding') as encoding,
        pg_catalog.pg_is_in_recovery() or pg_catalog.current_setting('transaction_read_only') = 'on' as readonly,
        ${made.join(", ")}`,
    refuse: (row) => refusalOf(row, acceptReadOnly),
    isOver: ({ code }) => !acceptReadOnly && code === "25006",
  };
}

function refusalOf({ version, encoding, readonly }: SessionRow, acceptReadOnly: boolean): Error | null {
  if (version < MIN_VERSION) {
    const found = `${Math.floor(version / 10_000)}.${version % 10_000}`;
    return new UnfitServer("UNFIT_SERVER", `the server is PostgreSQL ${found}: dundie needs version 15 or later`);
  }
  if (encoding !== "UTF8") {
    return new UnfitServer(
      "UNFIT_SERVER",
      `the encoding of the database is ${encoding}: dundie needs UTF8 (create database … encoding 'UTF8' template template0)`,
    );
  }
  if (readonly && !acceptReadOnly) {
    return new UnfitServer(
      "READ_ONLY_SERVER",
      "the database is read-only (a standby, or default_transaction_read_only)",
    );
  }
  return null;
}
