/**
 * The courier's loop: claim -> render -> send -> settle, until it is drained. Claims are made for free slots alone, so
 * that what a dying process takes along is never more than it was sending or about to send, and what it had sent within
 * a moment and not yet recorded.
 */
import type { Breaker } from "./breaker.ts";
import { claim, type Claimed, type ClaimOptions } from "./claim.ts";
import { createRejectionStreak } from "./rejection-streak.ts";
import { groupCommit } from "../group-commit.ts";
import { LANES } from "../kinds.ts";
import type { PreparedMessage, Mailer } from "../mailer.ts";
import type { Outcome } from "../outcome.ts";
import * as transitions from "../transitions.ts";
import type { OutgoingMail, Transport } from "./transport.ts";

export interface DispatcherOptions extends ClaimOptions {
  readonly transport: Transport;
  readonly breaker: Breaker;
  readonly render: (mailer: Mailer, prepared: PreparedMessage) => Promise<OutgoingMail>;
  /** SMTP connections. */
  readonly pool: number;
}

export interface Dispatcher {
  /**
   * Look now: something was committed, or a pause may be over.
   * @param accepted requests that waited for one commit of this process. @default 0
   */
  wake(accepted?: number): void;
  /** Renews leases and aborts what was taken over; every 10 s. */
  renew(): Promise<void>;
  /** Aborts what has not been renewed for so long that somebody else may have it; every second. */
  abortStale(): void;
  /** Takes over what silent couriers hold; with every poll. */
  reclaim(): Promise<void>;
  /** Claims nothing new, hands back what has not begun, and resolves when nothing is on the wire. */
  drain(): Promise<void>;
  readonly inFlight: number;
}

/** The poll that makes every hint optional. */
const POLL_MS = 1_000;
/**
 * Emails that this process holds for its connections, so that they are busy while the next claim commits: twice the
 * connections over a slow server, and over a fast one as many as it takes in this time. A process that dies leaves no
 * more than that for the lease to free.
 */
const PREFETCH_FACTOR = 2;
const PREFETCH_MS = 50;
const MAX_PREFETCH = 200;
/** Emails that may wait for their outcomes to be recorded: a settle that hangs must not make thousands unknown. */
const MAX_UNRECORDED = 1_000;
/**
 * So many callers share one commit only while requests come faster than commits do. Answers go first then: until that
 * is over the emails follow a claim of so many at a time (what is dropped counts, too), and leave the database and the
 * cores to those who wait. With the usual pool these are 500 a second.
 */
const BURST_CALLERS = 8;
const BURST_MEMORY_MS = 250;
const BURST_CLAIM = 25;
const BURST_PAUSE_MS = 50;
/** Sends that `sendMs` looks back over. */
const SMOOTHING = 16;
/** Connections that bulk mail never takes, as long as that leaves it one. */
const RESERVED_FOR_OTHERS = 2;
/** Under constant load a courier is never empty: after this long it stops claiming, to send an orphaned message alone. */
const MAX_ORPHAN_WAIT_MS = 5_000;
/** A crash makes that much more of what was sent unknown; the database plans and commits a tenth as often. */
const SETTLE_SPACING_MS = 10;
/** How long an outcome is tried to be recorded while the database is away. */
const SETTLE_PATIENCE_MS = 60_000;
const SETTLE_RETRY_MS = 250;
/** A lease older than this without renewal may soon be taken over: nothing is started under it, nor goes on. */
const STALE_LEASE_MS = (transitions.LEASE_SECONDS - 5) * 1_000;

interface InFlight extends Claimed {
  readonly abort: AbortController;
  /** When the lease was last known to be ours, `performance.now()`. */
  renewedAt: number;
  /** It holds no slot any more: its outcome is only to be recorded. */
  awaitingRecord: boolean;
}

