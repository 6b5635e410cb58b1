/** How fast a courier claims. Pure: the state of the courier in, what its loop does next out. */
import type { Slots } from "../transitions/queued.ts";
import { allowed, type BreakerState } from "./breaker.ts";

/** The poll that makes every hint optional. */
export const POLL_MS = 1_000;
/**
 * A hint is followed by a claim at a random time within this. The work for an address that has an account takes longer
 * than for one that has none, and slows down a request that comes in meanwhile. At a fixed time after the request a
 * client could measure that (R2); at a random time it meets it once in forty requests.
 */
export const HINT_SPREAD_MS = 250;
/**
 * Emails that this process holds for its connections, so that they are busy while the next claim commits: twice the
 * connections over a slow server, and over a fast one as many as it takes in this time. A process that dies leaves no
 * more than that for the lease to free.
 */
const PREFETCH_FACTOR = 2;
const PREFETCH_MS = 50;
const MAX_PREFETCH = 200;
/** Outcomes that may wait to be recorded: a settle that hangs must not make thousands of emails unknown. */
const MAX_UNRECORDED = 1_000;
/**
 * When one commit holds this many requests or more, the API is in a burst. Until 250 ms after the last such commit the
 * courier claims at most 25 messages every 50 ms (dropped ones count), so that requests get the CPU and the database.
 * With the usual pool these are 500 a second.
 */
export const BURST_CALLERS = 8;
export const BURST_MEMORY_MS = 250;
const BURST_CLAIM = 25;
const BURST_PAUSE_MS = 50;
/** Connections that bulk mail never takes, as long as that leaves it one. */
const RESERVED_FOR_OTHERS = 2;
/** Under constant load the queue is never empty: after this long the courier stops claiming, to isolate what is orphaned. */
const MAX_ORPHAN_WAIT_MS = 5_000;
/** Under constant load the courier looks this often for messages that other couriers have orphaned. */
const ORPHAN_CHECK_MS = 30_000;
/**
 * The longest pause in claims before an orphaned message is isolated. In it the courier waits until no message in flight
 * is in the moment in which it could crash the courier, and then for replies, because an orphaned message that does
 * crash the courier makes what has no recorded outcome unknown. The pause is bounded, so that a server that keeps others
 * waiting for minutes does not hold up the orphaned messages for as long.
 */
const CLEARING_MS = 3_000;
/** How long, within that pause, the courier waits for replies after the last message has left that moment. */
const REPLY_GRACE_MS = 1_000;
/** An orphaned message that has not crashed the courier by then waits for the server: the others go on. */
const ISOLATION_MS = 3_000;
/** Orphaned messages are isolated one after the other for this long, before what was queued meanwhile has its turn. */
const ORPHAN_RUN_MS = 1_000;
/**
 * What the courier's loop does:
 *
 * - `claiming`: claims what is due as slots become free. It isolates an orphaned message when nothing else is due.
 * - `clearing`: orphaned messages have waited for long. Nothing is claimed until what is in flight is out of the way.
 * - `isolating`: an orphaned message is prepared, rendered and handed over. Nothing else is claimed until it is handed
 *   over, has an outcome, or has waited for the server for 3 s, so that a message that crashes the courier affects no
 *   other.
 * - `draining`: claims nothing more. What waits for a slot goes back to the queue, what is being sent is finished and
 *   recorded.
 * - `drained`: nothing is in flight.
 */
export type Mode = "claiming" | "clearing" | "isolating" | "draining" | "drained";

