/** How fast a courier claims. Pure: the state of the courier in, what its loop does next out. */
import type { Slots } from "../transitions/queued.ts";
import { allowed, type BreakerState } from "./breaker.ts";

/** The poll that makes every hint optional. */
export const POLL_MS = 1_000;
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
/** Under constant load the queue is never empty: after this long the courier stops claiming, to send an orphan alone. */
const MAX_ORPHAN_WAIT_MS = 5_000;

/** What the loop remembers between its steps. All times are `performance.now()` milliseconds. */
export interface PaceMemory {
  /** How long a send takes, smoothed. Moved after each send. */
  sendMs: number;
  /** The API of this process is in a burst until then. Moved by hints. */
  burstEndsAt: number;
  /** When the last claim began. */
  claimedAt: number;
  /** Before these times another claim of this kind would find nothing. Moved by claims, and to 0 by hints. */
  ordinaryDueAt: number;
  orphansDueAt: number;
  /** Since when orphaned messages may have been waiting; null when none are known of. Moved by reclaims and claims. */
  orphansSince: number | null;
}

export const newPaceMemory = (): PaceMemory => ({
  // Pessimistic until the first send has shown it.
  sendMs: 1_000,
  burstEndsAt: 0,
  claimedAt: Number.NEGATIVE_INFINITY,
  ordinaryDueAt: 0,
  orphansDueAt: 0,
  orphansSince: null,
});

export interface PaceState extends Readonly<PaceMemory> {
  readonly now: number;
  /** SMTP connections. */
  readonly pool: number;
  readonly breaker: BreakerState;
  /** Messages that wait for a connection, hold one, or have an outcome that is being recorded. */
  readonly waiting: number;
  readonly sending: number;
  readonly recording: number;
  /** Bulk messages that wait for a connection or hold one. */
  readonly bulk: number;
}

export type Step =
  /** Claim up to so many messages. */
  | { readonly type: "claim"; readonly slots: Slots }
  /** Claim one orphaned message, which is sent with nothing else in flight. */
  | { readonly type: "isolate" }
  /** Look again after so long, or when a hint comes or a slot is free. */
  | { readonly type: "wait"; readonly ms: number };

export function nextStep(state: PaceState): Step {
  const { now, pool, sendMs, waiting, sending, recording, claimedAt } = state;
  const busy = waiting + sending;
  const burst = now < state.burstEndsAt;
  if (burst && now - claimedAt < BURST_PAUSE_MS) return wait(claimedAt + BURST_PAUSE_MS - now);
  if (recording > MAX_UNRECORDED) return wait();

  const prefetch = Math.min(burst ? BURST_CLAIM : MAX_PREFETCH, Math.floor((pool * PREFETCH_MS) / sendMs));
  const slots = Math.max(burst ? pool : pool * PREFETCH_FACTOR, prefetch);
  const free = allowed(state.breaker, slots, busy, now);
  // Half of the slots at a time: a claim for each email would cost a transaction each.
  if (free <= 0 || (busy > 0 && free < slots / 2)) return wait();

  const empty = busy + recording === 0;
  const overdue = state.orphansSince !== null && now - state.orphansSince > MAX_ORPHAN_WAIT_MS;
  if (overdue) return empty ? { type: "isolate" } : wait();
  if (now >= state.ordinaryDueAt) {
    const bulkSlots = Math.max(1, pool - RESERVED_FOR_OTHERS);
    const bulk = Math.max(0, Math.min(bulkSlots - state.bulk, pool - busy, free));
    return { type: "claim", slots: { ordinary: free, bulk } };
  }
  if (empty && now >= state.orphansDueAt) return { type: "isolate" };
  return wait(Math.min(state.ordinaryDueAt, empty ? state.orphansDueAt : Infinity) - now);
}

const wait = (ms = POLL_MS): Step => ({ type: "wait", ms: Math.min(ms, POLL_MS) });
