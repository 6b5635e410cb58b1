/** Claims the rows of a batch that failed one by one, so that one bad row does not hold the others. */
import { faultOf, isLockTimeout } from "../../db/errors.ts";
import { endUnrecordable } from "../transitions/end.ts";
import { leaseUnprepared } from "../transitions/lease.ts";
import { postpone } from "../transitions/postpone.ts";
import { pickOne, type LeasedMessage, type QueuedMessage } from "../transitions/queued.ts";
import { settle } from "../transitions/settle.ts";
import { claimBatch, type Claim, type ClaimContext } from "./claim-batch.ts";

/** Short, because several rows may be locked and each costs this wait. */
const LOCK_TIMEOUT_MS = 250;
/** After this long the claim ends with what it has, so that the messages it holds are sent within their leases. */
const BUDGET_MS = 5_000;

/** @returns what could be claimed before the database failed or time was up; that is not an error. */
export async function claimOneByOne(context: ClaimContext, picked: readonly QueuedMessage[]): Promise<Claim> {
  const batch: LeasedMessage[] = [];
  let progress = 0;
  const end = performance.now() + BUDGET_MS;
  for (const message of picked) {
    if (performance.now() > end) break;
    try {
      const claim = await claimBatch(
        context,
        { from: (tx) => pickOne(tx, message.id), limit: Number.POSITIVE_INFINITY },
        LOCK_TIMEOUT_MS,
      );
      batch.push(...claim.batch);
      progress += claim.progress;
    } catch (error) {
      const fault = faultOf(error);
      if (fault === "database" || !(await handleFailure(context, message, error, fault))) {
        context.log.warn({ event: "claim_row_failed", err: error }, "the database is in trouble: the claim ends here");
        break;
      }
      progress += 1;
    }
  }
  return { batch, progress };
}

/**
 * A failure that is the message's own costs it a chance; any other makes it rest for a moment. What cannot even be
 * recorded ends the message or, if that fails as well, sets it aside.
 *
 * @returns false when the database is at fault after all.
 */
async function handleFailure(
  context: ClaimContext,
  message: QueuedMessage,
  error: unknown,
  fault: "row" | "unclear",
): Promise<boolean> {
  const { sql, log, setAside } = context;
  const { id } = message;
  try {
    if (fault === "row") {
      log.error({ event: "prepare_failed", messageId: id, err: error }, "could not prepare a message");
      await recordFailure(context, message);
    } else {
      await postpone(sql, [{ id, delaySeconds: setAside.rest(id, error) }]);
    }
    return true;
  } catch (unrecorded) {
    return await giveUp(unrecorded);
  }

  async function giveUp(failure: unknown): Promise<boolean> {
    if (faultOf(failure) === "database" || isLockTimeout(failure)) return false;
    if (faultOf(failure) === "row") {
      const ended = await endUnrecordable(sql, { id }).then(
        () => null,
        (refusal: unknown) => ({ refusal }),
      );
      if (ended === null) return true;
      if (faultOf(ended.refusal) === "database") return false;
    }
    setAside.add(id, failure);
    return true;
  }
}

/** The message gets an attempt that says what is wrong with it, and its backoff. */
async function recordFailure({ sql, courierId }: ClaimContext, message: QueuedMessage): Promise<void> {
  const leaseId = crypto.randomUUID();
  await sql.begin(async (tx) => {
    const [locked] = await pickOne(tx, message.id);
    if (!locked) return;
    await leaseUnprepared(tx, leaseId, courierId, message.id);
    const reply = { phase: null, code: null, reply: "the message could not be prepared: see the log" };
    await settle(tx, [{ lease: { ...locked, leaseId }, outcome: { type: "render_error", ...reply } }]);
  });
}
