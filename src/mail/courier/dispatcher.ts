/**
 * The courier's loop: claim -> render -> send -> record, until it is drained. Claims are made for free slots alone, so
 * that what a dying process takes along is never more than it was sending or about to send, and what it had sent within
 * a moment and not yet recorded.
 */
import { createIncident } from "../../incident.ts";
import type { Breaker } from "./breaker.ts";
import { createClaims } from "./claim.ts";
import type { Claim, ClaimOptions } from "./claim-batch.ts";
import { InFlight, type InFlightMessage } from "./in-flight.ts";
import { BURST_CALLERS, BURST_MEMORY_MS, newPaceMemory, nextStep, POLL_MS, type PaceState, type Step } from "./pace.ts";
import { createReclaimer } from "./reclaimer.ts";
import type { RecentAttempts } from "./recent-attempts.ts";
import { createRecorder } from "./recorder.ts";
import { createRefusals } from "./refusals.ts";
import type { RelayRecord } from "./relay-record.ts";
import type { Outcome } from "../outcome.ts";
import { LEASE_SECONDS, renew } from "../transitions/lease.ts";
import type { PreparedMessage, Slots } from "../transitions/queued.ts";
import type { OutgoingMail, Transport } from "./transport.ts";
import { createWakeSignal } from "./wake-signal.ts";

export interface DispatcherOptions extends ClaimOptions {
  readonly transport: Transport;
  readonly breaker: Breaker;
  readonly relay: RelayRecord;
  readonly recent: RecentAttempts;
  readonly render: (message: PreparedMessage) => Promise<OutgoingMail>;
  /** SMTP connections. */
  readonly pool: number;
}

export interface Dispatcher {
  /** Runs the loop. Resolves when `drain` has ended it. */
  run(): Promise<void>;
  /**
   * Look now: something was committed, or a pause may be over.
   * @param accepted requests that waited for one commit of this process. @default 0
   */
  wake(accepted?: number): void;
  /** Renews leases and aborts what was taken over; every 10 s. */
  renew(): Promise<void>;
  /** Aborts what has not been renewed for so long that another courier may have it; every second. */
  abortStale(): void;
  /** Takes over what silent couriers hold; with every poll. */
  reclaim(): Promise<void>;
  /** For how long a claim or the recording of outcomes has been under way without end, in milliseconds; 0 for neither. */
  stuckMs(): number;
  /** Claims nothing new, hands back what has not begun, and resolves when nothing is on the wire. */
  drain(): Promise<void>;
}

/**
 * - `claiming`: claims what is due as slots become free.
 * - `isolating`: an orphaned message is in flight. Nothing else is claimed until its outcome is recorded or the SMTP
 *   server keeps it waiting, so that a message that crashes the courier cannot affect others.
 * - `draining`: claims nothing more. What waits for a connection goes back to the queue, what is on the wire is
 *   finished and recorded.
 * - `drained`: nothing is in flight.
 */
type Mode = "claiming" | "isolating" | "draining" | "drained";

const TRANSITIONS: Readonly<Record<Mode, readonly Mode[]>> = {
  claiming: ["isolating", "draining"],
  isolating: ["claiming", "draining"],
  draining: ["drained"],
  drained: [],
};

/** Sends that `sendMs` looks back over. */
const SMOOTHING = 16;
/**
 * Slow conversations beside those that hold a slot, as a multiple of the pool: with the usual pool and a server that
 * takes 60 s for each email, 25 are in flight, half of what Postfix takes from one client.
 */
const MAX_SLOW_FACTOR = 4;
/** A lease older than this without renewal may soon be taken over: nothing is started under it, nor goes on. */
const STALE_LEASE_MS = (LEASE_SECONDS - 5) * 1_000;

