/** What came before what, while clocks are set forward and back. */
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { openSql, type Sql } from "../src/db/client.ts";
import { bucketLevel } from "../src/mail/backoff.ts";
import type { Outcome } from "../src/mail/outcome.ts";
import { LEASE_SECONDS } from "../src/mail/transitions/lease.ts";
import { reclaim } from "../src/mail/transitions/reclaim.ts";
import { OK, settleAs, testCourier } from "./support/claims.ts";
import { startEngine, type Engine } from "./support/engine.ts";
import { until } from "./support/waiting.ts";

let engine: Engine;
beforeEach(async () => {
  engine = await startEngine();
});
afterEach(async () => {
  await engine[Symbol.asyncDispose]();
});

const PERSON = "person0@example.com";
const states = async (): Promise<string[]> => {
  const rows = await engine.sql`select state, reason from message order by ordinal`;
  return rows.map(({ state, reason }) => (reason ? `${state}/${reason}` : state));
};
const changeCredentials = () => engine.sql`update "user" set credentials_ordinal = nextval('ordinal')`;
const moveRequests = (by: string) =>
  engine.sql`update message set created_at = created_at + ${by}::interval where state = 'queued'`;

describe("what ends a link is decided by the order of the changes, whatever the clocks say", () => {
  test("a reset requested after a change of the password is sent, though its time is an hour before that", async () => {
    await engine.people(1);
    await changeCredentials();
    await engine.requestReset(PERSON);
    await moveRequests("-1 hour");
    expect(await testCourier(engine).sendAll()).toEqual([PERSON]);
  });

  test("a reset requested before a change of the password is revoked, though its time is an hour after that", async () => {
    await engine.people(1);
    await engine.requestReset(PERSON);
    await changeCredentials();
    await moveRequests("1 hour");
    expect(await testCourier(engine).sendAll()).toEqual([]);
    expect(await states()).toEqual(["dropped/revoked"]);
  });

  test("of two resets the one that was committed last is sent, though its id and its time are older", async () => {
    await engine.people(1);
    await engine.requestReset(PERSON);
    await engine.requestReset(PERSON);
    // As a process makes it whose clock is behind.
    await engine.sql`update message set id = '01000000-0000-7000-8000-000000000000', created_at = created_at - interval '1 hour'
      where ordinal = (select max(ordinal) from message)`;
    expect(await testCourier(engine).sendAll()).toEqual([PERSON]);
    expect(await states()).toEqual(["dropped/superseded", "sent"]);
  });
});

describe("a 250 that comes after the lease has ended", () => {
  const DEFERRED: Outcome = { type: "deferred", phase: "rcpt", code: 451, reply: "451 4.7.1 Later" };
  const lost = async () => {
    await engine.sql`update message set lease_expires_at = now() - interval '1 second' where state = 'sending'`;
    const other = testCourier(engine);
    await other.reclaim();
    return other;
  };
  const attempts = async () => {
    const rows = await engine.sql`select outcome, reply from attempt order by number`;
    return rows.map(({ outcome, reply }) => `${outcome} ${reply}`);
  };

  test("makes a message sent that expired meanwhile", async () => {
    await engine.people(1);
    await engine.requestReset(PERSON);
    const claimed = await testCourier(engine).claim();
    const other = await lost();
    await engine.sql`update message set expires_at = now() - interval '1 second'`;
    expect((await other.claims.orphan()).batch).toEqual([]);
    expect(await states()).toEqual(["failed/expired"]);
    const { recorded } = await settleAs(engine.sql, claimed, OK);
    expect(recorded.size).toBe(1);
    expect(await states()).toEqual(["sent"]);
    expect(await attempts()).toEqual(["sent 250 2.0.0 Ok"]);
  });

  test("makes a message sent that waits to be sent again, so that no copy follows", async () => {
    await engine.people(1);
    await engine.requestReset(PERSON);
    const claimed = await testCourier(engine).claim();
    const other = await lost();
    expect(await states()).toEqual(["queued"]);
    await settleAs(engine.sql, claimed, OK);
    expect(await states()).toEqual(["sent"]);
    expect((await other.claims.orphan()).batch).toEqual([]);
  });

  test("makes a message sent that another courier is sending, once that attempt ends without a 250", async () => {
    await engine.people(1);
    await engine.requestReset(PERSON);
    const claimed = await testCourier(engine).claim();
    const other = await lost();
    const { batch: again } = await other.claims.orphan();
    await settleAs(engine.sql, claimed, OK);
    expect(await states()).toEqual(["sending"]);
    await settleAs(engine.sql, again, DEFERRED);
    expect(await states()).toEqual(["sent"]);
    expect(await attempts()).toEqual(["sent 250 2.0.0 Ok", "deferred 451 4.7.1 Later"]);
  });
});

