/** What use cases need, on a database, for tests that run parts of dundie. */
import { drizzle } from "drizzle-orm/postgres-js";
import { createDeps, type Deps } from "../../src/accounts/deps.ts";
import type { Config } from "../../src/config.ts";
import { openSql, poolUseOf, type Sql } from "../../src/db/client.ts";
import * as schema from "../../src/db/schema.ts";
import { log, type Log } from "../../src/log.ts";
import { createOutbox } from "../../src/mail/outbox.ts";

export interface TestDeps extends AsyncDisposable {
  readonly deps: Deps;
  /** For the test's own statements, and the outbox's. */
  readonly sql: Sql;
}

export interface TestDepsOptions {
  /** @default the process's own log */
  readonly log?: Log;
  /** See `createOutbox`. */
  readonly nudge?: (accepted: number) => void;
  /** Called with each statement of a use case, without its parameters. */
  readonly onStatement?: (statement: string) => void;
}

/** Connects when it is first asked for something. @param databaseUrl that of `config`. */
export async function openDeps(
  config: Config,
  databaseUrl: string,
  { log: ownLog = log, nudge = () => {}, onStatement = () => {} }: TestDepsOptions = {},
): Promise<TestDeps> {
  const sql = openSql(databaseUrl, { max: 4, name: "test" });
  const client = openSql(databaseUrl, { max: 8, name: "test" });
  const db = {
    orm: drizzle(client, { schema, logger: { logQuery: onStatement } }),
    poolUse: () => poolUseOf(client),
    close: () => client.end({ timeout: 1 }),
  };
  return {
    deps: await createDeps(config, { db, outbox: createOutbox(sql, nudge, ownLog), log: ownLog }),
    sql,
    async [Symbol.asyncDispose]() {
      await sql.end({ timeout: 1 });
      await db.close();
    },
  };
}
