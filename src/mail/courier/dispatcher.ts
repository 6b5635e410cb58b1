/**
 * The courier's loop: claim -> render -> send -> record, until it is drained. Claims are made for free slots alone. A
 * courier that dies therefore leaves no more unfinished than what it was sending or about to send, and what it had sent
 * a moment before and not yet recorded.
 */
import { createIncident } from "../../incident.ts";
import type { Tracer } from "../../tracing/tracer.ts";
import { traceAttempt } from "./attempt-trace.ts";
import type { Breaker } from "./breaker.ts";
import type { Claim, ClaimOptions } from "./claim-batch.ts";
import { createClaims } from "./claim.ts";
import type { InFlight, InFlightMessage } from "./in-flight.ts";
import { createLeases, type Leases } from "./leases.ts";
import { thisMoment } from "./moment.ts";
import * as pace from "./pace.ts";
import { createReclaimer } from "./reclaimer.ts";
import { createRecorder } from "./recorder.ts";
import { createSending, type SendingOptions } from "./sending.ts";
import type { Outcome } from "../outcome.ts";
import type { Slots } from "../transitions/queued.ts";
import { createWakeSignal } from "./wake-signal.ts";

export interface DispatcherOptions
  extends ClaimOptions, Pick<SendingOptions, "pool" | "transport" | "render" | "relay" | "recent"> {
  readonly breaker: Breaker;
  /** What is in flight is kept here. */
  readonly inFlight: InFlight;
  /** Is told what became of each attempt. */
  readonly onOutcome?: (message: InFlightMessage, outcome: Outcome) => void;
  /** Null: nothing is traced. */
  readonly tracer?: Tracer | null;
}

export interface Dispatcher {
  readonly leases: Leases;
  /** Runs the loop. Resolves when `drain` has ended it. */
  run(): Promise<void>;
  /**
   * Makes the loop look within a moment, because something was committed or a pause may be over.
   * @param accepted requests that waited for one commit of this process. @default 0
   */
  wake(accepted?: number): void;
  /** Takes over what silent couriers hold. It is called with every poll. */
  readonly reclaim: () => Promise<void>;
  /** For how long a claim or the recording of outcomes has been under way without end, in milliseconds; 0 for neither. */
  readonly stuckMs: () => number;
  /** Claims nothing new, hands back what has not begun, and resolves when nothing is being sent. */
  drain(): Promise<void>;
}

const TRANSITIONS: Readonly<Record<pace.Mode, readonly pace.Mode[]>> = {
  claiming: ["clearing", "isolating", "draining"],
  clearing: ["claiming", "isolating", "draining"],
  isolating: ["claiming", "draining"],
  draining: ["drained"],
  drained: [],
};

/** Sends that `sendMs` looks back over. */
const SMOOTHING = 16;

