/** Many requests for one address, queued during an outage. */
import { afterEach, beforeEach, expect, test } from "bun:test";
import { enqueue } from "../src/mail/outbox.ts";
import type { Outcome } from "../src/mail/outcome.ts";
import { settleAs, testCourier } from "./support/claims.ts";
import { startEngine, type Engine } from "./support/engine.ts";
import { until } from "./support/waiting.ts";

let engine: Engine;
beforeEach(async () => {
  engine = await startEngine();
});
afterEach(async () => {
  await engine[Symbol.asyncDispose]();
});

const queue = (email: string, count: number) => engine.sql`
  insert into message (id, kind, lane, requested_email, locale_hint, due_at, expires_at)
  select gen_random_uuid(), 'password_reset', 0, ${email}, 'en', now() - interval '1 minute', now() + interval '2 hours'
  from generate_series(1, ${count})`;
const endings = async () => [
  ...(await engine.sql`
    select requested_email email, state, reason, count(*)::int count from message group by 1, 2, 3 order by 1, 2, 3`),
];
const sent = (email: string) => ({ email, state: "sent", reason: null, count: 1 });

test("16,000 requests for one address become one email, the newest, and hold up the others for a few claims", async () => {
  await engine.people(3);
  await queue("person0@example.com", 16_000);
  await queue("person1@example.com", 1);
  await queue("person2@example.com", 1);
  const courier = testCourier(engine);
  let claims = 0;
  const recipients: string[] = [];
  while (recipients.length < 3) {
    claims += 1;
    recipients.push(...(await courier.claim(10)).map(({ recipient }) => recipient));
    expect(claims).toBeLessThan(10);
  }
  await courier.sendAll();
  const [newest] = await engine.sql`
    select ordinal = max(ordinal) over () as newest from message where requested_email = 'person0@example.com'
    order by state = 'sending' desc limit 1`;
  expect(newest).toEqual({ newest: true });
  expect((await engine.sql`select 1 from message where state = 'queued'`).length).toBe(0);
}, 60_000);

test("16,000 requests for an address that has no account are dropped in a few claims", async () => {
  await engine.people(1);
  await queue("nobody@example.com", 16_000);
  await queue("person0@example.com", 1);
  const courier = testCourier(engine);
  for (let claims = 1; claims < 10; claims += 1) if ((await courier.claim(10)).length > 0) break;
  await courier.sendAll();
  expect(await endings()).toEqual([
    { email: "nobody@example.com", state: "dropped", reason: "no_account", count: 16_000 },
    { email: "person0@example.com", state: "sending", reason: null, count: 1 },
  ]);
}, 60_000);

test("when the account has been sent its share, what waits for it is dropped at once, and the others are sent", async () => {
  await engine.people(2);
  const courier = testCourier(engine);
  for (let n = 0; n < 3; n += 1) {
    await engine.requestReset("person0@example.com");
    await courier.sendAll();
  }
  await queue("person0@example.com", 1_000);
  await queue("person1@example.com", 1);
  for (let claims = 0; claims < 3; claims += 1) await courier.claim(10);
  expect(await endings()).toEqual([
    { email: "person0@example.com", state: "dropped", reason: "rate_limited", count: 1_000 },
    { ...sent("person0@example.com"), count: 3 },
    { email: "person1@example.com", state: "sending", reason: null, count: 1 },
  ]);
});

test("R5 an email that may have been sent, or is being sent, is charged as one that was", async () => {
  await engine.people(2);
  const courier = testCourier(engine);
  const lost: Outcome = { type: "unknown", phase: "reply", code: null, reply: "no reply within 600 s" };
  for (const [email, outcome] of [
    ["person0@example.com", lost],
    ["person1@example.com", null],
  ] as const) {
    for (let n = 0; n < 4; n += 1) {
      await engine.requestReset(email);
      const claimed = await courier.claim();
      if (outcome) await settleAs(engine.sql, claimed, outcome);
      await engine.sql`update message set due_at = now() where state = 'queued'`;
    }
    const [newest] = await engine.sql`
      select state, reason from message where requested_email = ${email} order by ordinal desc limit 1`;
    expect(newest).toEqual({ state: "dropped", reason: "rate_limited" });
  }
});

test("an account with many notices takes a quarter of a claim while others wait, and all of them go out", async () => {
  await engine.people(2);
  const [one, other] = await engine.sql<{ id: string }[]>`select id from "user" order by email`;
  await engine.deps.db.orm.transaction(async (tx) => {
    for (let n = 0; n < 12; n += 1) await enqueue(tx, { kind: "password_changed", userId: one!.id });
    await enqueue(tx, { kind: "password_changed", userId: other!.id });
  });
  const courier = testCourier(engine);
  const first = await courier.claim(8);
  const second = await courier.claim(8);
  expect(first.map(({ userId }) => userId)).toEqual([one!.id, one!.id]);
  expect(second.map(({ userId }) => userId)).toContain(other!.id);
  await engine.sql`update message set due_at = now() where state = 'queued'`;
  await courier.sendAll();
  await until(async () => {
    await courier.sendAll();
    return (await engine.sql`select 1 from message where state = 'queued'`).length === 0;
  });
});
