/** What a claim makes of a database in trouble, and of rows that are at fault. */
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { openSql } from "../src/db/client.ts";
import { createMailers } from "../src/mailers/mailers.ts";
import { testCourier } from "./support/claims.ts";
import { startEngine, type Engine } from "./support/engine.ts";
import { startTcpProxy } from "./support/tcp-proxy.ts";
import { until } from "./support/waiting.ts";

let engine: Engine;
beforeEach(async () => {
  engine = await startEngine();
});
afterEach(async () => {
  await engine[Symbol.asyncDispose]();
});

const ask = async (...emails: string[]) => {
  for (const email of emails) await engine.requestReset(email);
};
const costs = () => engine.sql`select state, reason, attempts, tries, render_errors "renderErrors" from message`;
const UNTOUCHED = { state: "queued", reason: null, attempts: 0, tries: 0, renderErrors: 0 };
const PEOPLE = ["person0@example.com", "person1@example.com", "person2@example.com"] as const;

describe("trouble of the database costs no message a chance", () => {
  test("a lock on the table of accounts fails the claim, and each email is sent once the lock is gone", async () => {
    await engine.people(1);
    await ask(PEOPLE[0]);
    const courier = testCourier(engine);
    const locked = Promise.withResolvers<void>();
    const release = Promise.withResolvers<void>();
    const alter = engine.sql.begin(async (tx) => {
      await tx`alter table "user" add column added text`;
      locked.resolve();
      await release.promise;
    });
    await locked.promise;
    // Three chances are all that a message has.
    for (let n = 0; n < 3; n += 1) {
      await engine.sql`update message set due_at = now()`;
      await courier.claim().catch(() => []);
      expect([...(await costs())]).toEqual([UNTOUCHED]);
    }
    release.resolve();
    await alter;
    await engine.sql`update message set due_at = now()`;
    expect(await courier.sendAll()).toEqual([PEOPLE[0]]);
  });

  test.each(["57014", "40P01", "53200", "25006", "55006", "57P01", "42501", "XX000", "P0001"])(
    "SQLSTATE %s",
    async (code) => {
      await engine.people(3);
      await ask(...PEOPLE);
      await engine.sql.unsafe(`
        create function trouble() returns trigger language plpgsql as $$
          begin raise exception 'trouble' using errcode = '${code}'; end $$`);
      await engine.sql`create trigger trouble before insert on one_time_token execute function trouble()`;
      const courier = testCourier(engine);
      await courier.claim().catch(() => []);
      expect([...(await costs())]).toEqual([UNTOUCHED, UNTOUCHED, UNTOUCHED]);
      await engine.sql`drop trigger trouble on one_time_token`;
      await engine.sql`update message set due_at = now()`;
      expect((await courier.sendAll()).toSorted()).toEqual([...PEOPLE]);
    },
  );

  test("a claim whose commit was not answered, and that sent nothing, is released", async () => {
    await engine.people(3);
    await ask(...PEOPLE);
    let losses = 1;
    const proxy = await startTcpProxy(engine.databaseUrl, {
      onReply: (chunk) => (chunk.includes("COMMIT\0") && losses-- > 0 ? "reset" : "forward"),
    });
    const sql = openSql(proxy.through(engine.databaseUrl), { max: 1, name: "test claims" });
    try {
      const courier = testCourier(engine, sql);
      const failed = await courier.claim().catch(() => "failed");
      expect(failed).toBe("failed");
      await until(async () => (await engine.sql`select 1 from message where state = 'sending'`).length === 3);
      // The leases are over by the time the database is back: still it is known that nothing was sent.
      await engine.sql`update message set lease_expires_at = now() - interval '1 second'`;
      await courier.reclaim();
      const outcomes = await engine.sql`select outcome from attempt`;
      expect(outcomes.map((row) => row["outcome"])).toEqual(["released", "released", "released"]);
      expect([...(await costs())]).toEqual(Array.from({ length: 3 }, () => ({ ...UNTOUCHED, attempts: 1 })));
      expect((await courier.sendAll()).toSorted()).toEqual([...PEOPLE]);
    } finally {
      await sql.end({ timeout: 1 });
      proxy.close();
    }
  });

  test("a claim whose commit is made after its connection was lost is released", async () => {
    await engine.people(3);
    await ask(...PEOPLE);
    // The commit waits for this lock, and the server notices only afterwards that its client is gone.
    await engine.sql.unsafe(`
      create function wait() returns trigger language plpgsql set lock_timeout = 0 as $$
        begin perform pg_advisory_xact_lock_shared(1); return null; end $$;
      create constraint trigger wait after insert on attempt deferrable initially deferred
        for each row execute function wait()`);
    const proxy = await startTcpProxy(engine.databaseUrl);
    const sql = openSql(proxy.through(engine.databaseUrl), { max: 1, name: "test claims" });
    const waits = async () =>
      (
        await engine.sql`select 1 from pg_locks where locktype = 'advisory' and not granted and database =
        (select oid from pg_database where datname = current_database())`
      ).length > 0;
    const sending = async () => (await engine.sql`select 1 from message where state = 'sending'`).length;
    try {
      const courier = testCourier(engine, sql);
      await engine.sql.begin(async (tx) => {
        await tx`select pg_advisory_xact_lock(1)`;
        const failed = courier.claim().catch(() => "failed");
        await until(waits);
        proxy.apply("reset");
        expect(await failed).toBe("failed");
        // The commit is still to come, so there is nothing yet to release.
        expect(await courier.claim()).toEqual([]);
        await courier.reclaim();
        expect(await sending()).toBe(0);
      });
      await until(async () => (await sending()) === 3);
      await engine.sql`update message set lease_expires_at = now() - interval '1 second'`;
      await courier.reclaim();
      const outcomes = await engine.sql`select outcome from attempt`;
      expect(outcomes.map((row) => row["outcome"])).toEqual(["released", "released", "released"]);
      expect([...(await costs())]).toEqual(Array.from({ length: 3 }, () => ({ ...UNTOUCHED, attempts: 1 })));
      expect((await courier.sendAll()).toSorted()).toEqual([...PEOPLE]);
    } finally {
      await sql.end({ timeout: 1 });
      proxy.close();
    }
  });
});

