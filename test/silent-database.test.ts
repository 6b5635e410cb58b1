/** Connections that go silent without an error: packets that are dropped, a proxy that is frozen. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { openSql } from "../src/db/client.ts";
import { migrate } from "../src/db/migrate.ts";
import { startApplication, type Application } from "./support/application.ts";
import { emptyDatabase, testDatabase, type TestDatabase } from "./support/database.ts";
import { startTcpProxy, type TcpProxy } from "./support/tcp-proxy.ts";
import { until } from "./support/waiting.ts";

/** Within which everything goes on. */
const RECOVERY_MS = 10_000;

let database: TestDatabase;
let proxy: TcpProxy;
let dundie: Application;

beforeAll(async () => {
  database = await testDatabase();
  proxy = await startTcpProxy(database.url);
  dundie = await startApplication({ DATABASE_URL: proxy.through(database.url) });
}, 90_000);

afterAll(async () => {
  await dundie[Symbol.asyncDispose]();
  proxy.close();
  await database.drop();
});

const elapsed = async (work: Promise<unknown>): Promise<number> => {
  const startedAt = performance.now();
  await work;
  return performance.now() - startedAt;
};

test("when every open connection goes silent, requests and emails go on within 10 s", async () => {
  const email = await dundie.addPerson("Creed Bratton");
  await dundie.requestReset(email);
  await dundie.received(email);

  for (const name of ["Kevin Malone", "Oscar Martinez"]) {
    const next = await dundie.addPerson(name);
    proxy.apply("freeze");
    const asked = dundie.requestReset(next);
    expect(await elapsed(asked)).toBeLessThan(RECOVERY_MS);
    expect((await asked).status).toBe(200);
    expect(await elapsed(dundie.received(next))).toBeLessThan(RECOVERY_MS);
    expect(await elapsed(loggedIn())).toBeLessThan(RECOVERY_MS);
  }
});

test("an outcome is recorded within 10 s when the connections go silent while an email is sent", async () => {
  const email = await dundie.addPerson("Meredith Palmer");
  const held = Promise.withResolvers<void>();
  const sent = Promise.withResolvers<void>();
  dundie.smtp.behave(({ phase, recipient }) => {
    if (phase !== "reply" || recipient !== email) return null;
    sent.resolve();
    return { held: held.promise };
  });
  await dundie.requestReset(email);
  await sent.promise;
  proxy.apply("freeze");
  held.resolve();
  const sql = openSql(database.url, { max: 1, name: "test" });
  const recorded = async (): Promise<boolean> =>
    (await sql`select 1 from message where recipient = ${email} and state = 'sent'`).length > 0;
  expect(await elapsed(until(recorded))).toBeLessThan(RECOVERY_MS);
  expect(dundie.smtp.emails.filter(({ recipient }) => recipient === email)).toHaveLength(1);
  await sql.end();
});

test("a proxy that is frozen for a while is answered with 503, and with 200 once it passes on again", async () => {
  proxy.setMode("freeze");
  proxy.apply("freeze");
  const asked = dundie.requestReset("nobody@example.com");
  expect(await elapsed(asked)).toBeLessThan(RECOVERY_MS);
  expect((await asked).status).toBe(503);
  proxy.setMode("forward");
  const recovered = async (): Promise<boolean> => (await dundie.requestReset("nobody@example.com")).status === 200;
  expect(await elapsed(until(recovered))).toBeLessThan(RECOVERY_MS);
});

test("a statement that the server works on is left alone, however long it takes", async () => {
  const sql = openSql(proxy.through(database.url), { max: 1, name: "test slow" });
  const [row] = await sql`select pg_sleep(6), pg_backend_pid() as pid`;
  // The same connection goes on.
  expect((await sql`select pg_backend_pid() as pid`)[0]?.["pid"]).toBe(row?.["pid"]);
  await sql.end();
});

test("notifications come again within 10 s when their connection has gone silent", async () => {
  const sql = openSql(proxy.through(database.url), { max: 1, name: "test listener" });
  const direct = openSql(database.url, { max: 1, name: "test notifier" });
  const seen = { heard: 0 };
  let listening = 0;
  await sql.listen(
    "test",
    () => void (seen.heard += 1),
    () => void (listening += 1),
  );
  proxy.apply("freeze");
  const again = async (): Promise<boolean> => {
    await direct`select pg_notify('test', '')`;
    return seen.heard > 0;
  };
  expect(await elapsed(until(again))).toBeLessThan(RECOVERY_MS);
  // What was missed is looked for when it listens again.
  expect(listening).toBe(2);
  await Promise.all([sql.end({ timeout: 1 }), direct.end()]);
});

test("a migration whose connection goes silent is tried again within 10 s", async () => {
  const empty = await emptyDatabase();
  let frozen = false;
  const silent = await startTcpProxy(empty.url, {
    // Once, at the answer to the first statement that follows the session's settings.
    onReply: (chunk) => {
      if (frozen || !chunk.includes("there")) return "forward";
      frozen = true;
      return "freeze";
    },
  });
  expect(await elapsed(migrate(silent.through(empty.url)))).toBeLessThan(RECOVERY_MS);
  expect(frozen).toBe(true);
  silent.close();
  await empty.drop();
});

/** A read over the API's own pool: the answer is a 401 when the database was asked. */
async function loggedIn(): Promise<void> {
  for (;;) {
    const body = new URLSearchParams({ username: "nobody", password: "wrong" });
    const { status } = await fetch(`${dundie.url}/token`, { method: "POST", body });
    if (status === 401) return;
  }
}
