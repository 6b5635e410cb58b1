/** Takes over the emails of couriers that went silent, and watches the database's clock, by which leases end. */
import type { Sql } from "../../db/client.ts";
import type { Log } from "../../log.ts";
import { UNCLEAR_PATIENCE_MS } from "../transitions/end.ts";
import { LEASE_SECONDS } from "../transitions/lease.ts";
import { correctDueTimes } from "../transitions/postpone.ts";
import { createSetAside } from "./set-aside.ts";
import { CLOCK_TOLERANCE_SECONDS, reclaim } from "../transitions/reclaim.ts";

export interface ReclaimerOptions {
  readonly sql: Sql;
  readonly log: Log;
  /** Hands back what this courier itself may hold without knowing: see `Claims`. */
  readonly releaseUnconfirmed: () => Promise<void>;
  /** How long a message that is refused for an unclear cause is tried again, in ms. @default UNCLEAR_PATIENCE_MS */
  readonly patienceMs?: number;
}

/**
 * To be called about once a second.
 *
 * A clock that is set forward ends every lease at once, also those of couriers that are well, and one that is set back
 * ends none for a long time. So the database's clock is compared with this process's monotonic one: after a step nothing
 * is taken over for as long as a lease lasts, in which every living courier renews.
 *
 * @returns a function that resolves to the ids of messages that are queued to be sent alone.
 */
export function createReclaimer(options: ReclaimerOptions): () => Promise<string[]> {
  const { sql, log, releaseUnconfirmed, patienceMs = UNCLEAR_PATIENCE_MS } = options;
  const setAside = createSetAside(log);
  /** Since when each message is refused without a pause, by `performance.now()` in seconds. */
  let refusedSince = new Map<string, number>();
  /** The database's clock minus ours, in seconds. */
  let offset: number | null = null;
  let steadySince = seconds();
  /** The first look may take over at once what has ended: there was no courier here that saw it. */
  let stepped = false;

  return async () => {
    await releaseUnconfirmed();
    const askedAt = seconds();
    const [row] = await sql<{ now: number }[]>`select extract(epoch from clock_timestamp())::float8 as now`;
    if (!row) return [];
    const answeredAt = seconds();
    // An answer that took long says little about the clock, so the next answer is waited for.
    if (answeredAt - askedAt > CLOCK_TOLERANCE_SECONDS / 2) return [];
    const before = offset ?? row.now - answeredAt;
    offset = row.now - answeredAt;
    const step = offset - before;
    if (Math.abs(step) > CLOCK_TOLERANCE_SECONDS) {
      stepped = true;
      steadySince = answeredAt;
      log.warn({ event: "clock_step", seconds: Math.round(step) }, "the database's clock was set to another time");
    }
    await correctDueTimes(sql, step < -CLOCK_TOLERANCE_SECONDS ? -step : 0);
    const steadySeconds = answeredAt - steadySince;
    if (stepped && steadySeconds < LEASE_SECONDS) return [];
    const refusedBefore = refusedSince;
    refusedSince = new Map();
    return await reclaim(sql, {
      expectedSeconds: offset + seconds(),
      steadySeconds,
      setAside: setAside.ids,
      givesUp(id) {
        const since = refusedBefore.get(id) ?? answeredAt;
        refusedSince.set(id, since);
        return answeredAt - since >= patienceMs / 1_000;
      },
      onRefused: (id, error) => setAside.add(id, error),
    });
  };
}

const seconds = (): number => performance.now() / 1000;