describe("a row that is at fault pays alone", () => {
  test("a data exception costs its message a chance, and the others are claimed", async () => {
    await engine.people(3);
    await ask(...PEOPLE);
    await engine.sql`update message set mailer_version = 1, locale = 'en', recipient_name = 'x' where requested_email = ${PEOPLE[1]}`;
    await engine.sql.unsafe(`
      create function refuse() returns trigger language plpgsql as $$ begin
        if new.sent_to = '${PEOPLE[1]}' then raise exception 'no' using errcode = '22003'; end if;
        return new; end $$`);
    await engine.sql`create trigger refuse before insert on one_time_token for each row execute function refuse()`;
    const courier = testCourier(engine);
    expect((await courier.sendAll()).toSorted()).toEqual([PEOPLE[0], PEOPLE[2]]);
    const [row] = await engine.sql`select state, render_errors from message where requested_email = ${PEOPLE[1]}`;
    expect(row).toEqual({ state: "queued", render_errors: 1 });
  });

  test("a mailer that throws costs its message a chance, and after three it fails", async () => {
    await engine.people(2);
    await ask(PEOPLE[0], PEOPLE[1]);
    const mailers = createMailers(engine.config);
    const real = mailers.get("password_reset")!;
    const broken: typeof real = {
      ...real,
      prepare(tx, messages) {
        if (messages.some(({ requestedEmail }) => requestedEmail === PEOPLE[0])) throw new TypeError("a broken mailer");
        return real.prepare(tx, messages);
      },
    };
    const courier = testCourier(engine, engine.sql, new Map([["password_reset", broken]]));
    for (let n = 0; n < 3; n += 1) {
      await courier.sendAll();
      await engine.sql`update message set due_at = now() where state = 'queued'`;
    }
    const rows = await engine.sql`select state, reason from message order by requested_email`;
    expect([...rows]).toEqual([
      { state: "failed", reason: "render_error" },
      { state: "sent", reason: null },
    ]);
  });

  test("one row that another session has locked rests, and the others are claimed at once", async () => {
    await engine.people(3);
    await ask(...PEOPLE);
    const courier = testCourier(engine);
    // A digest of an earlier attempt, held by an open transaction in psql.
    await courier.claim(1);
    await engine.sql`update message set state = 'queued', lease_id = null, due_at = now() - interval '1 minute' where state = 'sending'`;
    await engine.sql.begin(async (tx) => {
      await tx`select 1 from one_time_token for update`;
      expect(await courier.sendAll()).toHaveLength(2);
    });
    const [row] =
      await engine.sql`select state, render_errors, due_at > now() as rests from message where state <> 'sent'`;
    expect(row).toEqual({ state: "queued", render_errors: 0, rests: true });
    await engine.sql`update message set due_at = now() where state = 'queued'`;
    expect(await courier.sendAll()).toHaveLength(1);
  });

  test("an account that another session has locked holds up no other, however many of its requests wait", async () => {
    await engine.people(2);
    await ask(...Array.from({ length: 40 }, () => PEOPLE[0]), PEOPLE[1]);
    const courier = testCourier(engine);
    await engine.sql.begin(async (tx) => {
      await tx`select 1 from "user" where email = ${PEOPLE[0]} for update`;
      const { batch: first } = await courier.claims.due({ ordinary: 10, bulk: 0 });
      const { batch: second } = await courier.claims.due({ ordinary: 10, bulk: 0 });
      expect([...first, ...second].map(({ recipient }): string => recipient)).toEqual([PEOPLE[1]]);
    });
    await engine.sql`update message set due_at = now() where state = 'queued'`;
    expect(await courier.sendAll()).toEqual([PEOPLE[0]]);
  });
});
