/** What the patched driver does when connections fail: see patches/README.md. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { openSql, type Sql, type SqlTransaction } from "../src/db/client.ts";
import { testDatabase, type TestDatabase } from "./support/database.ts";
import { startTcpProxy, type ProxyOptions } from "./support/tcp-proxy.ts";
import { until } from "./support/waiting.ts";

let database: TestDatabase;
let direct: Sql;

beforeAll(async () => {
  database = await testDatabase();
  direct = openSql(database.url, { max: 2, name: "test" });
  await direct`create table note (text text)`;
}, 90_000);

afterAll(async () => {
  await direct.end();
  await database.drop();
});

const codeOf = (error: unknown): unknown => (error instanceof Error ? Reflect.get(error, "code") : error);

/** A pool through a proxy; both are closed at the end. */
async function throughProxy({ max = 1, ...options }: { max?: number } & ProxyOptions = {}) {
  const proxy = await startTcpProxy(database.url, options);
  const sql = openSql(proxy.through(database.url), { max, name: "test proxied" });
  return {
    proxy,
    sql,
    async [Symbol.asyncDispose]() {
      await sql.end({ timeout: 0 });
      proxy.close();
    },
  };
}

test("a connection that is lost while it is set up rejects its query and nothing else", async () => {
  // The names of the columns of the two answers that are awaited before a connection's first query.
  for (const column of ["set_config", "typarray"]) {
    let lose = true;
    await using it = await throughProxy({
      onReply: (chunk) => (lose && chunk.includes(column) ? "close" : "forward"),
    });
    // A rejection that is handled nowhere would fail this test.
    expect(codeOf(await it.sql`select 1`.catch((error: unknown) => error))).toStartWith("CONNECTION_");
    lose = false;
    expect((await it.sql`select 1 as one`)[0]?.["one"]).toBe(1);
  }
});

test("a server that accepts and closes gets few connections, and each query is rejected soon", async () => {
  await using it = await throughProxy({ max: 4 });
  it.proxy.setMode("close");
  const endsAt = performance.now() + 3_000;
  let longest = 0;
  while (performance.now() < endsAt) {
    const startedAt = performance.now();
    const asked = Array.from({ length: 20 }, () => it.sql`select 1`.catch(codeOf));
    expect(new Set(await Promise.all(asked))).toEqual(new Set(["CONNECTION_CLOSED"]));
    longest = Math.max(longest, performance.now() - startedAt);
  }
  // Four connections, each tried about every 0.75 s after the first second.
  expect(it.proxy.accepted).toBeLessThan(100);
  expect(longest).toBeLessThan(3_000);
  it.proxy.setMode("forward");
  expect(await it.sql`select 1`).toHaveLength(1);
});

test("queries that wait for a connection are rejected with the attempt that fails", async () => {
  const sql = openSql("postgres://nobody@127.0.0.1:1/none", { max: 2, name: "test nowhere" });
  const startedAt = performance.now();
  const outcomes = await Promise.all(Array.from({ length: 200 }, () => sql`select 1`.catch(codeOf)));
  expect(outcomes.every((code) => code === "ECONNREFUSED" || code === "CONNECTION_CLOSED")).toBe(true);
  expect(performance.now() - startedAt).toBeLessThan(3_000);
  await sql.end({ timeout: 0 });
});

test("a query of a transaction whose connection was lost is rejected, and runs in no other transaction", async () => {
  await using it = await throughProxy();
  const begun = Promise.withResolvers<void>();
  const waiting = Promise.withResolvers<void>();
  const late = Promise.withResolvers<unknown>();
  const lost = it.sql.begin(async (tx) => {
    await tx`select 1`;
    begun.resolve();
    await waiting.promise;
    late.resolve(await tx`insert into note values ('of the lost transaction')`.catch((error: unknown) => error));
  });
  const outcome = lost.catch((error: unknown) => error);
  await begun.promise;
  it.proxy.apply("close");
  expect(codeOf(await outcome)).toBe("CONNECTION_CLOSED");
  await it.sql.begin(async (tx) => {
    await tx`insert into note values ('of the next transaction')`;
    waiting.resolve();
    expect(codeOf(await late.promise)).toBe("CONNECTION_CLOSED");
  });
  expect([...(await direct`select text from note`)]).toEqual([{ text: "of the next transaction" }]);
});

