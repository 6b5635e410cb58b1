/** What a courier looks after once a second, besides sending. */
import { createIncident } from "../../incident.ts";
import type { Sql } from "../../db/client.ts";
import type { Log } from "../../log.ts";
import { endExpired } from "../transitions/end.ts";
import type { Leases } from "./leases.ts";
import { elapsedMs, thisMoment } from "./moment.ts";

export const HOUSEKEEPING_MS = 1_000;
/** A run that comes so much later than its turn says that this process was suspended, or starved for as long. */
const SUSPENDED_MS = 5_000;
/** Leases last 30 s and are renewed every 10 s: when the database was away for longer than this, they may have ended. */
const AWAY_MS = 15_000;
/**
 * After either, for so long this courier takes over no lease: couriers that were suspended on the same machine, or cut
 * off from the same database, renew theirs within 10 s.
 */
const RECLAIM_PAUSE_MS = 12_000;
/** What waits for the server this long is known to: see `Leases.recordWaits`. */
const WAIT_MS = 1_000;
/** Claims and records take milliseconds. One that takes this long waits for a lock or for a database that is silent. */
const STUCK_MS = 10_000;

export interface HousekeepingOptions {
  readonly sql: Sql;
  readonly leases: Leases;
  /** Takes over what silent couriers hold. */
  readonly reclaim: () => Promise<void>;
  /** For how long a claim or a record has been under way, in milliseconds. */
  readonly stuckMs: () => number;
  readonly log: Log;
}

/** @returns the task to run every `HOUSEKEEPING_MS`. It never rejects. */
export function createHousekeeping({ sql, leases, reclaim, stuckMs, log }: HousekeepingOptions): () => Promise<void> {
  const failing = createIncident(log, "housekeeping_failed", "no expired lease or message is looked after");
  const stuck = createIncident(log, "courier_stuck", "a claim or a record does not end");
  /** When the last run ended. */
  let ranAt = thisMoment();
  /** When the database last did what it was asked. */
  let answeredAt = ranAt;
  /** `performance.now()` */
  let reclaimAfter = 0;
  let sweeping = false;

  const watch = async (): Promise<void> => {
    const now = thisMoment();
    const suspendedMs = elapsedMs(ranAt, now) - HOUSEKEEPING_MS;
    const suspended = suspendedMs > SUSPENDED_MS;
    if (suspended || elapsedMs(answeredAt, now) > AWAY_MS) reclaimAfter = performance.now() + RECLAIM_PAUSE_MS;
    if (suspended) {
      log.warn({ event: "courier_suspended", forMs: Math.round(suspendedMs) }, "This process was suspended.");
      await leases.resume();
    }
    leases.abortStale();
    if (stuckMs() > STUCK_MS) stuck.begin(undefined);
    else stuck.end();
    ranAt = thisMoment();
  };

  const sweep = async (): Promise<void> => {
    try {
      if (performance.now() >= reclaimAfter) await reclaim();
      await leases.recordWaits(WAIT_MS);
      await endExpired(sql);
      answeredAt = thisMoment();
      failing.end();
    } catch (error) {
      failing.begin(error);
    }
  };

  return async () => {
    await watch();
    // The sweep is not awaited, so that stale work is aborted even while the database is silent.
    if (sweeping) return;
    sweeping = true;
    void sweep().finally(() => {
      sweeping = false;
    });
  };
}
