/** How fast the courier claims: the pure function alone. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { newPaceMemory, nextStep, POLL_MS, type PaceState } from "../src/mail/courier/pace.ts";

const NOW = 1_000_000;
const time = fc.integer({ min: NOW - 20_000, max: NOW + 2_000 });
const state: fc.Arbitrary<PaceState> = fc
  .record({
    pool: fc.integer({ min: 2, max: 20 }),
    sendMs: fc.double({ min: 0.1, max: 60_000, noNaN: true }),
    breaker: fc.constantFrom("closed", "open", "probing"),
    until: time,
    waiting: fc.nat(200),
    sending: fc.nat(20),
    recording: fc.nat(1_200),
    bulk: fc.nat(20),
    burstEndsAt: time,
    claimedAt: time,
    ordinaryDueAt: time,
    orphansDueAt: time,
    orphansSince: fc.option(time, { nil: null }),
  })
  .map(({ breaker, until, ...rest }) => ({
    ...rest,
    now: NOW,
    sending: Math.min(rest.sending, rest.pool),
    breaker: { breaker, until: breaker === "closed" ? null : until, lastReply: null },
  }));

const idle: PaceState = {
  ...newPaceMemory(),
  now: NOW,
  pool: 5,
  sendMs: 10,
  breaker: { breaker: "closed", until: null, lastReply: null },
  waiting: 0,
  sending: 0,
  recording: 0,
  bulk: 0,
};

describe("nextStep()", () => {
  test("waits for a moment, but never longer than a poll", () => {
    fc.assert(
      fc.property(state, (given) => {
        const step = nextStep(given);
        if (step.type === "wait") expect(step.ms > 0 && step.ms <= POLL_MS).toBe(true);
      }),
    );
  });

  test("claims nothing beyond its slots, and leaves two connections to other mail than bulk", () => {
    fc.assert(
      fc.property(state, (given) => {
        const step = nextStep(given);
        if (step.type !== "claim") return;
        const { ordinary, bulk } = step.slots;
        const held = given.waiting + given.sending;
        expect(ordinary).toBeGreaterThan(0);
        expect(held + ordinary).toBeLessThanOrEqual(Math.max(200, given.pool * 2));
        expect(bulk).toBeGreaterThanOrEqual(0);
        if (bulk > 0) expect(given.bulk + bulk).toBeLessThanOrEqual(Math.max(1, given.pool - 2));
        expect(bulk === 0 || held + bulk <= given.pool).toBe(true);
      }),
    );
  });

  test("lets one message probe an open breaker, when its pause is over and nothing is in flight", () => {
    fc.assert(
      fc.property(state, (given) => {
        const step = nextStep(given);
        if (given.breaker.breaker === "closed" || step.type !== "claim") return;
        expect(step.slots.ordinary).toBe(1);
        expect(given.breaker.breaker).toBe("open");
        expect(given.breaker.until).toBeLessThanOrEqual(NOW);
        expect(given.waiting + given.sending).toBe(0);
      }),
    );
  });

  test("isolates an orphaned message only while nothing is in flight", () => {
    fc.assert(
      fc.property(state, (given) => {
        if (nextStep(given).type === "isolate") expect(given.waiting + given.sending + given.recording).toBe(0);
      }),
    );
  });

  test("in a burst it claims 25 messages every 50 ms at most", () => {
    const claims: { at: number; messages: number }[] = [];
    let claimedAt = Number.NEGATIVE_INFINITY;
    for (let now = NOW; now < NOW + 1_000; now += 1) {
      const step = nextStep({ ...idle, now, sendMs: 0.1, claimedAt, burstEndsAt: now + 1 });
      if (step.type !== "claim") continue;
      claims.push({ at: now, messages: step.slots.ordinary });
      claimedAt = now;
    }
    expect(claims).toHaveLength(20);
    expect(claims.every(({ messages }) => messages === 25)).toBe(true);
  });

  test("after an empty claim it waits for the next poll, and looks for orphaned messages meanwhile", () => {
    const empty = { ...idle, ordinaryDueAt: NOW + 700 };
    expect(nextStep(empty)).toEqual({ type: "isolate" });
    expect(nextStep({ ...empty, orphansDueAt: NOW + 800 })).toEqual({ type: "wait", ms: 700 });
  });
});
