/** sending -> queued | failed: takes over the emails of couriers that went silent. */
import type { Sql, SqlTransaction } from "../../db/client.ts";
import { faultOf } from "../../db/errors.ts";
import type { Phase } from "../../db/states.ts";
import { endUnrecordable } from "./end.ts";
import { LEASE_SECONDS } from "./lease.ts";
import { settle, type Ended, type Lease } from "./settle.ts";

/** What a courier that takes over leases knows of the database's clock and of its own exceptions. */
export interface ReclaimContext {
  /** The time that the database's clock should show now, in seconds since 1970. */
  readonly expectedSeconds: number;
  /** For how long the database's clock has moved evenly, in seconds. */
  readonly steadySeconds: number;
  /** Messages that this courier leaves alone. */
  readonly setAside: readonly string[];
  /**
   * Called for a message that the database refuses to take over for an unclear cause.
   * @returns whether it ends for that; otherwise it is tried again by the next call.
   */
  readonly givesUp: (id: string) => boolean;
  /** Called for a message that the database refuses to change at all. */
  readonly onRefused: (id: string, error: unknown) => void;
}

/** The database's clock may differ this much from its expected time; a courier renews 20 s before its lease ends. */
export const CLOCK_TOLERANCE_SECONDS = 5;

/** How many leases are taken over at a time. */
const MAX_BATCH = 500;

/**
 * Takes over leases that have ended. Nothing is taken over while the database's clock differs from its expected time,
 * because the leases of couriers that work then seem to have ended.
 *
 * A lease that ends later than any courier could have set it was written before the clock was set back: it counts as
 * ended when the clock has been steady for a lease's length, in which every living courier renews.
 *
 * @returns the ids of those that are queued to be sent alone.
 */
export async function reclaim(sql: Sql, context: ReclaimContext): Promise<string[]> {
  try {
    return await sql.begin((tx) => reclaimEnded(tx, context, null));
  } catch (error) {
    if (faultOf(error) === "database") throw error;
    return await reclaimOneByOne(sql, context);
  }
}

/** A row that cannot be recorded must not hold the others. */
async function reclaimOneByOne(sql: Sql, context: ReclaimContext): Promise<string[]> {
  const isolated: string[] = [];
  const ended = await sql.begin((tx) => lockEnded(tx, context, null));
  for (const lease of ended) {
    try {
      isolated.push(...(await sql.begin((tx) => reclaimEnded(tx, context, lease.id))));
    } catch (error) {
      const fault = faultOf(error);
      if (fault === "database") throw error;
      if (fault === "row" || context.givesUp(lease.id)) await endRefused(sql, context, lease);
    }
  }
  return isolated;
}

/** @throws when the database is at fault. */
async function endRefused(sql: Sql, { onRefused }: ReclaimContext, lease: Lease): Promise<void> {
  try {
    await endUnrecordable(sql, lease);
  } catch (error) {
    if (faultOf(error) === "database") throw error;
    onRefused(lease.id, error);
  }
}

async function reclaimEnded(tx: SqlTransaction, context: ReclaimContext, only: string | null): Promise<string[]> {
  const ended = (await lockEnded(tx, context, only)).map(takenOver);
  if (ended.length > 0) await settle(tx, ended);
  return ended.flatMap(({ lease, takenOver: how }) => (how?.isolated ? [lease.id] : []));
}

type Silent = Lease & { readonly phase: Phase | null };

/** @param only this message; null: all. */
async function lockEnded(tx: SqlTransaction, context: ReclaimContext, only: string | null): Promise<Silent[]> {
  return await tx<Silent[]>`
    select m.id, m.lease_id "leaseId", m.kind, m.tries, m.unknowns, m.render_errors "renderErrors", m.crashes, a.phase
    from message m left join attempt a on a.message_id = m.id and a.number = m.attempts
    where m.state = 'sending' and (${only}::uuid is null or m.id = ${only})
      and m.id <> all(${context.setAside as string[]}::uuid[])
      and (m.lease_expires_at < now()
        or m.lease_expires_at > now() + make_interval(secs => ${2 * LEASE_SECONDS}) and ${context.steadySeconds >= LEASE_SECONDS})
      and abs(extract(epoch from clock_timestamp()) - ${context.expectedSeconds}::float8) < ${CLOCK_TOLERANCE_SECONDS}
    order by m.lease_expires_at limit ${MAX_BATCH} for no key update of m skip locked`;
}

/**
 * The attempt has no end, so its outcome is unknown. One that waited for the reply harms no process and is sent beside
 * others. One without a phase was being prepared, rendered or handed over: it may be why its courier stopped.
 */
function takenOver({ phase, ...lease }: Silent): Ended {
  return {
    lease,
    outcome: { type: "unknown", crashed: phase === null, phase, code: null, reply: "the courier went silent" },
    takenOver: { isolated: phase !== "reply" },
  };
}
