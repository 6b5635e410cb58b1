/** Retrying or cancelling all messages that match a filter, in batches, so that no transaction is long. */
import { and, asc, eq, notExists, or, sql, type SQL } from "drizzle-orm";
import { alias } from "drizzle-orm/pg-core";
import type { Database, Transaction } from "../../db/client.ts";
import { message, user } from "../../db/schema.ts";
import { conditionsOf, type MessageFilter } from "./filter.ts";
import { cancelMessage, retryMessage } from "./messages.ts";

export type BulkAction = "retry" | "cancel";

/** About half a second of work, for which no message of the batch can be claimed. */
const BATCH_SIZE = 200;

const retry = alias(message, "retry");

/** The messages that allow the action. A message that was retried already is not retried again with the others. */
const allows = (tx: Transaction | Database["orm"], action: BulkAction): SQL | undefined =>
  action === "cancel"
    ? eq(message.state, "queued")
    : and(
        or(eq(message.state, "failed"), eq(message.reason, "cancelled")),
        notExists(tx.select({ id: retry.id }).from(retry).where(eq(retry.retryOf, message.id))),
      );

/** How many messages match and allow the action. */
export async function countMatching({ orm }: Database, filter: MessageFilter, action: BulkAction): Promise<number> {
  const [row] = await orm
    .select({ count: sql<number>`count(*)::int` })
    .from(message)
    .leftJoin(user, eq(user.id, message.userId))
    .where(and(...conditionsOf(filter), allows(orm, action)));
  return row?.count ?? 0;
}

/**
 * Applies the action to the oldest messages that match and allow it.
 * @param filter with an `until`, or else what is accepted meanwhile matches too and there may be no end.
 * @returns how many messages it was applied to; 0: none is left.
 */
export async function applyToBatch(tx: Transaction, filter: MessageFilter, action: BulkAction): Promise<number> {
  // One batch runs at a time, because two operators who retry the same messages must not send them twice.
  await tx.execute(sql`select pg_advisory_xact_lock(hashtext('dundie bulk action'))`);
  const batch = await tx
    .select({ id: message.id })
    .from(message)
    .leftJoin(user, eq(user.id, message.userId))
    .where(and(...conditionsOf(filter), allows(tx, action)))
    .orderBy(asc(message.id))
    .limit(BATCH_SIZE)
    // A row that a courier is claiming is left out: its message is being sent.
    .for("no key update", { of: message, skipLocked: true });
  for (const { id } of batch) {
    if (action === "retry") await retryMessage(tx, id);
    else await cancelMessage(tx, id);
  }
  return batch.length;
}