export function createDispatcher(options: DispatcherOptions): Dispatcher {
  const { sql, breaker, log, courierId, pool, inFlight, tracer = null } = options;
  const leases = createLeases({ sql, courierId, inFlight, log });
  const recorder = createRecorder({ sql, log });
  const claims = createClaims(options);
  const reclaim = createReclaimer({ sql, log, releaseUnconfirmed: () => claims.releaseUnconfirmed() });
  const noClaims = createIncident(log, "claim_failed", "no message can be claimed; it is tried at each poll");
  const signal = createWakeSignal();
  const ended = Promise.withResolvers<void>();
  const memory = pace.newPaceMemory(performance.now());
  let mode: pace.Mode = "claiming";
  let modeSince = 0;
  /** When the claim that is under way began, `performance.now()`. */
  let claimingSince: number | null = null;

  const setMode = (next: pace.Mode): void => {
    if (!TRANSITIONS[mode].includes(next)) throw new TypeError(`A courier that is ${mode} cannot be ${next}.`);
    mode = next;
    modeSince = performance.now();
  };

  const run = async (): Promise<void> => {
    for (;;) {
      if (mode === "draining" || mode === "drained") break;
      const step = pace.nextStep(paceState(mode));
      if (step.type === "wait") await signal.wait(step.ms);
      else if (step.type === "clear") setMode("clearing");
      else if (step.type === "resume") setMode("claiming");
      else await attemptClaim(step);
    }
    ended.resolve();
  };

  const paceState = (mode: pace.PaceState["mode"]): pace.PaceState => ({
    ...memory,
    ...inFlight.counts,
    now: performance.now(),
    mode,
    modeSince,
    pool,
    breaker: breaker.state,
    bulk: inFlight.bulk,
    exposed: inFlight.exposed,
    exposedUntil: inFlight.exposedUntil,
  });

  const attemptClaim = async (step: pace.ClaimStep): Promise<void> => {
    // A hint that came before this claim begins is answered by it.
    signal.clear();
    if (step.type === "claim") pace.noteClaimBegins(memory, step.slots);
    memory.claimedAt = claimingSince = performance.now();
    try {
      await (step.type === "claim" ? claimOrdinary(step.slots) : claimOrphan());
      noClaims.end();
    } catch (error) {
      noClaims.begin(error);
      memory.ordinaryDueAt = memory.bulkDueAt = memory.orphansDueAt = performance.now() + pace.POLL_MS;
    } finally {
      claimingSince = null;
    }
  };

  const claimOrdinary = async (slots: Slots): Promise<void> => {
    const { progress } = await claimAndAdmit(() => claims.due(slots));
    pace.noteClaim(memory, slots, progress > 0, performance.now());
    sending.start();
  };

  const claimOrphan = async (): Promise<void> => {
    const { batch, progress } = await claimAndAdmit(() => claims.orphan());
    pace.noteOrphan(memory, progress > 0, performance.now());
    if (mode !== "draining") {
      if (batch.length > 0) setMode("isolating");
      else if (mode === "clearing") setMode("claiming");
    }
    sending.start();
  };

  const claimAndAdmit = async (claim: () => Promise<Claim>): Promise<Claim> => {
    // The leases begin with the claim's last statement, which is later than this, so they end no sooner than assumed.
    const askedAt = thisMoment();
    const claimed = await claim();
    for (const one of claimed.batch) inFlight.admit(one, askedAt, tracer ? traceAttempt(tracer, one) : null);
    if (claimed.batch.length > 0 && breaker.state.breaker === "open") breaker.probe();
    return claimed;
  };

  const finish = async (message: InFlightMessage, outcome: Outcome): Promise<void> => {
    options.onOutcome?.(message, outcome);
    message.trace?.outcome(outcome);
    // The message's row is locked while its wait is being recorded, and recording the outcome would be put off.
    if (message.recordingPhase) await leases.waitsRecorded();
    await recorder.record(message, outcome);
    inFlight.remove(message);
    message.trace?.end();
    signal.notify();
  };

  const sending = createSending({
    ...options,
    inFlight,
    finish: (message, outcome) => void finish(message, outcome),
    moved: () => signal.notify(),
    waits: (phase) => {
      if (mode === "clearing" || mode === "isolating") signal.notify();
      // The isolated message is handed over, so it is not what stops this courier from now on: that is recorded at once.
      // Until then its conversation may be, unless the server keeps it waiting (`housekeeping.ts`).
      if (mode === "isolating" && phase === "reply") void leases.recordWaits(0);
    },
    heldSlot: (ms) => {
      memory.sendMs += (ms - memory.sendMs) / SMOOTHING;
    },
  });

  return {
    leases,
    run,
    wake(accepted = 0) {
      if (accepted >= pace.BURST_CALLERS) memory.burstEndsAt = performance.now() + pace.BURST_MEMORY_MS;
      pace.noteHint(memory, performance.now(), Math.random());
      signal.notify();
    },
    async reclaim() {
      if ((await reclaim()).length === 0) return;
      pace.noteReclaim(memory, performance.now());
      signal.notify();
    },
    stuckMs() {
      return Math.max(recorder.stuckMs(), claimingSince === null ? 0 : performance.now() - claimingSince);
    },
    async drain() {
      setMode("draining");
      signal.notify();
      sending.drain();
      await ended.promise;
      sending.drain();
      await inFlight.empty();
      // What the last claim may hold would otherwise look like the email of a courier that crashed.
      await claims.releaseUnconfirmed().catch((error: unknown) => {
        log.warn({ event: "claim_unreleased", err: error }, "a claim whose commit was not answered may hold messages");
      });
      setMode("drained");
    },
  };
}
