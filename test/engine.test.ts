/** The engine's pure parts, and the group commit on a real table. */
import type { Address } from "../src/addresses.ts";
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import fc from "fast-check";
import { Unavailable } from "../src/errors.ts";
import { backoffSeconds, bucketLevel } from "../src/mail/backoff.ts";
import { allowed, createBreaker } from "../src/mail/courier/breaker.ts";
import { arrayOf } from "../src/db/arrays.ts";
import { groupCommit } from "../src/mail/group-commit.ts";
import { KINDS, type KindName } from "../src/mail/kinds.ts";
import { redactReply, settlementOf, type Outcome } from "../src/mail/outcome.ts";
import { openSql } from "../src/db/client.ts";
import { testDatabase } from "./support/database.ts";
import { createOutbox } from "../src/mail/outbox.ts";
import { startEngine, CONTEXT, type Engine } from "./support/engine.ts";
import { startTcpProxy } from "./support/tcp-proxy.ts";

const fraction = fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true });
const kind = fc.constantFrom(...(Object.keys(KINDS) as KindName[]));
const counters = fc.record({
  kind,
  tries: fc.nat(50),
  unknowns: fc.nat(2),
  renderErrors: fc.nat(2),
  crashes: fc.nat(1),
});
const words = { phase: "reply", code: null, reply: "x" } as const;
const outcome = fc.constantFrom<Outcome>(
  { type: "sent", ...words },
  { type: "deferred", ...words },
  { type: "rejected", ...words },
  { type: "unknown", ...words },
  { type: "transport_down", ...words },
  { type: "render_error", ...words },
  { type: "released" },
);

describe("backoffSeconds()", () => {
  test("stays between a tenth of the bound and the bound, and the bound never exceeds the kind's maximum", () => {
    fc.assert(
      fc.property(kind, fc.integer({ min: 1, max: 10_000 }), fraction, (name, tries, random) => {
        const { backoff } = KINDS[name];
        const pause = backoffSeconds(backoff, tries, random);
        expect(pause).toBeGreaterThan(0);
        expect(pause).toBeLessThanOrEqual(backoff.maxSeconds);
        if (tries === 1) expect(pause).toBeLessThanOrEqual(backoff.firstSeconds);
      }),
    );
    const { backoff } = KINDS.password_reset;
    const pauses = (random: number) => [1, 2, 3, 4, 5, 6, 7, 8].map((tries) => backoffSeconds(backoff, tries, random));
    expect(pauses(1)).toEqual([5, 10, 20, 40, 80, 160, 300, 300]);
    expect(pauses(0)).toEqual([0.5, 1, 2, 4, 8, 16, 30, 30]);
  });
});

describe("bucketLevel()", () => {
  const limit = { burst: 3, refillSeconds: 300 };

  test("never lets more through than the burst and what came back since", () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 7_200 }), { maxLength: 200 }), (times) => {
        const granted: number[] = [];
        for (const at of times.toSorted((a, b) => a - b)) if (bucketLevel(limit, granted, at) >= 1) granted.push(at);
        for (const from of granted) {
          for (const to of granted) {
            const inside = granted.filter((at) => at >= from && at <= to).length;
            if (to >= from) expect(inside).toBeLessThanOrEqual(limit.burst + (to - from) / limit.refillSeconds);
          }
        }
      }),
      { numRuns: 50 },
    );
  });

  test("is full again after fifteen quiet minutes", () => {
    expect(bucketLevel(limit, [0, 0, 0], 900)).toBe(3);
    expect(bucketLevel(limit, [0, 0, 0], 299)).toBeLessThan(1);
  });
});

describe("settlementOf()", () => {
  test("ends or queues, with a reason exactly when it failed, and counts nothing for our own faults", () => {
    fc.assert(
      fc.property(counters, outcome, fraction, (before, what, random) => {
        const after = settlementOf(before, what, random);
        expect(after.reason !== null).toBe(after.state === "failed");
        expect(after.tries).toBeGreaterThanOrEqual(before.tries);
        if (what.type === "released" || what.type === "transport_down") {
          expect(after).toEqual({
            ...{ state: "queued", reason: null, delaySeconds: null },
            ...{ tries: before.tries, unknowns: before.unknowns, renderErrors: before.renderErrors },
            crashes: before.crashes,
          });
        }
        if (what.type === "unknown") expect(after.state).toBe(before.unknowns >= 2 ? "failed" : "queued");
        if (what.type === "sent") expect(after.state).toBe("sent");
      }),
    );
  });
});