export function createDispatcher(options: DispatcherOptions): Dispatcher {
  const { sql, breaker, log, courierId, pool } = options;
  const inFlight = new InFlight();
  const recorder = createRecorder({ sql, log });
  const refusals = createRefusals(options);
  const claims = createClaims(options);
  const reclaim = createReclaimer({ sql, log, releaseUnconfirmed: () => claims.releaseUnconfirmed() });
  const signal = createWakeSignal();
  const ended = Promise.withResolvers<void>();
  let mode: Mode = "claiming";
  /** When the claim that is under way began, `performance.now()`. */
  let claimingSince: number | null = null;
  const memory = newPaceMemory();
  const noClaims = createIncident(log, "claim_failed", "no message can be claimed; it is tried at each poll");

  const setMode = (next: Mode): void => {
    if (!TRANSITIONS[mode].includes(next)) throw new TypeError(`A courier that is ${mode} cannot be ${next}.`);
    mode = next;
  };

  const run = async (): Promise<void> => {
    for (;;) {
      if (mode === "draining") break;
      if (mode === "isolating" && inFlight.size === inFlight.counts.slow) setMode("claiming");
      const step = mode === "isolating" ? ISOLATED : nextStep(paceState());
      if (step.type === "wait") {
        await signal.wait(step.ms);
        continue;
      }
      // A hint that came before this claim begins is answered by it.
      signal.clear();
      memory.claimedAt = claimingSince = performance.now();
      try {
        await (step.type === "claim" ? claimOrdinary(step.slots) : claimOrphan());
        noClaims.end();
      } catch (error) {
        noClaims.begin(error);
        memory.ordinaryDueAt = memory.orphansDueAt = performance.now() + POLL_MS;
      } finally {
        claimingSince = null;
      }
    }
    ended.resolve();
  };

  const paceState = (): PaceState => ({
    ...memory,
    ...inFlight.counts,
    now: performance.now(),
    pool,
    breaker: breaker.state,
    bulk: inFlight.bulk,
  });

  const claimOrdinary = async (slots: Slots): Promise<void> => {
    const found = await claimAndAdmit(() => claims.due(slots));
    memory.ordinaryDueAt = found ? 0 : performance.now() + POLL_MS;
  };

  const claimOrphan = async (): Promise<void> => {
    const found = await claimAndAdmit(() => claims.orphan());
    memory.orphansSince = found ? performance.now() : null;
    memory.orphansDueAt = found ? 0 : performance.now() + POLL_MS;
    if (inFlight.size > 0 && mode === "claiming") setMode("isolating");
  };

  /** @returns whether anything was moved: then there may be more. */
  const claimAndAdmit = async (claim: () => Promise<Claim>): Promise<boolean> => {
    // The leases begin with the claim's last statement: later than this, so that they end no sooner than we believe.
    const claimedAt = performance.now();
    const { batch, progress } = await claim();
    for (const claimed of batch) {
      inFlight.admit(claimed, claimedAt);
      if (breaker.state.breaker === "open") breaker.probe();
    }
    startWaiting();
    return progress > 0;
  };

  /** The server keeps a message waiting: the next one takes its slot, unless too many wait so already. */
  const slow = (message: InFlightMessage): void => {
    if (inFlight.counts.slow >= pool * MAX_SLOW_FACTOR) return;
    inFlight.slow(message);
    startWaiting();
    signal.notify();
  };

  const startWaiting = (): void => {
    while (inFlight.counts.sending < pool) {
      const message = inFlight.startNext();
      if (!message) return;
      void send(message);
    }
  };

  const send = async (message: InFlightMessage): Promise<void> => {
    const startedAt = performance.now();
    const outcome = await attempt(message);
    options.recent.note(outcome);
    memory.sendMs += (performance.now() - startedAt - memory.sendMs) / SMOOTHING;
    inFlight.recording(message);
    startWaiting();
    const record = (final: Outcome): void => void finish(message, final);
    if (outcome.type !== "rejected") {
      noteTransport(message, outcome);
      record(outcome);
    } else {
      if ((await refusals.judge(message, outcome, record)) === "relay works") breaker.close();
      else openBreaker(outcome.reply);
    }
    // Once the breaker knows; the next claim need not wait until the outcome is recorded.
    signal.notify();
  };

  const attempt = async (message: InFlightMessage): Promise<Outcome> => {
    if (isStale(message) || message.abort.signal.aborted) return { type: "released" };
    let mail: OutgoingMail;
    try {
      mail = await options.render(message);
    } catch (error) {
      log.error({ event: "render_failed", messageId: message.id, err: error }, "could not render an email");
      return { type: "render_error", phase: null, code: null, reply: String(error).slice(0, 200) };
    }
    return await options.transport.send(mail, message.abort.signal, () => slow(message));
  };

  const noteTransport = (message: InFlightMessage, outcome: Outcome): void => {
    // What we broke off ourselves says nothing about the server.
    if (message.abort.signal.aborted) breaker.giveBack();
    else if (outcome.type === "transport_down") openBreaker(outcome.reply);
    else if (outcome.type === "released" || outcome.type === "render_error") {
      breaker.giveBack();
    } else {
      if (outcome.type === "sent") refusals.accepted();
      breaker.close();
    }
  };

  const openBreaker = (reply: string): void => {
    breaker.trip(reply, performance.now(), Math.random());
    handBackWaiting();
  };

  /** What waits for a connection goes back to the queue, for any courier that can send. */
  const handBackWaiting = (): void => {
    for (const message of inFlight.withdrawWaiting()) void finish(message, { type: "released" });
  };

  const finish = async (message: InFlightMessage, outcome: Outcome): Promise<void> => {
    await recorder.record(message, outcome);
    inFlight.remove(message);
    signal.notify();
  };

  return {
    run,
    wake(accepted = 0) {
      if (accepted >= BURST_CALLERS) memory.burstEndsAt = performance.now() + BURST_MEMORY_MS;
      memory.ordinaryDueAt = memory.orphansDueAt = 0;
      signal.notify();
    },
    async renew() {
      const held = [...inFlight];
      if (held.length === 0) return;
      const askedAt = performance.now();
      try {
        const leaseIds = [...new Set(held.map(({ leaseId }) => leaseId))];
        const { renewed, locked } = await renew(sql, courierId, leaseIds);
        for (const message of held) {
          if (renewed.has(message.id)) message.renewedAt = askedAt;
          else if (inFlight.has(message.id) && !locked.has(message.id)) message.abort.abort();
        }
      } catch (error) {
        log.warn({ event: "renew_failed", err: error }, "could not renew leases");
      }
    },
    abortStale() {
      // Not left to the renewal: a database that has gone silent lets it hang without an error.
      for (const message of inFlight) if (isStale(message)) message.abort.abort();
    },
    async reclaim() {
      if ((await reclaim()).length > 0) memory.orphansSince ??= performance.now();
    },
    stuckMs() {
      return Math.max(recorder.stuckMs(), claimingSince === null ? 0 : performance.now() - claimingSince);
    },
    async drain() {
      setMode("draining");
      options.transport.drain();
      signal.notify();
      handBackWaiting();
      await ended.promise;
      handBackWaiting();
      refusals.flush();
      await inFlight.empty();
      setMode("drained");
    },
  };
}

const ISOLATED: Step = { type: "wait", ms: POLL_MS };

const isStale = ({ renewedAt }: InFlightMessage): boolean => performance.now() - renewedAt > STALE_LEASE_MS;
