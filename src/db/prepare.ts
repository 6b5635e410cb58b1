/** What a process checks before it uses a database, so that it fails with a sentence at start and not later with 503. */
import { ConfigError } from "../errors.ts";
import { log } from "../log.ts";
import { isLocal, parseAddress } from "./address.ts";
import { openBare, openSql, type Sql } from "./client.ts";
import { isPassing, isUnavailable, messageOf } from "./errors.ts";
import { checkSchema, migrateWith } from "./migrate.ts";
import { UnfitServer } from "./session.ts";

export interface PrepareOptions {
  readonly schema: string;
  /** Bring the schema to this version. Otherwise another one is refused. */
  readonly migrate: boolean;
}

/** A server that is started together with dundie takes a few seconds to recover. */
const PATIENCE_MS = 10_000;
const RETRY_MS = 250;

/**
 * Resolves when the database is there, is one that dundie can work with, and has this version's schema.
 * @throws {ConfigError} with what is wrong, as a sentence.
 */
export async function prepareDatabase(url: string, { schema, migrate }: PrepareOptions): Promise<void> {
  const warn = (words: string): void => log.warn({ event: "database_warning" }, words);
  warningsAboutUrl(url).forEach(warn);
  const sql = openSql(url, { max: 1, name: "dundie start", schema });
  try {
    await waitForServer(url);
    (await warningsAboutDurability(sql)).forEach(warn);
    if (migrate) await migrateWith(sql, schema);
    (await checkSchema(sql, schema)).forEach(warn);
  } catch (error) {
    throw asSentence(error);
  } finally {
    await sql.end({ timeout: 5 });
  }
}

/** What works and is not as it should be: parameters without effect, and a way to the server that is open to others. */
export function warningsAboutUrl(url: string): string[] {
  const { address, warnings } = parseAddress(url);
  const open = address !== null && ["disable", "allow", "prefer"].includes(address.sslmode);
  if (!open || address.hosts.every(isLocal)) return [...warnings];
  const words =
    "DATABASE_URL leads to another machine and does not require TLS, so what is sent may be read and changed on the " +
    "way: add sslmode=verify-full";
  return [...warnings, words];
}

async function waitForServer(url: string): Promise<void> {
  const givenUpAt = performance.now() + PATIENCE_MS;
  for (let tries = 1; ; tries += 1) {
    try {
      return await refuseTransactionPooling(url);
    } catch (error) {
      if (!isPassing(error) || performance.now() > givenUpAt) throw error;
      if (tries === 1) log.warn({ event: "database_away", reason: messageOf(error) }, "waiting for the database");
    }
    await Bun.sleep(RETRY_MS);
  }
}

/**
 * A pooler in transaction mode gives each transaction another server session. What dundie sets in its sessions would
 * be lost there, and change those of others.
 *
 * In session mode a client keeps its server process. In transaction mode it gives it back after each transaction:
 * either another client gets the same one, or it does not get the same one again itself.
 */
export async function refuseTransactionPooling(url: string): Promise<void> {
  const [first, second] = [openBare(url, "dundie start"), openBare(url, "dundie start")];
  const close = (seconds: number) => Promise.all([first.end({ timeout: seconds }), second.end({ timeout: seconds })]);
  let late = false;
  const timer = setTimeout(() => {
    late = true;
    void close(0);
  }, PATIENCE_MS);
  try {
    const mine = await pidOf(first);
    // A pooler keeps the server's process to itself, and tells its clients a number of its own.
    if (mine.process === mine.told) return;
    await second.begin(async (tx) => {
      if ((await pidOf(tx)).process === mine.process || (await pidOf(first)).process !== mine.process) {
        throw new UnfitServer("UNFIT_SERVER", TRANSACTION_POOLING);
      }
    });
  } catch (error) {
    if (late) throw new UnfitServer("UNFIT_SERVER", NO_SESSION);
    // PgBouncer in statement mode refuses a transaction.
    if (/transaction blocks not allowed/.test(messageOf(error)))
      throw new UnfitServer("UNFIT_SERVER", TRANSACTION_POOLING);
    throw error;
  } finally {
    clearTimeout(timer);
    await close(1);
  }
}

const NO_SESSION =
  "no two sessions were to be had within 10 s: the server or the pooler may be out of connections (docs/postgresql.md " +
  "says how many dundie takes)";

const TRANSACTION_POOLING =
  "the pooler gives each transaction another session (transaction or statement pooling): use its session mode, or the " +
  "address of the server itself";

async function pidOf(sql: Pick<Sql, "unsafe">): Promise<{ process: number; told: number | undefined }> {
  // The query uses the simple protocol: a prepared statement may be unknown to the session that a pooler chooses next.
  const result = await sql.unsafe<{ process: number }[]>("select pg_backend_pid() as process");
  return { process: result[0]?.process ?? 0, told: result.state?.pid };
}

/** "Committed" is the promise behind each answer. With one of these off, a crash of the server takes it back. */
export async function warningsAboutDurability(sql: Sql): Promise<string[]> {
  const off = await sql<{ name: string }[]>`
    select name from unnest(array['synchronous_commit', 'fsync', 'full_page_writes']) as s (name)
    where current_setting(name) = 'off'`;
  return off.map(({ name }) => `${name} is off: a crash of the database server loses what was answered as committed`);
}

function asSentence(error: unknown): unknown {
  if (error instanceof ConfigError) return error;
  if (error instanceof UnfitServer) return new ConfigError([`DATABASE_URL: ${error.message}`]);
  if (!isUnavailable(error)) return error;
  return new ConfigError([`DATABASE_URL leads to no PostgreSQL that can be used: ${messageOf(error)}`]);
}
