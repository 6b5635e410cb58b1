/** The claims of one courier, and what they remember from one to the next. */
import { faultOf } from "../../db/errors.ts";
import { LEASE_SECONDS } from "../transitions/lease.ts";
import { pick, pickOrphan, type QueuedMessage, type Slots } from "../transitions/queued.ts";
import { settle } from "../transitions/settle.ts";
import { claimBatch, type Claim, type ClaimContext, type ClaimOptions, type Pick } from "./claim-batch.ts";
import { claimOneByOne } from "./claim-one-by-one.ts";
import { createSetAside } from "./set-aside.ts";

export interface Claims {
  /**
   * Claims what is due. When the batch fails for what may be the fault of one row, its rows are claimed one by one.
   * @throws when the database is at fault. That costs no message anything.
   */
  due(slots: Slots): Promise<Claim>;
  /** Claims one orphaned message. @throws as `due`. */
  orphan(): Promise<Claim>;
  /**
   * Hands back what may be held under leases that this courier never learned of, because the answer to the commit was
   * lost. Nothing was sent under them, so it is `released`. Every claim begins with it; so must the taking
   * over of leases that have ended, for which an attempt without an end is `unknown`.
   */
  releaseUnconfirmed(): Promise<void>;
}

/**
 * How long a claim waits for a lock. A message whose rows are locked is found by claiming one by one; a table that is
 * locked fails the claim, and the next poll tries again.
 */
const LOCK_TIMEOUT_MS = 2_000;
/**
 * For how long a lease that was not confirmed is looked for. By then the server has ended the transaction of a client that
 * is gone, and the lease, if there is one, has been taken over.
 */
const UNCONFIRMED_MS = 2 * LEASE_SECONDS * 1_000;
/** A message that is claimed alone takes no slot of another. */
const ALONE = Number.POSITIVE_INFINITY;

export function createClaims(options: ClaimOptions): Claims {
  const { sql, log } = options;
  const context: ClaimContext = { ...options, setAside: createSetAside(log), unconfirmed: [] };

  const claim = async ({ from, limit }: Pick): Promise<Claim> => {
    await releaseUnconfirmed();
    let picked: readonly QueuedMessage[] = [];
    try {
      return await claimBatch(context, { limit, from: async (tx) => (picked = await from(tx)) }, LOCK_TIMEOUT_MS);
    } catch (error) {
      if (faultOf(error) === "database" || picked.length === 0) throw error;
      log.warn({ event: "claim_batch_failed", err: error, size: picked.length }, "claiming row by row");
      return await claimOneByOne(context, picked);
    }
  };

  const releaseUnconfirmed = async (): Promise<void> => {
    const asked = [...context.unconfirmed];
    if (asked.length === 0) return;
    const released = asked.map(({ lease }) => ({ lease, outcome: { type: "released" } as const }));
    const askedAt = performance.now();
    const { recorded, locked } = await settle(sql, released);
    // A lease that is not found may still be committed: its transaction may be under way.
    context.unconfirmed = context.unconfirmed.filter(
      (one) =>
        !asked.includes(one) ||
        locked.has(one.lease.id) ||
        (!recorded.has(one.lease.id) && askedAt - one.failedAt < UNCONFIRMED_MS),
    );
    if (recorded.size === 0) return;
    log.warn({ event: "claim_released", messages: recorded.size }, "a claim whose commit was not answered is undone");
  };

  return {
    due: (slots) =>
      claim({ from: (tx) => pick(tx, slots, context.setAside.ids), limit: Math.max(slots.ordinary, slots.bulk) }),
    orphan: () => claim({ from: (tx) => pickOrphan(tx, context.setAside.ids), limit: ALONE }),
    releaseUnconfirmed,
  };
}