/** What the loop remembers between its steps. All times are `performance.now()` milliseconds. */
export interface PaceMemory {
  /** How long a send takes, smoothed. It is updated after each send. */
  sendMs: number;
  /** The API of this process is in a burst until then. Hints change it. */
  burstEndsAt: number;
  /** When the last claim began. */
  claimedAt: number;
  /** When the hints that no claim has answered yet are followed; Infinity: there is none. */
  hintDueAt: number;
  /** Before these times another claim of this kind would find nothing. Claims change them. */
  ordinaryDueAt: number;
  bulkDueAt: number;
  orphansDueAt: number;
  /** From then on the courier stops claiming, to isolate orphans. Claims of orphans and reclaims change it. */
  orphansOverdueAt: number;
  /** Until then the orphaned messages that follow the last one are isolated at once. Claims of orphans change it. */
  orphanRunEndsAt: number;
}

export const newPaceMemory = (now: number): PaceMemory => ({
  // This is a pessimistic value until the first send has shown how long a send takes.
  sendMs: 1_000,
  burstEndsAt: 0,
  claimedAt: Number.NEGATIVE_INFINITY,
  hintDueAt: Number.POSITIVE_INFINITY,
  ordinaryDueAt: 0,
  bulkDueAt: 0,
  orphansDueAt: 0,
  orphansOverdueAt: now + MAX_ORPHAN_WAIT_MS,
  orphanRunEndsAt: 0,
});

/**
 * Remembers that something was committed. Hints that follow do not move the time, else many of them would bring it near.
 * @param fraction random, from 0 to 1.
 */
export function noteHint(memory: PaceMemory, now: number, fraction: number): void {
  if (memory.hintDueAt !== Number.POSITIVE_INFINITY) return;
  memory.hintDueAt = now + fraction * HINT_SPREAD_MS;
  memory.orphansDueAt = Math.min(memory.orphansDueAt, memory.hintDueAt);
}

/** A claim answers the hints before it. Where it has no slot for bulk mail, that is due as soon as there is one. */
export function noteClaimBegins(memory: PaceMemory, slots: Slots): void {
  if (memory.hintDueAt !== Number.POSITIVE_INFINITY && slots.bulk === 0) memory.bulkDueAt = 0;
  memory.hintDueAt = Number.POSITIVE_INFINITY;
}

/**
 * Remembers what a claim found. While it found anything there may be more. One that could take no bulk message, because
 * all of its slots were held, says nothing of the bulk lane: that is due as soon as a slot is free.
 */
export function noteClaim(memory: PaceMemory, slots: Slots, found: boolean, now: number): void {
  memory.ordinaryDueAt = found ? 0 : now + POLL_MS;
  if (found || slots.bulk > 0) memory.bulkDueAt = memory.ordinaryDueAt;
}

/** Remembers what a claim of an orphaned message found. */
export function noteOrphan(memory: PaceMemory, found: boolean, now: number): void {
  memory.orphansDueAt = found ? 0 : now + POLL_MS;
  memory.orphansOverdueAt = now + (found ? MAX_ORPHAN_WAIT_MS : ORPHAN_CHECK_MS);
  // There may be more orphans. They follow at once while the run lasts, and after it when they are overdue.
  if (!found) memory.orphanRunEndsAt = 0;
  else if (now >= memory.orphanRunEndsAt) memory.orphanRunEndsAt = now + ORPHAN_RUN_MS;
}

/** Remembers that messages have just become orphaned. */
export function noteReclaim(memory: PaceMemory, now: number): void {
  memory.orphansDueAt = 0;
  memory.orphansOverdueAt = Math.min(memory.orphansOverdueAt, now + MAX_ORPHAN_WAIT_MS);
}

export interface PaceState extends Readonly<PaceMemory> {
  readonly now: number;
  readonly mode: "claiming" | "clearing" | "isolating";
  /** When the loop entered this mode. */
  readonly modeSince: number;
  /** Emails that are sent at once, slow ones not counted. */
  readonly pool: number;
  readonly breaker: BreakerState;
  /** Messages in each phase: see `InFlight`. */
  readonly waiting: number;
  readonly sending: number;
  readonly slow: number;
  readonly recording: number;
  /** Bulk messages that wait for a slot or hold one. */
  readonly bulk: number;
  /** Messages that may crash this courier at the moment, and when there were last any. */
  readonly exposed: number;
  readonly exposedUntil: number;
}