export function createDispatcher(options: DispatcherOptions): Dispatcher {
  const { sql, breaker, log, courierId, pool } = options;
  const inFlight = new Map<string, InFlight>();
  const waiting: InFlight[] = [];
  let sending = 0;
  /** How long a send takes, smoothed; pessimistic until the first has shown it. */
  let sendMs = 1_000;
  let draining = false;
  let claiming = false;
  let wakeAgain = false;
  let pollTimer: ReturnType<typeof setTimeout> | undefined;
  /** An orphaned message is in flight: nothing else is claimed. */
  let alone = false;
  /** Of requests that this process answers, `performance.now()`. */
  let burstEndsAt = 0;
  let claimedAt = Number.NEGATIVE_INFINITY;
  /** The last look claimed nothing because of the burst: the next comes soon. */
  let throttled = false;
  /** Since when orphaned messages may be waiting for an empty courier, `performance.now()`. */
  let orphansSince: number | null = null;
  let claimed = Promise.withResolvers<void>();
  let whenIdle = Promise.withResolvers<void>();

  const bulkSlots = Math.max(1, pool - RESERVED_FOR_OTHERS);
  const streak = createRejectionStreak();

  const settle = groupCommit<transitions.Ended>({
    maxBatch: 500,
    maxWaiting: Number.POSITIVE_INFINITY,
    timeoutMs: Number.POSITIVE_INFINITY,
    spacingMs: SETTLE_SPACING_MS,
    write: async (batch) => {
      const settled = await transitions.settle(sql, batch);
      for (const { lease } of batch) {
        if (!settled.has(lease.id))
          log.warn({ event: "lease_lost", messageId: lease.id }, "settled by another courier");
      }
    },
  });

  const wake = (accepted = 0): void => {
    if (accepted >= BURST_CALLERS) burstEndsAt = performance.now() + BURST_MEMORY_MS;
    if (claiming) {
      wakeAgain = true;
      return;
    }
    void claimLoop();
  };

  const claimLoop = async (): Promise<void> => {
    claiming = true;
    clearTimeout(pollTimer);
    try {
      do {
        wakeAgain = false;
        while (await claimOnce()) {
          // Something was claimed or ended, and slots are free: there may be more.
        }
      } while (wakeAgain);
    } catch (error) {
      log.error({ event: "claim_failed", err: error }, "claim failed; trying again at the next poll");
    } finally {
      claiming = false;
      claimed.resolve();
      claimed = Promise.withResolvers();
    }
    if (!draining) pollTimer = setTimeout(wake, throttled ? BURST_PAUSE_MS : POLL_MS);
  };

  /** @returns whether looking again at once makes sense. */
  const claimOnce = async (): Promise<boolean> => {
    const now = performance.now();
    if (draining || alone) return false;
    const burst = now < burstEndsAt;
    throttled = burst && now - claimedAt < BURST_PAUSE_MS;
    if (throttled) return false;
    const busy = waiting.length + sending;
    if (inFlight.size - busy > MAX_UNRECORDED) return false;
    const prefetch = Math.min(burst ? BURST_CLAIM : MAX_PREFETCH, Math.floor((pool * PREFETCH_MS) / sendMs));
    const slots = Math.max(burst ? pool : pool * PREFETCH_FACTOR, prefetch);
    const free = breaker.allowed(slots, busy, now);
    // Half of the slots at a time: a claim for every email would cost a transaction each.
    if (free <= 0 || (busy > 0 && free < slots / 2)) return false;
    const overdue = orphansSince !== null && now - orphansSince > MAX_ORPHAN_WAIT_MS;
    if (overdue && inFlight.size > 0) return false;
    if (overdue) return await claimOrphan();
    const bulkInFlight = [...inFlight.values()].filter(
      (f) => !f.awaitingRecord && f.prepared.message.lane === LANES.bulk,
    ).length;
    const bulk = Math.max(0, Math.min(bulkSlots - bulkInFlight, pool - busy, free));
    if (await claimAndTake((tx) => transitions.pick(tx, { ordinary: free, bulk }))) return true;
    return inFlight.size === 0 && (await claimOrphan());
  };

  const claimOrphan = async (): Promise<boolean> => {
    const moved = await claimAndTake((tx) => transitions.pickOrphan(tx));
    orphansSince = moved ? performance.now() : null;
    alone = inFlight.size > 0;
    return moved && !alone;
  };

  /** @returns whether anything was moved. */
  const claimAndTake = async (pick: Parameters<typeof claim>[1]): Promise<boolean> => {
    claimedAt = performance.now();
    const { batch, progress } = await claim(options, pick);
    for (const claimed of batch) {
      admit({ ...claimed, abort: new AbortController(), renewedAt: performance.now(), awaitingRecord: false });
    }
    return progress > 0;
  };

  const admit = (item: InFlight): void => {
    inFlight.set(item.leased.id, item);
    waiting.push(item);
    if (breaker.state.breaker === "open") breaker.probe();
    startNext();
  };

  const startNext = (): void => {
    while (sending < pool) {
      const item = waiting.shift();
      if (!item) return;
      sending += 1;
      void send(item);
    }
  };

  const send = async (item: InFlight): Promise<void> => {
    const startedAt = performance.now();
    const outcome = await attempt(item);
    sendMs += (performance.now() - startedAt - sendMs) / SMOOTHING;
    sending -= 1;
    item.awaitingRecord = true;
    startNext();
    const record = (final: Outcome): void => void finish(item, final);
    if (outcome.type !== "rejected") {
      noteTransport(item, outcome);
      record(outcome);
    } else if (streak.record(item.prepared.pinned.recipient, outcome, record) === "whole-relay") {
      openBreaker(outcome.reply);
    } else {
      // It answered, about this email: the transport is well.
      breaker.close();
    }
    // Once the breaker knows; the next claim need not wait until the outcome is recorded.
    wake();
  };

  const attempt = async (item: InFlight): Promise<Outcome> => {
    if (isStale(item) || item.abort.signal.aborted) return { type: "released" };
    let mail: OutgoingMail;
    try {
      mail = await options.render(item.mailer, item.prepared);
    } catch (error) {
      log.error({ event: "render_failed", messageId: item.leased.id, err: error }, "could not render an email");
      return { type: "render_error", phase: null, code: null, reply: String(error).slice(0, 200) };
    }
    return await options.transport.send(mail, item.abort.signal);
  };

  const noteTransport = (item: InFlight, outcome: Outcome): void => {
    // What we broke off ourselves says nothing about the server.
    if (item.abort.signal.aborted) breaker.giveBack();
    else if (outcome.type === "transport_down") openBreaker(outcome.reply);
    else if (outcome.type === "released" || outcome.type === "render_error") {
      breaker.giveBack();
    } else {
      if (outcome.type === "sent") streak.reset();
      breaker.close();
    }
  };

  const openBreaker = (reply: string): void => {
    breaker.trip(reply, performance.now(), Math.random());
    handBackWaiting();
  };

  /** The breaker opened: what waits for a connection goes back to the queue, for whoever can send. */
  const handBackWaiting = (): void => {
    for (const item of waiting.splice(0)) {
      item.awaitingRecord = true;
      void finish(item, { type: "released" });
    }
  };

  const finish = async (item: InFlight, outcome: Outcome): Promise<void> => {
    const { leased } = item;
    const words = outcome.type === "released" ? {} : { phase: outcome.phase, code: outcome.code, reply: outcome.reply };
    log.info({ event: "attempt", messageId: leased.id, kind: leased.kind, outcome: outcome.type, ...words });
    await recordOutcome(item, outcome);
    // Where its outcome was recorded and we were not told, the message may be under way again.
    if (inFlight.get(leased.id) === item) inFlight.delete(leased.id);
    if (inFlight.size === 0) {
      alone = false;
      whenIdle.resolve();
      whenIdle = Promise.withResolvers();
      wake();
    }
  };

  /** A database that is away for a moment must not turn a 250 into an unknown: the lease fences a late word anyway. */
  const recordOutcome = async ({ leased }: InFlight, outcome: Outcome): Promise<void> => {
    const givenUpAt = performance.now() + SETTLE_PATIENCE_MS;
    for (;;) {
      try {
        return await settle({ lease: leased, outcome });
      } catch (error) {
        log.error({ event: "settle_failed", messageId: leased.id, err: error }, "could not record an outcome");
        if (performance.now() > givenUpAt) return;
        await Bun.sleep(SETTLE_RETRY_MS);
      }
    }
  };

  return {
    wake,
    get inFlight() {
      return inFlight.size;
    },
    async renew() {
      const held = [...inFlight.values()];
      if (held.length === 0) return;
      const askedAt = performance.now();
      try {
        const ours = await transitions.renew(sql, courierId, [...new Set(held.map((f) => f.leased.leaseId))]);
        for (const item of held) {
          if (ours.has(item.leased.id)) item.renewedAt = askedAt;
          else if (inFlight.has(item.leased.id)) item.abort.abort();
        }
      } catch (error) {
        log.warn({ event: "renew_failed", err: error }, "could not renew leases");
      }
    },
    abortStale() {
      // Not left to the renewal: a database that has gone silent lets it hang without an error.
      for (const item of inFlight.values()) if (isStale(item)) item.abort.abort();
    },
    async reclaim() {
      if ((await transitions.reclaim(sql)) > 0) orphansSince ??= performance.now();
    },
    async drain() {
      draining = true;
      clearTimeout(pollTimer);
      handBackWaiting();
      if (claiming) await claimed.promise;
      handBackWaiting();
      streak.reset();
      if (inFlight.size > 0) await whenIdle.promise;
    },
  };
}

const isStale = ({ renewedAt }: InFlight): boolean => performance.now() - renewedAt > STALE_LEASE_MS;