describe("redactReply()", () => {
  test("leaves at most 500 characters, no control, no link, no token", () => {
    const token = fc
      .uint8Array({ minLength: 32, maxLength: 32 })
      .map((bytes) => bytes.toBase64({ alphabet: "base64url", omitPadding: true }));
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), token, fc.string({ unit: "binary" }), (before, secret, after) => {
        const shown = redactReply(`${before} https://example.com/?t=${secret} ${secret} ${after}`);
        expect(shown.length).toBeLessThanOrEqual(500);
        expect(shown).not.toContain(secret);
        // oxlint-disable-next-line no-control-regex
        expect(shown).not.toMatch(/[\u0000-\u001f\u202e]/);
      }),
    );
    expect(redactReply("a long word ".repeat(100))).toHaveLength(500);
  });
});

describe("the breaker", () => {
  test("lets one probe through at a time, waits longer after each failure up to a minute, and closes at a sign of life", () => {
    const breaker = createBreaker(() => {});
    let now = 0;
    let longest = 0;
    for (let failure = 0; failure < 12; failure += 1) {
      breaker.trip("421 no", now, 1);
      const pause = (breaker.state.until ?? 0) - now;
      expect(pause).toBeGreaterThanOrEqual(longest);
      expect(pause).toBeLessThanOrEqual(60_000);
      longest = pause;
      expect(allowed(breaker.state, 10, 0, now)).toBe(0);
      now += pause;
      expect(allowed(breaker.state, 10, 0, now)).toBe(1);
      // What was in flight before has to end first.
      expect(allowed(breaker.state, 10, 1, now)).toBe(0);
      breaker.probe();
      expect(allowed(breaker.state, 10, 1, now)).toBe(0);
    }
    expect(longest).toBe(60_000);
    breaker.close();
    expect(allowed(breaker.state, 10, 3, now)).toBe(7);
  });

  test("does not grow its pause for the emails that failed beside the first", () => {
    const breaker = createBreaker(() => {});
    breaker.trip("down", 0, 1);
    const { until } = breaker.state;
    breaker.trip("down", 5, 1);
    expect(breaker.state.until).toBe(until);
  });
});

test("a transaction on a connection that is gone fails where it asks, ends no thread, and the pool goes on", async () => {
  const engine = await startEngine();
  const sql = openSql(engine.databaseUrl, { max: 1, name: "test begin" });
  try {
    const asked = Promise.withResolvers<string>();
    const begun = sql.begin(async (tx) => {
      const [backend] = await tx<{ pid: number }[]>`select pg_backend_pid() as pid`;
      await engine.sql`select pg_terminate_backend(${backend!.pid})`;
      await tx`select 1`.catch(() => {});
      // The driver knows by now that the connection is closing, or has closed.
      await tx`select ${2}::int`.then(
        () => asked.resolve("answered"),
        (error: { code: string }) => asked.resolve(error.code),
      );
    });
    const [outcome, code] = await Promise.all([
      begun.then(
        () => "committed",
        () => "failed",
      ),
      asked.promise,
    ]);
    expect(outcome).toBe("failed");
    // Whichever of closing and asking came first.
    expect(code).not.toBe("answered");
    for (const number of [1, 2, 3]) expect([...(await sql`select ${number}::int as number`)]).toEqual([{ number }]);
  } finally {
    await sql.end({ timeout: 1 });
    await engine[Symbol.asyncDispose]();
  }
});

describe("groupCommit()", () => {
  test("refuses the one that is too many, and resolves the others", async () => {
    const gate = Promise.withResolvers<void>();
    const commit = groupCommit<number>({
      write: () => gate.promise.then(() => []),
      maxBatch: 2,
      maxWaiting: 2,
      timeoutMs: 5_000,
    });
    const [first, second] = [commit(1), commit(2)];
    expect(commit(3)).rejects.toBeInstanceOf(Unavailable);
    gate.resolve();
    await Promise.all([first, second]);
  });

  test("answers every caller whose commit takes too long", async () => {
    const commit = groupCommit<number>({
      write: () => new Promise(() => {}),
      maxBatch: 10,
      maxWaiting: 10,
      timeoutMs: 1,
    });
    // An `expect(…).rejects` would hold up the time-out of this test.
    expect(await commit(1).catch((error: unknown) => error)).toBeInstanceOf(Unavailable);
  });

  test("writes a second batch beside the first only when enough wait, and never a third", async () => {
    const writes: PromiseWithResolvers<readonly number[]>[] = [];
    const sizes: number[] = [];
    const commit = groupCommit<number>({
      write(batch) {
        sizes.push(batch.length);
        const written = Promise.withResolvers<readonly number[]>();
        writes.push(written);
        return written.promise;
      },
      maxBatch: 10,
      maxWaiting: 100,
      timeoutMs: 5_000,
      maxInFlight: 2,
      minBeside: 3,
    });
    const turn = (): Promise<void> => new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
    const ask = async (count: number): Promise<Promise<void>[]> => {
      const asked = Array.from({ length: count }, (_, item) => commit(item));
      await turn();
      return asked;
    };
    const asked = [await ask(1), await ask(2)];
    expect(sizes).toEqual([1]);
    asked.push(await ask(1));
    expect(sizes).toEqual([1, 3]);
    asked.push(await ask(5));
    expect(sizes).toEqual([1, 3]);
    writes[1]?.resolve([]);
    await turn();
    expect(sizes).toEqual([1, 3, 5]);
    for (const { resolve } of writes) resolve([]);
    await Promise.all(asked.flat());
  });
});