describe("the database's clock", () => {
  /** A connection on which `now()` and `clock_timestamp()` can be moved. */
  const movedClock = async (): Promise<Sql> => {
    await engine.sql.unsafe(`
      create table moved (by interval not null);
      insert into moved values ('0');
      create function dundie.now() returns timestamptz stable language sql as
        'select pg_catalog.now() + by from dundie.moved';
      create function dundie.clock_timestamp() returns timestamptz volatile language sql as
        'select pg_catalog.clock_timestamp() + by from dundie.moved'`);
    const sql = openSql(engine.databaseUrl, { max: 1, name: "test clock" });
    // The schema pg_catalog is searched first unless it is named.
    await sql`set search_path = dundie, pg_catalog`;
    return sql;
  };
  const move = (by: string) => engine.sql`update moved set by = ${by}::interval`;

  test("set an hour forward takes no message from a courier that is well", async () => {
    await engine.people(1);
    const sql = await movedClock();
    const [one, other] = [testCourier(engine, sql), testCourier(engine, sql)];
    await other.reclaim();
    await engine.requestReset(PERSON);
    const claimed = await one.claim();
    await move("1 hour");
    for (let n = 0; n < 3; n += 1) expect(await other.reclaim()).toEqual([]);
    expect(await states()).toEqual(["sending"]);
    expect(other.events()).toContain("clock_step");
    await settleAs(sql, claimed, OK);
    expect(await states()).toEqual(["sent"]);
    await sql.end();
  });

  test("set an hour back delays no message that is queued", async () => {
    await engine.people(1);
    const sql = await movedClock();
    const courier = testCourier(engine, sql);
    await courier.reclaim();
    await engine.requestReset(PERSON);
    await move("-1 hour");
    expect(await courier.claim()).toEqual([]);
    await courier.reclaim();
    expect(await courier.sendAll()).toEqual([PERSON]);
    await sql.end();
  });

  test("set back before the courier started delays no message for longer than its longest backoff", async () => {
    await engine.people(1);
    await engine.requestReset(PERSON);
    await engine.sql`update message set due_at = now() + interval '1 hour'`;
    const courier = testCourier(engine);
    await courier.reclaim();
    expect(await courier.sendAll()).toEqual([PERSON]);
  });

  /** What a courier knows of the clock that has just looked at it. */
  const clock = async (steadySeconds: number) => {
    const [row] = await engine.sql<{ now: number }[]>`select extract(epoch from clock_timestamp())::float8 as now`;
    return { expectedSeconds: row!.now, steadySeconds, setAside: [], givesUp: () => false, onRefused: () => {} };
  };

  test("set forward after a courier has looked at it takes no message either", async () => {
    await engine.people(1);
    const sql = await movedClock();
    await engine.requestReset(PERSON);
    await testCourier(engine).claim();
    const looked = await clock(LEASE_SECONDS);
    expect(await reclaim(sql, looked)).toEqual([]);
    await move("1 hour");
    expect(await reclaim(sql, looked)).toEqual([]);
    expect(await states()).toEqual(["sending"]);
    await sql.end();
  });

  test("set back leaves the lease of a dead courier far ahead: it is taken over once every other has renewed", async () => {
    await engine.people(1);
    await engine.requestReset(PERSON);
    await testCourier(engine).claim();
    await engine.sql`update message set lease_expires_at = now() + interval '1 hour'`;
    expect(await reclaim(engine.sql, await clock(LEASE_SECONDS - 1))).toEqual([]);
    expect(await states()).toEqual(["sending"]);
    expect(await reclaim(engine.sql, await clock(LEASE_SECONDS))).toHaveLength(1);
    expect(await states()).toEqual(["queued"]);
  });

  test("set back does not make an account wait for what it was sent before", () => {
    const limit = { burst: 3, refillSeconds: 300 };
    const now = 1_000_000;
    expect(bucketLevel(limit, [now + 3_600, now + 3_601, now + 3_602], now)).toBe(3);
    // Of a transaction that ended while this one waited.
    expect(bucketLevel(limit, [now + 5, now + 6, now + 7], now)).toBeLessThan(1);
  });
});

test("a lease is counted from the statement that grants it, not from the beginning of a transaction that waited", async () => {
  await engine.people(1);
  await engine.requestReset(PERSON);
  const courier = testCourier(engine);
  // The claim waits for this lock after it has begun.
  const locked = Promise.withResolvers<void>();
  const holder = engine.sql.begin(async (tx) => {
    await tx`lock table one_time_token in access exclusive mode`;
    locked.resolve();
    await until(async () => {
      const waiting = await engine.sql`select 1 from pg_stat_activity where datname = current_database()
        and wait_event_type = 'Lock' and now() - query_start > interval '1 second'`;
      return waiting.length > 0;
    });
  });
  await locked.promise;
  const [claimed] = await Promise.all([courier.claim(), holder]);
  expect(claimed).toHaveLength(1);
  const [row] = await engine.sql`
    select extract(epoch from m.lease_expires_at - a.started_at)::float8 as seconds from message m join attempt a on a.message_id = m.id`;
  expect(row!["seconds"]).toBeGreaterThanOrEqual(LEASE_SECONDS + 1);
});
