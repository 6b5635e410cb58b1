/** How fast the courier claims: the pure functions alone. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import {
  newPaceMemory,
  nextStep,
  noteClaim,
  noteClaimBegins,
  noteHint,
  noteOrphan,
  POLL_MS,
  type PaceState,
} from "../src/mail/courier/pace.ts";

const NOW = 1_000_000;
const time = fc.integer({ min: NOW - 20_000, max: NOW + 2_000 });
const state: fc.Arbitrary<PaceState> = fc
  .record({
    mode: fc.constantFrom("claiming", "clearing", "isolating"),
    modeSince: fc.integer({ min: NOW - 20_000, max: NOW }),
    pool: fc.integer({ min: 2, max: 20 }),
    sendMs: fc.double({ min: 0.1, max: 60_000, noNaN: true }),
    breaker: fc.constantFrom("closed", "open", "probing"),
    until: time,
    waiting: fc.nat(200),
    sending: fc.nat(20),
    slow: fc.nat(500),
    recording: fc.nat(1_200),
    bulk: fc.nat(20),
    handedOver: fc.nat(20),
    exposedUntil: time,
    burstEndsAt: time,
    claimedAt: time,
    hintDueAt: time,
    ordinaryDueAt: time,
    bulkDueAt: time,
    orphansDueAt: time,
    orphansOverdueAt: time,
    orphanRunEndsAt: time,
  })
  .map(({ breaker, until, handedOver, ...rest }) => {
    const sending = Math.min(rest.sending, rest.pool);
    return {
      ...rest,
      now: NOW,
      sending,
      exposed: rest.waiting + Math.max(0, sending - handedOver),
      breaker: { breaker, until: breaker === "closed" ? null : until, lastReply: null },
    };
  });

const idle: PaceState = {
  ...newPaceMemory(NOW),
  now: NOW,
  mode: "claiming",
  modeSince: NOW,
  pool: 5,
  sendMs: 10,
  breaker: { breaker: "closed", until: null, lastReply: null },
  waiting: 0,
  sending: 0,
  slow: 0,
  recording: 0,
  bulk: 0,
  exposed: 0,
  exposedUntil: 0,
};

describe("R2 a hint", () => {
  /** Nothing was due at the last look. */
  const looked = () => ({
    ...newPaceMemory(NOW),
    ordinaryDueAt: NOW + POLL_MS,
    bulkDueAt: NOW + POLL_MS,
    orphansDueAt: NOW + POLL_MS,
  });

  test("is followed by a claim at a random time within 250 ms, and not at once", () => {
    for (const [fraction, ms] of [
      [0, 0],
      [0.5, 125],
      [0.999, 249.75],
    ] as const) {
      const memory = looked();
      noteHint(memory, NOW, fraction);
      if (ms > 0) expect(nextStep({ ...idle, ...memory })).toEqual({ type: "wait", ms });
      expect(nextStep({ ...idle, ...memory, now: NOW + ms })).toMatchObject({ type: "claim" });
    }
  });

  test("does not move the time of one that came before it, so that many hints tell no more than one", () => {
    const memory = looked();
    noteHint(memory, NOW, 0.8);
    for (let n = 1; n < 100; n += 1) noteHint(memory, NOW + n, 0);
    expect(nextStep({ ...idle, ...memory, now: NOW + 100 })).toEqual({ type: "wait", ms: 100 });
  });

  test("is answered by a claim that begins later, and not by one that is under way", () => {
    const memory = looked();
    const slots = { ordinary: 5, bulk: 3 };
    noteHint(memory, NOW, 0.4);
    noteClaimBegins(memory, slots);
    noteHint(memory, NOW + 10, 0.4);
    noteClaim(memory, slots, false, NOW + 20);
    expect(nextStep({ ...idle, ...memory, now: NOW + 110 })).toMatchObject({ type: "claim" });
    noteClaimBegins(memory, slots);
    noteClaim(memory, slots, false, NOW + 110);
    expect(nextStep({ ...idle, ...memory, now: NOW + 111, orphansDueAt: NOW + 5_000 })).toMatchObject({
      type: "wait",
      ms: 999,
    });
  });

  test("of bulk mail is not answered by a claim that has no slot for it", () => {
    const memory = looked();
    noteHint(memory, NOW, 0);
    noteClaimBegins(memory, { ordinary: 5, bulk: 0 });
    noteClaim(memory, { ordinary: 5, bulk: 0 }, false, NOW + 1);
    expect(nextStep({ ...idle, ...memory, now: NOW + 2 })).toMatchObject({ type: "claim" });
  });
});

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

  test("lets one message probe an open breaker, when its pause is over and no slot is taken", () => {
    fc.assert(
      fc.property(state, (given) => {
        const step = nextStep(given);
        if (given.breaker.breaker === "closed" || (step.type !== "claim" && step.type !== "isolate")) return;
        if (step.type === "claim") expect(step.slots.ordinary).toBe(1);
        expect(given.breaker.breaker).toBe("open");
        expect(given.breaker.until).toBeLessThanOrEqual(NOW);
        expect(given.waiting + given.sending).toBe(0);
      }),
    );
  });

  test("isolates an orphaned message only beside messages that wait for their replies, unless it has waited 3 s", () => {
    fc.assert(
      fc.property(state, (given) => {
        if (nextStep(given).type !== "isolate") return;
        const clearing = given.mode === "clearing" && NOW - given.modeSince >= 3_000;
        const inFlight = given.waiting + given.sending + given.slow + given.recording;
        expect(clearing || given.exposed === 0).toBe(true);
        expect(clearing || inFlight === 0 || NOW - given.exposedUntil >= 1_000).toBe(true);
      }),
    );
  });

  test("claims nothing while an orphaned message may crash the courier, for 3 s at most", () => {
    fc.assert(
      fc.property(state, (given) => {
        if (given.mode !== "isolating") return;
        const over = given.exposed === 0 || NOW - given.modeSince >= 3_000;
        expect(nextStep(given).type).toBe(over ? "resume" : "wait");
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
    const empty = { ...idle, ordinaryDueAt: NOW + 700, bulkDueAt: NOW + 700 };
    expect(nextStep(empty)).toEqual({ type: "isolate" });
    expect(nextStep({ ...empty, orphansDueAt: NOW + 800 })).toEqual({ type: "wait", ms: 700 });
  });

  test("bulk messages are claimed as soon as a slot is free, although the claim before found nothing", () => {
    const memory = newPaceMemory(NOW);
    const held = { ...idle, ...memory, sending: 3, bulk: 3, orphansDueAt: NOW + POLL_MS };
    const step = nextStep(held);
    if (step.type !== "claim") throw new Error(step.type);
    expect(step.slots.bulk).toBe(0);
    noteClaim(memory, step.slots, false, NOW);
    expect(nextStep({ ...held, ...memory, orphansDueAt: NOW + POLL_MS }).type).toBe("wait");
    const oneFree = { ...idle, ...memory, now: NOW + 5, sending: 2, bulk: 2, orphansDueAt: NOW + POLL_MS };
    expect(nextStep(oneFree)).toMatchObject({ type: "claim", slots: { bulk: 1 } });
    noteClaim(memory, { ordinary: 8, bulk: 1 }, false, NOW + 5);
    expect(nextStep({ ...oneFree, ...memory, orphansDueAt: NOW + POLL_MS }).type).toBe("wait");
  });

  test("whatever the server does to orphaned messages, others are claimed at least every 15 s", () => {
    const never = 1e9;
    const delay = fc.oneof(fc.constant(never), fc.integer({ min: 0, max: 10_000 }));
    fc.assert(
      fc.property(delay, delay, fc.integer({ min: 1, max: 40 }), (handOverMs, replyMs, orphans) => {
        expect(longestWait(handOverMs, replyMs, orphans)).toBeLessThanOrEqual(15_000);
      }),
      { numRuns: 200 },
    );
  });
});

/** Two minutes with more to send than goes out, and orphaned messages to a server with these delays, in milliseconds. */
function longestWait(handOverMs: number, replyMs: number, orphans: number): number {
  const SLOW_MS = 3_000;
  const memory = newPaceMemory(NOW);
  const begun: number[] = [];
  let [mode, modeSince, exposedUntil, claimedAt, longest, left] = [
    "claiming" as PaceState["mode"],
    NOW,
    NOW,
    NOW,
    0,
    orphans,
  ];
  for (let now = NOW; now < NOW + 120_000; now += 20) {
    const ages = begun.map((at) => now - at);
    const exposed = ages.filter((age) => age < Math.min(handOverMs, SLOW_MS)).length;
    const inFlight = ages.filter((age) => age < handOverMs + replyMs);
    const slow = inFlight.filter((age) => age >= SLOW_MS).length;
    if (exposed > 0) exposedUntil = now;
    const sending = inFlight.length - slow;
    const step = nextStep({ ...idle, ...memory, now, mode, modeSince, sending, slow, exposed, exposedUntil });
    const go = (next: PaceState["mode"]): void => void ([mode, modeSince] = [next, now]);
    if (step.type === "clear") go("clearing");
    else if (step.type === "resume") go("claiming");
    else if (step.type === "isolate") {
      noteOrphan(memory, left > 0, now);
      if (left > 0) begun.push(now);
      if (left > 0) go("isolating");
      else if (mode === "clearing") go("claiming");
      left = Math.max(0, left - 1);
    } else if (step.type === "claim") {
      // An instant server takes what is claimed at once.
      longest = Math.max(longest, now - claimedAt);
      claimedAt = now;
    }
  }
  return Math.max(longest, NOW + 120_000 - claimedAt);
}
