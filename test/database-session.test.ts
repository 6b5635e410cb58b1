/** What the settings of a database, a role or a server would change, and does not. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { openSql, type Sql } from "../src/db/client.ts";
import { warningsAboutDurability, warningsAboutUrl } from "../src/db/prepare.ts";
import { createSession } from "../src/db/session.ts";
import { startApi } from "./support/api.ts";
import { testDatabase, type TestDatabase } from "./support/database.ts";

/** Each set to another value than dundie relies on. */
const SETTINGS = {
  datestyle: "'SQL, DMY'",
  intervalstyle: "sql_standard",
  timezone: "'America/Sao_Paulo'",
  bytea_output: "escape",
  array_nulls: "off",
  extra_float_digits: "'-15'",
  transform_null_equals: "on",
  standard_conforming_strings: "off",
  default_transaction_isolation: "serializable",
  default_transaction_deferrable: "on",
  search_path: "public",
};

let database: TestDatabase;
let sql: Sql;

beforeAll(async () => {
  database = await testDatabase();
  const name = new URL(database.url).pathname.slice(1);
  const admin = openSql(database.url, { max: 1, name: "test admin" });
  for (const [setting, value] of Object.entries(SETTINGS)) {
    await admin.unsafe(`alter database ${name} set ${setting} = ${value}`);
  }
  await admin.end();
  sql = openSql(database.url, { max: 2, name: "test" });
}, 90_000);

afterAll(async () => {
  await sql.end();
  await database.drop();
});

test("twelve logins at once are answered, though the database is serializable by default", async () => {
  await using api = await startApi({ DATABASE_URL: database.url });
  const wrong = Array.from({ length: 6 }, () => api.tryLogIn("pam-beesly", "not this one"));
  const right = Array.from({ length: 6 }, () => api.tryLogIn("pam-beesly"));
  expect(new Set(await Promise.all(wrong))).toEqual(new Set([401]));
  expect(new Set(await Promise.all(right))).toEqual(new Set([200]));
});

test("values of each type come back as they were sent", async () => {
  const at = new Date("2026-02-01T03:04:05.678Z");
  const bytes = new Uint8Array([0, 92, 39, 200, 255]);
  const [row] = await sql`
    select ${at}::timestamptz as at, ${bytes}::bytea as bytes, (${[null]}::text[])[1] is null as null_element,
      ${0.1 + 0.2}::float8 as float, ${null}::text = null as null_equals, '1 day 02:03:04'::interval as span,
      ${"a\\b'c"} as text`;
  expect(row).toMatchObject({
    null_element: true,
    float: 0.1 + 0.2,
    null_equals: null,
    text: "a\\b'c",
  });
  expect(String(row?.["at"])).toBe(String(at));
  expect((await sql.unsafe("select 'a\\b' as literal"))[0]?.["literal"]).toBe("a\\b");
  expect(row?.["span"]).toBe("1 day 02:03:04");
  expect(new Uint8Array(row?.["bytes"])).toEqual(bytes);
});

test("the settings hold on every connection, and after a connection was lost", async () => {
  const seen = async (): Promise<unknown> =>
    (await sql`select current_schema as schema, current_setting('transaction_isolation') as isolation`)[0];
  const wanted = { schema: "dundie", isolation: "read committed" };
  expect(await Promise.all([seen(), seen(), seen()])).toEqual([wanted, wanted, wanted]);
  const admin = openSql(database.url, { max: 1, name: "test admin" });
  await admin`select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'test'`;
  await admin.end();
  // Until the driver has heard of it, a query meets a connection that is gone.
  let after: unknown = null;
  while (after === null) after = await seen().catch(() => null);
  expect(after).toEqual(wanted);
});

test("a server that is too old, not UTF-8 or read-only is refused with a sentence", () => {
  const session = createSession({
    schema: "dundie",
    statementTimeoutMs: 1,
    planOnce: false,
    acceptReadOnly: false,
  });
  const good = { pid: 1, version: 150_000, encoding: "UTF8", readonly: false };
  expect(session.refuse(good)).toBeNull();
  expect(session.refuse({ ...good, version: 180_004 })).toBeNull();
  expect(session.refuse({ ...good, version: 140_012 })?.message).toContain("PostgreSQL 14.12");
  expect(session.refuse({ ...good, encoding: "SQL_ASCII" })?.message).toContain("SQL_ASCII");
  expect(session.refuse({ ...good, readonly: true })?.message).toContain("read-only");
});

test("a database on another machine that TLS is not required for is warned about", () => {
  const warned = (url: string): boolean => warningsAboutUrl(url).some((words) => words.includes("sslmode=verify-full"));
  for (const query of ["", "?sslmode=disable", "?sslmode=prefer", "?sslmode=allow"]) {
    expect([query, warned(`postgres://u:p@db.example.com/d${query}`)]).toEqual([query, true]);
    expect([query, warned(`postgres://u:p@127.0.0.1,db.example.com/d${query}`)]).toEqual([query, true]);
    expect([query, warned(`postgres://u:p@127.0.0.1/d${query}`)]).toEqual([query, false]);
    expect([query, warned(`postgres://u:p@%2Frun%2Fpostgresql/d${query}`)]).toEqual([query, false]);
  }
  for (const mode of ["require", "verify-ca", "verify-full"]) {
    expect(warned(`postgres://u:p@db.example.com/d?sslmode=${mode}`)).toBe(false);
  }
});

test("a commit that a crash would take back is warned about", async () => {
  // The cluster of the tests runs without fsync, which is warned about as well.
  const [fsync, ...others] = await warningsAboutDurability(sql);
  expect([fsync, others]).toEqual([expect.stringContaining("fsync is off"), []]);
  const careless = openSql(database.url, { max: 1, name: "test careless" });
  await careless`set synchronous_commit = off`;
  expect(await warningsAboutDurability(careless)).toEqual([
    expect.stringContaining("synchronous_commit is off"),
    fsync,
  ]);
  await careless.end();
});