export type Step = ClaimStep | ModeStep | WaitStep;

export type ClaimStep =
  /** Claim up to so many messages. */
  | { readonly type: "claim"; readonly slots: Slots }
  /** Claim one orphaned message, and be `isolating` if there is one. */
  | { readonly type: "isolate" };

type ModeStep =
  /** Be `clearing`. */
  | { readonly type: "clear" }
  /** Be `claiming`. */
  | { readonly type: "resume" };

type WaitStep =
  /** Look again after so long, or when a hint comes or a slot is free. */
  { readonly type: "wait"; readonly ms: number };

export function nextStep(state: PaceState): Step {
  const { now, pool, mode, modeSince, claimedAt } = state;
  if (mode === "isolating") {
    const left = modeSince + ISOLATION_MS - now;
    return state.exposed > 0 && left > 0 ? wait(left) : { type: "resume" };
  }
  const burst = now < state.burstEndsAt;
  if (burst && now - claimedAt < BURST_PAUSE_MS) return wait(claimedAt + BURST_PAUSE_MS - now);
  if (state.recording > MAX_UNRECORDED) return wait();

  const clear = clearIn(state);
  if (mode === "clearing") {
    if (!orphansOverdue(state)) return { type: "resume" };
    const left = Math.min(clear, modeSince + CLEARING_MS - now);
    return left <= 0 ? isolate(state) : wait(left);
  }
  if (orphansOverdue(state)) return clear <= 0 ? isolate(state) : { type: "clear" };
  const busy = state.waiting + state.sending;
  const slots = slotsOf(state, burst);
  const free = allowed(state.breaker, slots, busy, now);
  // Half of the slots at a time: a claim for each email would cost a transaction each.
  if (free <= 0 || (busy > 0 && free < slots / 2)) return wait();
  const bulkSlots = Math.max(1, pool - RESERVED_FOR_OTHERS);
  const bulk = Math.max(0, Math.min(bulkSlots - state.bulk, pool - busy, free));
  const dueAt = Math.min(state.ordinaryDueAt, state.hintDueAt, bulk > 0 ? state.bulkDueAt : Number.POSITIVE_INFINITY);
  if (now >= dueAt) return { type: "claim", slots: { ordinary: free, bulk } };
  const orphans = Math.max(state.orphansDueAt - now, clear);
  return orphans <= 0 ? { type: "isolate" } : wait(Math.min(orphans, dueAt - now));
}

/** Emails that this process may hold for its slots. */
function slotsOf({ pool, sendMs }: PaceState, burst: boolean): number {
  const prefetch = Math.min(burst ? BURST_CLAIM : MAX_PREFETCH, Math.floor((pool * PREFETCH_MS) / sendMs));
  return Math.max(burst ? pool : pool * PREFETCH_FACTOR, prefetch);
}

/** When nothing is in the way of an orphaned message, as far as time tells: 0 for now, Infinity for an event to come. */
function clearIn({ now, waiting, sending, slow, recording, exposed, exposedUntil }: PaceState): number {
  if (waiting + sending + slow + recording === 0) return 0;
  return exposed > 0 ? Infinity : Math.max(0, exposedUntil + REPLY_GRACE_MS - now);
}

const orphansOverdue = ({ now, orphansOverdueAt, orphanRunEndsAt }: PaceState): boolean =>
  now > orphansOverdueAt || now < orphanRunEndsAt;

/** An orphaned message needs a slot, and a breaker that lets it through. */
function isolate(state: PaceState): Step {
  const { pool, breaker, waiting, sending, now } = state;
  if (allowed(breaker, pool, waiting + sending, now) > 0) return { type: "isolate" };
  return state.mode === "clearing" ? { type: "resume" } : wait();
}

const wait = (ms = POLL_MS): Step => ({ type: "wait", ms: Math.min(ms, POLL_MS) });
