/** queued -> failed | dropped. Rows that another session has locked stay as they are: nothing here waits for them. */
import { and, eq, sql } from "drizzle-orm";
import type { Sql, SqlTransaction, Transaction } from "../../db/client.ts";
import { FAIL_REASONS, type DropReason, type FailReason, type Reason } from "../../db/states.ts";
import { message } from "../../db/schema.ts";
import type { KindName } from "../kinds.ts";

const stateOf = (reason: Reason): "failed" | "dropped" =>
  (FAIL_REASONS as readonly string[]).includes(reason) ? "failed" : "dropped";

/** Ends messages that are still queued. @returns the ids that were. */
export async function end(
  sql: Sql | SqlTransaction,
  endings: readonly { readonly id: string; readonly reason: Reason; readonly userId?: string | null }[],
): Promise<Set<string>> {
  if (endings.length === 0) return new Set();
  const ended = await sql<{ id: string }[]>`
    with e as (
      select * from unnest(
        ${endings.map(({ id }) => id)}::uuid[],
        ${endings.map(({ reason }) => stateOf(reason))}::text[],
        ${endings.map(({ reason }) => reason)}::text[],
        ${endings.map(({ userId }) => userId ?? null)}::uuid[]
      ) as e (id, state, reason, user_id)
    ), free as (
      select e.* from message m join e using (id) where m.state = 'queued' for no key update of m skip locked
    )
    update message m set state = free.state, reason = free.reason, ended_at = now(), orphaned = false,
      user_id = coalesce(free.user_id, m.user_id)
    from free where m.id = free.id
    returning m.id`;
  return new Set(ended.map((row) => row.id));
}

/** The messages that wait for one account, or for an address that has none. */
export interface Siblings {
  readonly userId: string | null;
  /** The account's address, by which an anonymous request asks for it, or the address that has no account. */
  readonly email: string;
  /** Only messages with a smaller ordinal are ended; undefined: all. */
  readonly before?: number;
  /** True: only messages that have never been prepared for sending. */
  readonly unpreparedOnly?: boolean;
  /** At most this many messages are ended. @default MAX_SIBLINGS */
  readonly max?: number;
}

/** The rows of one statement, which stays far below any time-out with these. The next claim finds what is left. */
export const MAX_SIBLINGS = 5_000;

/**
 * Ends messages of accounts for a reason that holds for each of them: those that are due and, for `superseded`, those
 * that wait for their backoff as well. It is one statement: claims that end ten at a time would hold up the others.
 *
 * @param kind null: every kind.
 */
export async function endSiblings(
  tx: SqlTransaction,
  kind: KindName | null,
  siblings: readonly Siblings[],
  reason: DropReason,
): Promise<void> {
  if (siblings.length === 0) return;
  await tx`
    with free as (${freeSiblings(tx, kind, siblings)}
      and (m.due_at <= now() or ${reason} = 'superseded')
      -- It has been charged already.
      and (m.unknowns = 0 or ${reason} <> 'rate_limited')
      for no key update of m skip locked)
    update message m set state = 'dropped', reason = ${reason}, ended_at = now(), orphaned = false,
      user_id = coalesce(free.account, m.user_id)
    from free where m.id = free.id`;
}

/** Lets the due messages of accounts rest, for a cause that holds for each. The state stays `queued`. */
export async function postponeSiblings(
  tx: SqlTransaction,
  kind: KindName | null,
  siblings: readonly Siblings[],
  delaySeconds: number,
): Promise<void> {
  if (siblings.length === 0) return;
  await tx`
    with free as (${freeSiblings(tx, kind, siblings)} and m.due_at <= now() for no key update of m skip locked)
    update message m set due_at = now() + make_interval(secs => ${delaySeconds}) from free where m.id = free.id`;
}

function freeSiblings(tx: SqlTransaction, kind: KindName | null, siblings: readonly Siblings[]) {
  // As a condition only where there is one: a plan for either could not look it up in an index.
  const ofKind = kind === null ? tx`` : tx`and kind = ${kind}`;
  return tx`
    select m.id, s.user_id as account
    from unnest(
      ${siblings.map(({ userId }) => userId)}::uuid[],
      ${siblings.map(({ email }) => email)}::text[],
      ${siblings.map(({ before }) => before ?? null)}::bigint[],
      ${siblings.map(({ max = MAX_SIBLINGS }) => max)}::int[],
      ${siblings.map(({ unpreparedOnly }) => (unpreparedOnly ? 1 : 0))}::int[]
    ) as s (user_id, email, before, max, unprepared) cross join lateral (
      select id from message where user_id = s.user_id and ended_at is null and state = 'queued'
        ${ofKind} and (s.before is null or ordinal < s.before)
      union all
      select id from message where requested_email = s.email and user_id is null and state = 'queued'
        ${ofKind} and (s.before is null or ordinal < s.before)
      limit s.max
    ) one cross join lateral (
      -- OFFSET 0 keeps it a lookup by key for each row: a plan made while the table was empty could read all that is
      -- queued for each.
      select * from message where id = one.id and state = 'queued' offset 0
    ) m where (s.unprepared = 0 or m.dated_at is null)`;
}

/**
 * Ends what outlived its message lifetime without being claimed: during an outage, or while mail is paused. In the
 * order of its index, else the planner reads all of history for it.
 *
 * @returns how many.
 */
export async function endExpired(sql: Sql): Promise<number> {
  const expired = await sql`
    with free as (
      select id from message where state = 'queued' and expires_at <= now()
      order by expires_at limit 500 for no key update skip locked
    )
    update message m set state = 'failed', reason = 'expired', ended_at = now(), orphaned = false
    from free where m.id = free.id`;
  return expired.count;
}

/**
 * Ends a queued or leased message whose outcome cannot be recorded. The statement touches none of the columns and rows
 * that may be at fault.
 *
 * @param held with `leaseId`, a message that is held under another lease by now is left alone, unless it was accepted.
 * @param accepted the SMTP server took it: it is `sent` even so.
 */
export async function endUnrecordable(
  sql: Sql,
  held: { readonly id: string; readonly leaseId?: string },
  accepted = false,
): Promise<void> {
  const reason: FailReason | null = accepted ? null : "unrecordable";
  await sql`
    update message set state = ${accepted ? "sent" : "failed"}, reason = ${reason}, ended_at = now(), orphaned = false,
      lease_id = null, lease_expires_at = null, courier_id = null
    where id = ${held.id} and state in ('queued', 'sending')
      and (${accepted} or lease_id is not distinct from coalesce(${held.leaseId ?? null}::uuid, lease_id))`;
}

/** How long what the database refuses for an unclear cause is tried again before its message ends, in milliseconds. */
export const UNCLEAR_PATIENCE_MS = 5 * 60_000;

/** Ends a queued message for an operator, in the caller's transaction. @returns whether it was queued. */
export async function cancelQueued(tx: Transaction, id: string): Promise<boolean> {
  const ended = await tx
    .update(message)
    .set({ state: "dropped", reason: "cancelled", endedAt: sql`now()`, orphaned: false })
    .where(and(eq(message.id, id), eq(message.state, "queued")))
    .returning({ id: message.id });
  return ended.length === 1;
}

/** Ends the queued messages of a kind, for one that takes their place, in the caller's transaction. */
export async function supersedeQueued(tx: Transaction, userId: string, kind: KindName): Promise<void> {
  await tx
    .update(message)
    .set({ state: "dropped", reason: "superseded", endedAt: sql`now()`, orphaned: false })
    .where(and(eq(message.userId, userId), eq(message.kind, kind), eq(message.state, "queued")));
}
