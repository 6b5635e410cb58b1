/** A database that is away, read-only or slow: every route answers 503 with Retry-After, and `/health` says so. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { openSql, type Sql } from "../src/db/client.ts";
import { prepareDatabase } from "../src/db/prepare.ts";
import { ConfigError } from "../src/errors.ts";
import { startApi, type Call, type TestApi } from "./support/api.ts";
import { testDatabase, type TestDatabase } from "./support/database.ts";
import { startTcpProxy, type TcpProxy } from "./support/tcp-proxy.ts";
import { until } from "./support/waiting.ts";

/** After which a database that is back must have been found. */
const RECOVERY_MS = 15_000;

let database: TestDatabase;
let proxy: TcpProxy;
let api: TestApi;
let admin: Sql;
let token: string;

beforeAll(async () => {
  database = await testDatabase();
  proxy = await startTcpProxy(database.url);
  admin = openSql(database.url, { max: 2, name: "test admin", acceptReadOnly: true });
  api = await startApi({ DATABASE_URL: proxy.through(database.url), REGISTRATION: "on" });
  token = (await api.logIn("michael-scott")).access_token;
}, 90_000);

afterAll(async () => {
  await api[Symbol.asyncDispose]();
  await admin.end({ timeout: 1 });
  proxy.close();
  await database.drop();
});

const PASSWORD = { password: "the fog over a harbour", password_confirm: "the fog over a harbour" };
const TOKEN = "x".repeat(43);

/** A request that fits the schema of its route, where an empty one does not. */
const BODIES: Record<string, Call> = {
  "POST /token": { form: { username: "pam-beesly", password: "wrong" } },
  "POST /refresh_token": { json: { refresh_token: TOKEN } },
  "POST /revoke": { form: { token: TOKEN } },
  "POST /introspect": { form: { token: TOKEN } },
  "POST /user/pwd_reset_token/": { json: { email: "pbeesly@dm.com" } },
  "POST /user/password/": { json: { ...PASSWORD, pwd_reset_token: TOKEN } },
  "POST /user/:username/password/": { json: { ...PASSWORD, pwd_reset_token: TOKEN } },
  "POST /email/confirm/": { json: { token: TOKEN } },
  "POST /email/freeze/": { json: { token: TOKEN } },
  "POST /user/me/email/": { json: { email: "new@example.com", current_password: "wrong" } },
  "POST /register/": { json: { email: "new@example.com" } },
  "POST /register/complete/": { json: { ...PASSWORD, name: "New One", token: TOKEN } },
  "POST /user/": { json: { name: "New One", email: "new@example.com", dept: "hr" } },
  "PATCH /user/:username/": { json: { bio: "Paints." } },
  "DELETE /user/:username/": { json: { current_password: "wrong" } },
  "POST /message/suppress/": { json: { email: "new@example.com" } },
  "POST /message/lift/": { json: { email: "new@example.com" } },
  "POST /complete_registration": { form: { ...PASSWORD, name: "New One", token: TOKEN } },
  "POST /confirm_email": { form: { token: TOKEN } },
  "POST /freeze_account": { form: { token: TOKEN } },
  "POST /reset_password": { form: { ...PASSWORD, pwd_reset_token: TOKEN } },
};

/** What needs no database. */
const STATIC =
  /^(GET|HEAD) \/(health\/live|openapi\.json|docs|pages|outbox|reset_password|confirm_email|complete_registration|freeze_account|\.well-known|assets)(\/|$)/;

const requestOf = (route: string): { method: string; path: string; call: Call } => {
  const [method = "", pattern = ""] = route.split(" ");
  const path = pattern.replace(":username", "pam-beesly").replace(":id", "01890000-0000-7000-8000-000000000000");
  return { method, path, call: { ...(BODIES[route] ?? (method === "GET" ? {} : { json: {} })), token } };
};

const statusOf = async (): Promise<number> => (await api.call("GET", "/health")).status;

async function recovered(): Promise<void> {
  const startedAt = performance.now();
  await until(async () => (await statusOf()) === 200);
  expect(performance.now() - startedAt).toBeLessThan(RECOVERY_MS);
}

describe("while the database is away", () => {
  beforeAll(async () => {
    proxy.setMode("close");
    proxy.apply("reset");
    await until(async () => (await statusOf()) === 503);
  });

  afterAll(async () => {
    proxy.setMode("forward");
    await recovered();
  });

  test("every route that asks it answers 503 with Retry-After", async () => {
    const asking = api.routes.filter((route) => !STATIC.test(route));
    expect(asking.length).toBeGreaterThan(30);
    const wrong: string[] = [];
    for (const route of asking) {
      const { method, path, call } = requestOf(route);
      const { status, headers, body } = await api.call(method, path, call);
      // A page without data.
      if (method === "GET" && status === 200 && !headers.get("content-type")?.includes("json")) continue;
      const good = status === 503 && Number(headers.get("retry-after")) > 0;
      if (!good) wrong.push(`${route}: ${status} ${JSON.stringify(body).slice(0, 200)}`);
    }
    expect(wrong).toEqual([]);
  });
});