test("a query of a transaction that has ended is rejected", async () => {
  let kept: SqlTransaction | undefined;
  await direct.begin(async (tx) => {
    kept = tx;
    await tx`select 1`;
  });
  expect(codeOf(await kept!`insert into note values ('too late')`.catch((error: unknown) => error))).toBe(
    "TRANSACTION_ENDED",
  );
  expect(await direct`select text from note where text = 'too late'`).toHaveLength(0);
});

test("of several hosts the first that can be used serves, whatever is wrong with those before it", async () => {
  const { port } = new URL(database.url);
  const closing = await startTcpProxy(database.url);
  closing.setMode("close");
  for (const bad of ["127.0.0.1:1", `127.0.0.1:${closing.port}`]) {
    const url = database.url.replace(`127.0.0.1:${port}`, `${bad},127.0.0.1:${port}`);
    const sql = openSql(url, { max: 2, name: "test hosts" });
    expect(await Promise.all([sql`select 1`, sql`select 1`, sql`select 1`])).toHaveLength(3);
    await sql.end();
    const none = openSql(url.replace(`,127.0.0.1:${port}`, ",127.0.0.1:2"), { max: 1, name: "test hosts" });
    expect(codeOf(await none`select 1`.catch((error: unknown) => error))).toBe("ECONNREFUSED");
    await none.end({ timeout: 0 });
  }
  closing.close();
});

test("a first query whose connection is lost is rejected where another host is left, too", async () => {
  const first = await startTcpProxy(database.url);
  const { port } = new URL(database.url);
  const sql = openSql(first.through(database.url).replace(`:${first.port}`, `:${first.port},127.0.0.1:${port}`), {
    max: 1,
    name: "test hosts",
  });
  const [sleeping] = await Promise.all([
    sql`select pg_sleep(30)`.catch((error: unknown) => error),
    (async () => {
      while (
        (await direct`select 1 from pg_stat_activity where query like '%pg_sleep(30)' and state = 'active'`).length < 1
      );
      first.apply("close");
    })(),
  ]);
  expect(codeOf(sleeping)).toBe("CONNECTION_CLOSED");
  expect(await sql`select 1`).toHaveLength(1);
  await sql.end();
  first.close();
});

test("a pool whose connection is lost while it is closed, is closed", async () => {
  const proxy = await startTcpProxy(database.url);
  const sql = openSql(proxy.through(database.url), { max: 1, name: "test closing" });
  await sql`select 1`;
  const sleeping = sql`select pg_sleep(31)`.catch(codeOf);
  while ((await direct`select 1 from pg_stat_activity where query like '%(31)' and state = 'active'`).length < 1);
  const ended = sql.end();
  await Bun.sleep(0);
  proxy.apply("reset");
  expect(await sleeping).toBe("ECONNRESET");
  // It has no time limit of its own here.
  await ended;
  proxy.close();
});

test("where the server has no more connections, those that are there serve all queries", async () => {
  await direct`create role limited login password 'limited' connection limit 2`;
  const sql = openSql(database.url.replace(/\/\/[^@]*@/, "//limited:limited@"), { max: 6, name: "test limited" });
  await Promise.all([sql`select pg_sleep(0.1)`, sql`select pg_sleep(0.1)`]);
  const asked = Array.from({ length: 60 }, (_, n) =>
    n % 2 === 0 ? sql`select pg_sleep(0.01)` : sql.begin((tx) => tx`select pg_sleep(0.01)`),
  );
  expect((await Promise.allSettled(asked)).filter(({ status }) => status === "rejected")).toEqual([]);
  await sql.end();
  await direct`drop role limited`;
});

test("a connection that ends while the server is silent gives its place to a new one", async () => {
  await using it = await throughProxy();
  await it.sql`select 1`;
  it.proxy.apply("freeze");
  // The driver does the same to a connection that was idle for too long, or that is too old.
  const close: () => Promise<void> = Reflect.get(it.sql, "close");
  const closed = close();
  // The query waits for a place: the pool has one.
  expect(await Promise.race([it.sql`select 1`, Bun.sleep(10_000)])).toHaveLength(1);
  await closed;
});

