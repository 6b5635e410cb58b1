import { afterEach, beforeEach, expect, test } from "bun:test";
import { importUsers } from "../src/accounts/import-users.ts";
import { readStats } from "../src/mail/operations/stats.ts";
import { startEngine, CONTEXT, type Engine } from "./support/engine.ts";
import { until } from "./support/waiting.ts";

let engine: Engine;
beforeEach(async () => {
  engine = await startEngine();
});
afterEach(async () => {
  await engine[Symbol.asyncDispose]();
});

const staff = (count: number) =>
  Array.from({ length: count }, (_, index) => ({
    line: index + 2,
    // Many share a name.
    name: `Person ${index % 100}`,
    email: `staff${index}@example.com`,
    dept: "sales",
  }));

test("people who share a name as long as a username get accounts in several imports", async () => {
  const options = { invite: false, context: CONTEXT };
  const [first, last] = ["a".repeat(54), "b".repeat(20)];
  const name = `${first} ${last}`;
  for (let line = 2; line < 6; line += 1) {
    const row = { line, name, email: `maria${line}@example.com`, dept: "sales" };
    expect(await importUsers(engine.deps, [row], options)).toEqual({ created: 1, skipped: 0, problems: [] });
  }
  const names = await engine.sql`select username from "user" where name = ${name} order by created_at`;
  const numbered = [2, 3, 4].map((number) => `${first}-${number}`);
  expect(names.map((row) => String(row["username"]))).toEqual([`${first}-${last.slice(0, 9)}`, ...numbered]);
});

test("an import invites everybody once, also when it is run again after an interruption", async () => {
  const options = { invite: true, context: CONTEXT };
  function* interrupted() {
    yield* staff(2_500).slice(0, 1_700);
    throw new Error("the power went");
  }
  expect(importUsers(engine.deps, interrupted(), options)).rejects.toThrow("the power went");
  const again = await importUsers(engine.deps, staff(2_500), options);
  // One batch of a thousand had been committed.
  expect(again).toEqual({ created: 1_500, skipped: 1_000, problems: [] });
  const [row] = await engine.sql`select count(*)::int as messages, count(distinct user_id)::int as people,
    min(lane) as lane from message where kind = 'invitation'`;
  expect(row).toEqual({ messages: 2_500, people: 2_500, lane: 2 });
  const names =
    await engine.sql`select username from "user" where name = 'Person 7' order by length(username), username limit 3`;
  expect(names.map((r) => r["username"])).toEqual(["person-7", "person-7-2", "person-7-3"]);
});

test("bad rows are reported by line and hold nobody up", async () => {
  const rows = [
    { line: 2, name: "Good", email: "good@example.com", dept: "sales" },
    { line: 3, name: "Bad", email: "not an address", dept: "sales" },
    { line: 4, name: "", email: "noname@example.com", dept: "sales" },
    { line: 5, name: "Good Again", email: "GOOD@example.com", dept: "sales" },
  ];
  const { created, skipped, problems } = await importUsers(engine.deps, rows, { invite: false, context: CONTEXT });
  expect({ created, skipped, lines: problems.map(({ line }) => line) }).toEqual({
    created: 1,
    skipped: 1,
    lines: [3, 4],
  });
});

test("a reset in the middle of an import does not wait for its invitations", async () => {
  await engine.people(1);
  engine.smtp.behave(({ phase }) => (phase === "reply" ? { delayMs: 500 } : null));
  engine.startCourier();
  await importUsers(engine.deps, staff(1_000), { invite: true, context: CONTEXT });
  await until(async () => (await readStats(engine.deps.db)).sending > 0);
  const asked = performance.now();
  await engine.requestReset("person0@example.com");
  await engine.smtp.until(({ emails }) => emails.some(({ recipient }) => recipient === "person0@example.com"));
  // A thousand at three connections take nearly three minutes.
  expect(performance.now() - asked).toBeLessThan(5_000);
}, 30_000);