test("its going and its coming back are logged at error, once each", async () => {
  const lines = (): { level: string; event: string; afterMs?: number }[] =>
    api.logLines.map((line) => JSON.parse(line)).filter(({ event }) => String(event).startsWith("database_away"));
  const earlier = lines().length;
  proxy.setMode("close");
  proxy.apply("reset");
  for (let asked = 0; asked < 8; asked += 1) {
    await api.call("GET", "/user/");
    await api.call("POST", "/user/pwd_reset_token/", { json: { email: "pbeesly@dm.com" } });
  }
  expect(
    lines()
      .slice(earlier)
      .map(({ level, event }) => [level, event]),
  ).toEqual([["error", "database_away"]]);
  proxy.setMode("forward");
  // Without a request: what was away is looked for.
  await until(() => lines().length >= earlier + 2, { timeoutMs: RECOVERY_MS });
  expect(lines()[earlier + 1]).toMatchObject({
    level: "error",
    event: "database_away_over",
    afterMs: expect.any(Number),
  });
  expect(lines()).toHaveLength(earlier + 2);
});

test("a database that turns read-only and back is 503 and unhealthy, and then well", async () => {
  const [{ name } = { name: "" }] = await admin<{ name: string }[]>`select current_database() as name`;
  const reset = { json: { email: "pbeesly@dm.com" } };
  expect((await api.call("POST", "/user/pwd_reset_token/", reset)).status).toBe(200);
  // As a failover does it: sessions end, and the next ones are read-only.
  await admin`alter database ${admin(name)} set default_transaction_read_only = on`;
  proxy.apply("reset");
  await until(async () => (await statusOf()) === 503);
  for (let asked = 0; asked < 5; asked += 1) {
    const answer = await api.call("POST", "/user/pwd_reset_token/", reset);
    expect([answer.status, answer.headers.get("retry-after")]).toEqual([503, "5"]);
    expect((await api.call("GET", "/user/")).status).toBe(503);
  }
  await admin`alter database ${admin(name)} reset default_transaction_read_only`;
  await recovered();
  expect((await api.call("POST", "/user/pwd_reset_token/", reset)).status).toBe(200);
});

test("a session that is made read-only is closed, and the next is good", async () => {
  const sql = openSql(proxy.through(database.url), { max: 1, name: "test session" });
  await sql`set default_transaction_read_only = on`;
  const [before] = await sql`select pg_backend_pid() as pid`;
  expect(Reflect.get(await sql`create table t (a int)`.catch((error: unknown) => error as Error), "code")).toBe(
    "25006",
  );
  await sql`create table t (a int)`;
  expect((await sql`select pg_backend_pid() as pid`)[0]?.["pid"]).not.toBe(before?.["pid"]);
  await sql.end();
});

test("health tells of the way that a reset takes, whatever the API's own pool does", async () => {
  const busy = api.deps.db.orm.transaction(async (tx) => {
    for (let n = 0; n < 3; n += 1) await tx.execute("select pg_sleep(0.5)");
  });
  const others = Array.from({ length: 10 }, () => api.deps.db.orm.execute("select pg_sleep(1)"));
  const startedAt = performance.now();
  await Bun.sleep(1_100);
  expect(await statusOf()).toBe(200);
  expect(performance.now() - startedAt).toBeLessThan(2_500);
  await Promise.all([busy, ...others]);

  // A lock that no reset gets past, while everything else works.
  await admin.begin(async (tx) => {
    await tx`lock table message in access exclusive mode`;
    await Bun.sleep(1_100);
    expect(await statusOf()).toBe(503);
    expect((await api.call("GET", "/user/")).status).toBe(200);
  });
  await recovered();
}, 30_000);

test("a start before a proxy without a server ends with a sentence, after few attempts", async () => {
  const closing = await startTcpProxy(database.url);
  closing.setMode("close");
  const startedAt = performance.now();
  const url = closing.through(database.url);
  const error = await prepareDatabase(url, { schema: "dundie", migrate: true }).catch((error: unknown) => error);
  expect(error).toBeInstanceOf(ConfigError);
  expect((error as ConfigError).problems).toEqual([expect.stringContaining("DATABASE_URL leads to no PostgreSQL")]);
  expect(performance.now() - startedAt).toBeLessThan(RECOVERY_MS);
  expect(closing.accepted).toBeLessThan(60);
  closing.close();
});

test("a start waits for a server that is there within 10 s", async () => {
  const late = await startTcpProxy(database.url);
  late.setMode("close");
  const prepared = prepareDatabase(late.through(database.url), { schema: "dundie", migrate: false });
  await until(() => late.accepted >= 3);
  late.setMode("forward");
  await prepared;
  late.close();
});

test("a health check leaves no row behind", async () => {
  await Bun.sleep(1_100);
  expect(await statusOf()).toBe(200);
  expect(await admin`select 1 from message where kind = 'health_check'`).toHaveLength(0);
});
