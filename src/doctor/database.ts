/** The database, by the checks that a start makes (`db/prepare.ts`), each with a verdict of its own. */
import { openSql, type Sql } from "../db/client.ts";
import { messageOf } from "../db/errors.ts";
import { checkSchema } from "../db/migrate.ts";
import { refuseTransactionPooling, warningsAboutDurability, warningsAboutUrl } from "../db/prepare.ts";
import { ConfigError } from "../errors.ts";
import { fault, ok, warning, within, type Finding } from "./finding.ts";

const TIMEOUT_MS = 10_000;
/** Tokens carry times of this process, and leases those of the database. */
const CLOCK_WARNING_SECONDS = 2;
const CLOCK_FAULT_SECONDS = 30;

export async function checkDatabase(url: string, schema: string): Promise<Finding[]> {
  const warnings = warningsAboutUrl(url).map((text) => warning("database", text, "see docs/postgresql.md"));
  const sql = openSql(url, { max: 1, name: "dundie doctor", schema, statementTimeoutMs: TIMEOUT_MS });
  try {
    const [server] = await within(
      TIMEOUT_MS,
      // Opening the session refuses a server that is too old, not UTF8 or read-only.
      sql<{ version: string; encoding: string }[]>`
        select current_setting('server_version') as version, current_setting('server_encoding') as encoding`,
    );
    return [
      ...warnings,
      ok("database", `PostgreSQL ${server?.version}, encoding ${server?.encoding}, takes writes`),
      await verdictOf("pooler", "each connection keeps its session", refuseTransactionPooling(url)),
      ...(await checkTables(sql, schema)),
      ...(await warningsAboutDurability(sql)).map((text) => warning("durability", text, "turn it on")),
      await checkClock(async () => {
        const [row] = await sql<{ ms: number }[]>`select extract(epoch from clock_timestamp())::float8 * 1000 as ms`;
        return row?.ms ?? Number.NaN;
      }),
    ];
  } catch (error) {
    return [...warnings, fault("database", wordsOf(error), "see docs/postgresql.md")];
  } finally {
    await sql.end({ timeout: 1 });
  }
}

async function verdictOf(subject: string, good: string, check: Promise<void>): Promise<Finding> {
  try {
    await within(2 * TIMEOUT_MS, check);
    return ok(subject, good);
  } catch (error) {
    return fault(subject, wordsOf(error), "see docs/postgresql.md");
  }
}

async function checkTables(sql: Sql, schema: string): Promise<Finding[]> {
  try {
    const warnings = await within(TIMEOUT_MS, checkSchema(sql, schema));
    if (warnings.length > 0) return warnings.map((text) => warning("schema", text));
    return [ok("schema", `"${schema}" is this version's, and the role may use its tables`)];
  } catch (error) {
    return [fault("schema", wordsOf(error), "see docs/postgresql.md")];
  }
}

/** @param read the time of the database in milliseconds. */
export async function checkClock(read: () => Promise<number>): Promise<Finding> {
  const before = Date.now();
  const database = await read();
  // The answer was made somewhere between the question and its arrival.
  const seconds = Math.abs(database - (before + Date.now()) / 2) / 1_000;
  const words = `the clocks of this machine and of the database differ by ${seconds.toFixed(1)} s`;
  const advice = "let both follow a time server (NTP)";
  if (seconds > CLOCK_FAULT_SECONDS) return fault("clock", words, advice);
  return seconds > CLOCK_WARNING_SECONDS ? warning("clock", words, advice) : ok("clock", words);
}

/** @returns sentences that hold no password: those of the driver name a host and a user at most. */
const wordsOf = (error: unknown): string =>
  error instanceof ConfigError ? error.problems.join("; ") : messageOf(error);