test("a transaction that starts behind a full pipeline has its connection for itself", async () => {
  const sql = openSql(database.url, { max: 2, name: "test pipeline" });
  await direct`create table line (n int not null)`;
  const insert = (n: number) => sql`insert into line values (${n})`;
  // Prepares the statement on both connections: a query that is prepared first would not be pipelined.
  for (let round = 0; round < 2; round++) await Promise.all([1, 2, 3, 4].map((n) => insert(n).execute()));
  await direct`truncate line`;
  // The driver lets 100 queries wait on a connection. From here on each transaction starts at, before or behind that.
  const asked: Promise<unknown>[] = [];
  for (let n = 0; n < 200; n++) asked.push(insert(n).execute());
  const begun = [1, 2].map((n) => sql.begin((tx) => tx`insert into line values (${1_000 + n})`));
  for (let n = 0; n < 10; n++) asked.push(insert(2_000 + n).execute());
  expect((await Promise.allSettled([...begun, ...asked])).filter(({ status }) => status === "rejected")).toEqual([]);
  for (let n = 0; n < 10; n++) await insert(3_000 + n);
  // All that was answered is there for others, which is to say that it was committed.
  expect((await direct`select count(*)::int as lines from line`)[0]?.["lines"]).toBe(222);
  await sql.end({ timeout: 5 });
  await direct`drop table line`;
});

test("a connection that a plain query leaves in a transaction serves no other query", async () => {
  const sql = openSql(database.url, { max: 2, name: "test unsafe" });
  const insert = (text: string) => sql`insert into note values (${text})`.catch(codeOf);
  await sql`select 1`;
  // The driver recognizes the first by the name of its command, and the second by the state of the connection after it.
  expect(codeOf(await sql.unsafe("begin").catch((error: unknown) => error))).toBe("UNSAFE_TRANSACTION");
  await insert("after the first");
  await sql.unsafe("start transaction");
  await insert("after the second");
  await Promise.all([sql`select pg_sleep(0.1)`, sql`select pg_sleep(0.1)`]);
  // Both connections are busy, so that the third query waits on the first connection.
  const [, , behind] = await Promise.all([
    sql.unsafe("start transaction").execute(),
    sql`select pg_sleep(0.1)`.execute(),
    insert("behind the third"),
  ]);
  expect(behind).toBe("UNSAFE_TRANSACTION");
  expect([...(await direct`select text from note where text like 'after the %' order by text`)]).toEqual([
    { text: "after the first" },
    { text: "after the second" },
  ]);
  await sql.end({ timeout: 5 });
});

test("a query that cannot be sent is rejected, and the queries before and after it get their own answers", async () => {
  const sql = openSql(database.url, { max: 1, name: "test unsent" });
  const answerOf = async (query: { execute(): PromiseLike<Iterable<object>> }): Promise<unknown> => {
    const [row] = await query.execute();
    return row && Reflect.get(row, "answer");
  };
  const day = (value: Date) => answerOf(sql`select ${value}::timestamptz is not null as answer`);
  // The statement is prepared, so that a value is written together with it.
  expect(await day(new Date())).toBe(true);
  const answers = await Promise.allSettled([
    answerOf(sql`select 'before' as answer from pg_sleep(0.1)`),
    day(new Date(Number.NaN)),
    answerOf(sql`select 'between' as answer`),
    answerOf(sql.unsafe("select $1 as answer", [undefined as never])),
    answerOf(sql`select 'after' as answer`),
  ]);
  expect(answers.map((answer) => (answer.status === "fulfilled" ? answer.value : String(answer.reason)))).toEqual([
    "before",
    "RangeError: Invalid Date",
    "between",
    "Error: UNDEFINED_VALUE: Undefined values are not allowed",
    "after",
  ]);
  await sql.end({ timeout: 5 });
});

test("a pool that is asked once to listen, while the server is away, listens once when the server is back", async () => {
  await using it = await throughProxy();
  it.proxy.setMode("close");
  let listening = 0;
  const heard: string[] = [];
  const back = Promise.withResolvers<void>();
  const first = it.sql.listen(
    "note",
    (payload) => heard.push(payload),
    () => {
      listening += 1;
      back.resolve();
    },
  );
  expect(codeOf(await first.catch((error: unknown) => error))).toBe("CONNECTION_CLOSED");
  await until(() => it.proxy.accepted >= 4);
  it.proxy.setMode("forward");
  await back.promise;
  await direct.notify("note", "one");
  await direct.notify("note", "two");
  await until(() => heard.at(-1) === "two");
  expect(heard).toEqual(["one", "two"]);
  expect(listening).toBe(1);
});
