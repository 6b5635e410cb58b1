/** What an operator does with messages, by HTTP or at the command line. Each action is audited in its transaction. */
import type { Address } from "../addresses.ts";
import { sql } from "drizzle-orm";
import type { Transaction } from "../db/client.ts";
import * as bulk from "../mail/operations/bulk.ts";
import type { MessageFilter } from "../mail/operations/filter.ts";
import * as admin from "../mail/operations/messages.ts";
import * as suppression from "../mail/operations/suppression.ts";
import { recordAudit, type AuditAction } from "./audit.ts";
import type { Caller, RequestContext } from "./caller.ts";
import type { Deps } from "./deps.ts";

export interface Operator {
  /** Null at the command line. */
  readonly caller: Caller | null;
  readonly context: RequestContext;
}

/** @returns the id of the new message. @throws {NotFound} {Conflict} unless it failed or was cancelled. */
export async function retryMessage(deps: Deps, operator: Operator, message: string): Promise<string> {
  const retry = await deps.db.orm.transaction(async (tx) => {
    const id = await admin.retryMessage(tx, message);
    await note(tx, operator, "message_retried", { message, retry: id });
    return id;
  });
  deps.outbox.announce();
  return retry;
}

/** Cancels a queued message; a link that may have been sent already stops working. @throws {NotFound} {Conflict} unless it is queued. */
export async function cancelMessage(deps: Deps, operator: Operator, message: string): Promise<void> {
  await deps.db.orm.transaction(async (tx) => {
    await admin.cancelMessage(tx, message);
    await note(tx, operator, "message_cancelled", { message });
  });
}

/** One request works for at most this long. What is left then is for another request. */
const BULK_MILLISECONDS = 5_000;

/**
 * Retries or cancels the messages that match and were there when the call began, oldest first.
 * @returns how many were retried or cancelled, and how many are left.
 */
export async function applyToMatching(
  deps: Deps,
  operator: Operator,
  filter: MessageFilter,
  action: bulk.BulkAction,
): Promise<{ readonly done: number; readonly remaining: number }> {
  const [row] = await deps.db.orm.execute<{ now: Date }>(sql`select now()`);
  const startedAt = new Date(row?.now ?? Date.now());
  const until = filter.until && filter.until < startedAt ? filter.until : startedAt;
  const bounded = { ...filter, until };
  const deadline = performance.now() + BULK_MILLISECONDS;
  let done = 0;
  for (;;) {
    const count = await deps.db.orm.transaction(async (tx) => {
      const batch = await bulk.applyToBatch(tx, bounded, action);
      const details = { count: String(batch), filter: JSON.stringify(filter) };
      if (batch > 0) await note(tx, operator, action === "retry" ? "messages_retried" : "messages_cancelled", details);
      return batch;
    });
    done += count;
    if (action === "retry" && count > 0) deps.outbox.announce();
    if (count === 0 || performance.now() > deadline) break;
  }
  return { done, remaining: await bulk.countMatching(deps.db, bounded, action) };
}

export async function pauseMail(deps: Deps, operator: Operator): Promise<void> {
  await deps.db.orm.transaction(async (tx) => {
    await admin.pauseMail(tx, nameOf(operator));
    await note(tx, operator, "mail_paused");
  });
}

export async function resumeMail(deps: Deps, operator: Operator): Promise<void> {
  await deps.db.orm.transaction(async (tx) => {
    await admin.resumeMail(tx);
    await note(tx, operator, "mail_resumed");
  });
  deps.outbox.announce();
}

export async function suppressAddress(
  deps: Deps,
  operator: Operator,
  email: Address,
  words: string | null,
): Promise<void> {
  await deps.db.orm.transaction(async (tx) => {
    await suppression.suppressAddress(tx, email, nameOf(operator), words);
    await note(tx, operator, "address_suppressed", { email });
  });
}

/** @throws {NotFound} */
export async function liftSuppression(deps: Deps, operator: Operator, email: Address): Promise<void> {
  await deps.db.orm.transaction(async (tx) => {
    await suppression.liftSuppression(tx, email);
    await note(tx, operator, "suppression_lifted", { email });
  });
}

const COMMAND_LINE = "command line";

const nameOf = ({ caller }: Operator): string => caller?.username ?? COMMAND_LINE;

const note = (
  tx: Transaction,
  { caller, context }: Operator,
  action: AuditAction,
  details: Record<string, string> = {},
) =>
  recordAudit(tx, {
    ...context,
    action,
    actorId: caller?.userId ?? null,
    subjectId: null,
    details: caller ? details : { ...details, by: COMMAND_LINE },
  });
