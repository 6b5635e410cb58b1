/** The certificate in short: its checker finds what it is there to find, and a few faults end well. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { check, type Facts, type Outcome } from "./certify/check.ts";
import { startCluster, type Cluster } from "./certify/cluster.ts";
import { shortCrashes } from "./certify/crashes.ts";
import type { HostileEvent } from "./certify/hostile.ts";
import { drawPlan } from "./certify/mix.ts";
import { createRandom } from "./certify/random.ts";
import { run } from "./certify/run.ts";
import { brokenThread } from "./certify/threads.ts";

describe("the checker", () => {
  const AT = Date.UTC(2026, 10, 25, 12);
  const DATE = new Date(AT).toUTCString();
  const dot = (letter: number, change: Partial<Extract<HostileEvent, { event: "dot" }>> = {}): HostileEvent => ({
    event: "dot",
    ...{ letter, at: AT + 100 * letter, messageId: "<m1@dm.com>", recipient: "a@example.com", date: DATE },
    ...{ link: "http://localhost/?t=1", digest: "d1", ...change },
  });
  const answer = (letter: number, reply: string | null = "250 Ok", delivered = reply !== null): HostileEvent => ({
    ...{ event: "answer", letter, at: AT + 100 * letter + 1, reply, delivered },
  });
  const row = (change: Partial<Outcome> = {}): Outcome => ({
    ...{ id: "m1", requestId: "r1", email: "a@example.com", state: "sent", reason: null, endedAt: AT + 150, ...change },
  });
  const judge = (change: Partial<Facts>) =>
    check({
      asked: [{ email: "a@example.com", at: AT, tookMs: 3, status: 200, requestId: "r1" }],
      smtp: [dot(1), answer(1)],
      outbox: [row()],
      disturbances: [],
      faultsEndedAt: AT,
      provoked: new Map(),
      linkSeconds: 600,
      ...change,
    });

  test("has nothing to say about a letter that was asked for, sent and recorded", () => {
    const verdict = judge({});
    expect(verdict).toMatchObject({
      promised: 1,
      mailed: 1,
      lost: [],
      lied: [],
      unexplained: [],
      differing: [],
      dead: [],
    });
    expect(verdict.worstRecovery).toBeCloseTo(0.15);
  });

  test("finds what is lost: unknown to the outbox, never accepted, still queued, or ended without a cause", () => {
    expect(judge({ outbox: [], smtp: [] }).lost).toHaveLength(1);
    expect(judge({ smtp: [] }).lost).toHaveLength(1);
    expect(judge({ smtp: [], outbox: [row({ state: "queued", endedAt: null })] }).lost).toHaveLength(1);
    const rejected = row({ state: "failed", reason: "rejected" });
    expect(judge({ smtp: [], outbox: [rejected] }).lost).toHaveLength(1);
    const provoked = new Map([["a@example.com", new Set(["rejected"])]]);
    expect(judge({ smtp: [], outbox: [rejected], provoked })).toMatchObject({ lost: [], ended: { rejected: 1 } });
  });

  test("finds a superseded letter without a newer one", () => {
    const superseded = row({ state: "dropped", reason: "superseded" });
    expect(judge({ smtp: [], outbox: [superseded] }).lost).toHaveLength(1);
  });

  test("does not believe an outbox that says sent where the server never said so, or dropped where it did", () => {
    expect(judge({ smtp: [dot(1), answer(1, "451 Not now")] }).lied).toHaveLength(1);
    expect(judge({ outbox: [row({ state: "dropped", reason: "cancelled" })] }).lied).toHaveLength(1);
    expect(judge({ smtp: [dot(1), answer(1), dot(2, { messageId: "<m9@dm.com>" }), answer(2)] }).lied).toHaveLength(1);
  });

  test("explains a copy by a reply that was lost or a kill in that moment, and by nothing else", () => {
    const twice = (first: HostileEvent): HostileEvent[] => [dot(1), first, dot(2), answer(2)];
    expect(judge({ smtp: twice(answer(1, null)) })).toMatchObject({ explained: 1, unexplained: [] });
    expect(judge({ smtp: twice(answer(1, "250 Ok", false)) })).toMatchObject({ explained: 1, unexplained: [] });
    expect(judge({ smtp: twice(answer(1)) }).unexplained).toHaveLength(1);
    const killed = (at: number) => ({ what: "the process was killed", from: at, until: at });
    expect(judge({ smtp: twice(answer(1)), disturbances: [killed(AT + 200)] }).unexplained).toEqual([]);
    expect(judge({ smtp: twice(answer(1)), disturbances: [killed(AT + 60_000)] }).unexplained).toHaveLength(1);
    expect(judge({ smtp: twice(answer(1)), disturbances: [killed(AT - 60_000)] }).unexplained).toHaveLength(1);
    // A refusal that was heard leaves no copy.
    expect(judge({ smtp: twice(answer(1, "451 Not now")) })).toMatchObject({ explained: 0, unexplained: [] });
  });

  test("finds a copy that is another letter, and a link that was dead when it came", () => {
    const smtp = [dot(1), answer(1, null), dot(2, { digest: "d2", link: "http://localhost/?t=2" }), answer(2)];
    expect(judge({ smtp }).differing).toHaveLength(1);
    expect(judge({ smtp: [dot(1, { at: AT + 601_000 }), answer(1)] }).dead).toHaveLength(1);
  });

  test("counts a recovery from the end of the faults to the record of a delivery", () => {
    expect(judge({ outbox: [row({ endedAt: AT + 20_000 })] }).worstRecovery).toBe(20);
    expect(judge({ faultsEndedAt: AT + 5_000 }).worstRecovery).toBeNull();
  });
});

test("a seed draws the same plan again", () => {
  const plan = (seed: number) => JSON.stringify(drawPlan(createRandom(seed)));
  expect(plan(7)).toBe(plan(7));
  expect(plan(7)).not.toBe(plan(8));
});

describe("in short", () => {
  const chosen = [...shortCrashes, brokenThread("throws")];
  let clusters: Cluster[] = [];
  beforeAll(async () => {
    clusters = await Promise.all(chosen.map(startCluster));
  }, 60_000);
  afterAll(() => Promise.all(clusters.map((cluster) => cluster.remove())));

  test("the API, the worker and its thread die at the worst moments, and no promise is broken", async () => {
    const rows = await run(chosen, clusters, 1);
    expect(rows.flatMap(({ name, failures }) => failures.map((failure) => `${name}: ${failure}`))).toEqual([]);
    expect(rows.map(({ verdict }) => verdict?.promised ?? 0).every((promised) => promised > 0)).toBe(true);
  }, 180_000);
});
