/** A short form of the certificate: its checker finds each kind of violation, and dundie survives a few of its faults. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { check, type Facts, type OutboxRow } from "./certify/check.ts";
import { startCluster, type Cluster } from "./support/cluster.ts";
import { shortCrashes } from "./certify/crashes.ts";
import type { SmtpEvent } from "./certify/faulty-smtp.ts";
import { drawPlan } from "./certify/mix.ts";
import { ROOT } from "./support/process.ts";
import { createRandom } from "./support/random.ts";
import { run } from "./certify/run.ts";
import { scenarios } from "./certify/scenarios.ts";
import { brokenThread } from "./certify/threads.ts";

describe("the checker", () => {
  const AT = Date.UTC(2026, 10, 25, 12);
  const DATE = new Date(AT).toUTCString();
  const dot = (email: number, change: Partial<Extract<SmtpEvent, { event: "dot" }>> = {}): SmtpEvent => ({
    event: "dot",
    ...{ email, at: AT + 100 * email, messageId: "<m1@dm.com>", recipient: "a@example.com", date: DATE },
    ...{ link: "http://localhost/?t=1", digest: "d1", ...change },
  });
  const answer = (email: number, reply: string | null = "250 Ok", delivered = reply !== null): SmtpEvent => ({
    ...{ event: "answer", email, at: AT + 100 * email + 1, reply, delivered },
  });
  const row = (change: Partial<OutboxRow> = {}): OutboxRow => ({
    ...{
      id: "m1",
      requestId: "r1",
      email: "a@example.com",
      state: "sent",
      reason: null,
      endedAt: AT + 150,
      attempts: 1,
      ...change,
    },
  });
  const judge = (change: Partial<Facts>) =>
    check({
      requests: [{ email: "a@example.com", at: AT, tookMs: 3, status: 200, requestId: "r1" }],
      smtp: [dot(1), answer(1)],
      outbox: [row()],
      disturbances: [],
      faultsEndedAt: AT,
      allowedEnds: new Map(),
      touched: null,
      linkSeconds: 600,
      ...change,
    });

  test("finds nothing wrong with an email that was requested, sent and recorded", () => {
    const verdict = judge({});
    expect(verdict).toMatchObject({
      promised: 1,
      mailed: 1,
      lost: [],
      falseRecords: [],
      unexplained: [],
      differing: [],
      expiredLinks: [],
    });
    expect(verdict.worstRecovery).toBeCloseTo(0.15);
  });

  test("finds a lost message: without a row, never accepted, still queued, or ended for a reason that is not allowed", () => {
    expect(judge({ outbox: [], smtp: [] }).lost).toHaveLength(1);
    expect(judge({ smtp: [] }).lost).toHaveLength(1);
    expect(judge({ smtp: [], outbox: [row({ state: "queued", endedAt: null })] }).lost).toHaveLength(1);
    const rejected = row({ state: "failed", reason: "rejected" });
    expect(judge({ smtp: [], outbox: [rejected] }).lost).toHaveLength(1);
    const allowedEnds = new Map([["a@example.com", new Set(["rejected"])]]);
    expect(judge({ smtp: [], outbox: [rejected], allowedEnds })).toMatchObject({ lost: [], ended: { rejected: 1 } });
  });

  test("finds a superseded message without a newer one", () => {
    const superseded = row({ state: "dropped", reason: "superseded" });
    expect(judge({ smtp: [], outbox: [superseded] }).lost).toHaveLength(1);
  });

  test("finds a row that says sent although the server never accepted it, or dropped although it did", () => {
    expect(judge({ smtp: [dot(1), answer(1, "451 Not now")] }).falseRecords).toHaveLength(1);
    expect(judge({ outbox: [row({ state: "dropped", reason: "cancelled" })] }).falseRecords).toHaveLength(1);
    expect(
      judge({ smtp: [dot(1), answer(1), dot(2, { messageId: "<m9@dm.com>" }), answer(2)] }).falseRecords,
    ).toHaveLength(1);
  });

  test("explains a copy only by a lost reply or by a kill at that moment", () => {
    const twice = (first: SmtpEvent): SmtpEvent[] => [dot(1), first, dot(2), answer(2)];
    expect(judge({ smtp: twice(answer(1, null)) })).toMatchObject({ explained: 1, unexplained: [] });
    expect(judge({ smtp: twice(answer(1, "250 Ok", false)) })).toMatchObject({ explained: 1, unexplained: [] });
    expect(judge({ smtp: twice(answer(1)) }).unexplained).toHaveLength(1);
    const killed = (at: number) => ({ what: "the process was killed", from: at, until: at });
    expect(judge({ smtp: twice(answer(1)), disturbances: [killed(AT + 200)] }).unexplained).toEqual([]);
    expect(judge({ smtp: twice(answer(1)), disturbances: [killed(AT + 60_000)] }).unexplained).toHaveLength(1);
    expect(judge({ smtp: twice(answer(1)), disturbances: [killed(AT - 60_000)] }).unexplained).toHaveLength(1);
    // A refusal leaves no copy at the server.
    expect(judge({ smtp: twice(answer(1, "451 Not now")) })).toMatchObject({ explained: 0, unexplained: [] });
  });

  test("finds a copy that differs from the first, and a link that had expired when it arrived", () => {
    const smtp = [dot(1), answer(1, null), dot(2, { digest: "d2", link: "http://localhost/?t=2" }), answer(2)];
    expect(judge({ smtp }).differing).toHaveLength(1);
    expect(judge({ smtp: [dot(1, { at: AT + 601_000 }), answer(1)] }).expiredLinks).toHaveLength(1);
  });

  test("measures how long messages waited that the fault does not touch", () => {
    expect(judge({}).othersWaited).toBeCloseTo(0.098);
    const late = [dot(1, { at: AT + 20_000 }), { ...answer(1), at: AT + 20_003 } as SmtpEvent];
    expect(judge({ smtp: late }).othersWaited).toBeCloseTo(20);
    expect(judge({ smtp: late, outbox: [row({ attempts: 2 })] }).othersWaited).toBeNull();
    const outbox = [row({ attempts: 2 })];
    expect(judge({ smtp: late, outbox, touched: new Set(["b@example.com"]) }).othersWaited).toBeCloseTo(20);
    expect(judge({ smtp: late, touched: new Set(["a@example.com"]) }).othersWaited).toBeNull();
  });

  test("measures recovery from the end of the faults to the record of a delivery", () => {
    expect(judge({ outbox: [row({ endedAt: AT + 20_000 })] }).worstRecovery).toBe(20);
    expect(judge({ faultsEndedAt: AT + 5_000 }).worstRecovery).toBeNull();
  });
});

test("docs/certificate.md has every fault, in the words of the certificate", async () => {
  const text = await Bun.file(new URL("../docs/certificate.md", import.meta.url)).text();
  const missing = scenarios.filter(({ name, fault }) => !text.includes(`\`${name}\``) || !text.includes(fault));
  expect(missing.map(({ name }) => name)).toEqual([]);
  expect(new Set(scenarios.map(({ name }) => name)).size).toBe(scenarios.length);
});

test("the same seed draws the same plan", () => {
  const plan = (seed: number) => JSON.stringify(drawPlan(createRandom(seed)));
  expect(plan(7)).toBe(plan(7));
  expect(plan(7)).not.toBe(plan(8));
});

describe("a short certificate", () => {
  const chosen = [...shortCrashes, brokenThread("throws")];
  let clusters: Cluster[] = [];
  beforeAll(async () => {
    clusters = await Promise.all(chosen.map(startCluster));
  }, 60_000);
  afterAll(() => Promise.all(clusters.map((cluster) => cluster.remove())));

  test("keeps every promise when the API, the worker and the courier thread are killed at the worst moments", async () => {
    const rows = await run({ scenarios: chosen, clusters, seed: 1, product: ROOT });
    expect(rows.flatMap(({ name, failures }) => failures.map((failure) => `${name}: ${failure}`))).toEqual([]);
    expect(rows.map(({ verdict }) => verdict?.promised ?? 0).every((promised) => promised > 0)).toBe(true);
  }, 180_000);
});