test("arrayOf() writes arrays as PostgreSQL reads them", async () => {
  const database = await testDatabase();
  const sql = openSql(database.url, { max: 1, name: "test arrays" });
  const values = ["", "null", "NULL", null, '"', "\\", '\\"', "{}", "a,b", " a ", "'", "line\nbreak", "é😀", "$1"];
  const [row] = await sql<{ values: unknown }[]>`select to_json(${arrayOf(values)}::text[]) as values`;
  expect(row?.values).toEqual(values);
  const [numbers] = await sql<{ values: unknown }[]>`select to_json(${arrayOf(["1", null])}::int[]) as values`;
  expect(numbers?.values).toEqual([1, null]);
  expect(Array.from((await sql`select ${arrayOf([])}::uuid[] as values`)[0]?.["values"])).toEqual([]);
  await sql.end();
  await database.drop();
});

describe("accept()", () => {
  let engine: Engine;
  beforeAll(async () => {
    engine = await startEngine();
  });
  afterAll(async () => {
    await engine[Symbol.asyncDispose]();
  });

  test("commits hundreds of parallel requests in a few statements, each once", async () => {
    const emails = Array.from({ length: 600 }, (_, index) => `batch${index}@example.com`);
    await Promise.all(emails.map((email) => engine.requestReset(email)));
    const [row] =
      await engine.sql`select count(*)::int as rows, count(distinct xmin::text)::int as commits from message`;
    expect(row?.["rows"]).toBe(600);
    expect(row?.["commits"]).toBeLessThan(20);
  });

  test("one row that the database refuses fails alone", async () => {
    const good = engine.requestReset("good@example.com");
    const bad = engine.deps.outbox.accept({
      ...CONTEXT,
      kind: "password_reset",
      email: "bad\u0000@example.com" as Address,
    });
    expect(bad).rejects.toThrow();
    await good;
    const rows = await engine.sql`select 1 from message where requested_email = 'good@example.com'`;
    expect(rows).toHaveLength(1);
  });

  test("a request whose commit was not answered is accepted, and is there once", async () => {
    let losses = 1;
    const proxy = await startTcpProxy(engine.databaseUrl, {
      onReply: (chunk) => (chunk.includes("INSERT 0 1\0") && losses-- > 0 ? "reset" : "forward"),
    });
    const sql = openSql(proxy.through(engine.databaseUrl), { max: 1, name: "test accept" });
    try {
      const outbox = createOutbox(sql, () => {}, engine.deps.log);
      await outbox.accept({ ...CONTEXT, kind: "password_reset", email: "once@example.com" as Address });
      expect(losses).toBeLessThan(1);
      const rows = await engine.sql`select 1 from message where requested_email = 'once@example.com'`;
      expect(rows).toHaveLength(1);
    } finally {
      await sql.end({ timeout: 1 });
      proxy.close();
    }
  });

  test("survives a lost connection with the same ids: each request once", async () => {
    const requests = Promise.allSettled(
      Array.from({ length: 50 }, (_, index) => engine.requestReset(`lost${index}@example.com`)),
    );
    await engine.sql`
      select pg_terminate_backend(pid) from pg_stat_activity
      where datname = current_database() and application_name = 'test engine' and pid <> pg_backend_pid()`.catch(
      () => {},
    );
    const results = await requests;
    // Over a connection of its own: one of the pool may have been killed and not know it yet.
    const fresh = openSql(engine.databaseUrl, { max: 1, name: "test look" });
    const rows = await fresh`select requested_email from message where requested_email like 'lost%'`;
    await fresh.end();
    expect(new Set(rows.map((row) => row["requested_email"])).size).toBe(rows.length);
    expect(rows.length).toBeGreaterThanOrEqual(results.filter((result) => result.status === "fulfilled").length);
  });
});
