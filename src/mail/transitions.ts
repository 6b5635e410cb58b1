/**
 * Every change of a message's state is made here, and nowhere else:
 *
 *   (outbox) -> queued -> lease -> sending -> settle -> queued | sent | failed
 *                  \-> end, cancelQueued -> failed | dropped
 *
 * `end` closes what is queued; `settle` records what became of a lease, and matches its id, so that a courier that
 * was stopped and resumed cannot overwrite what another recorded.
 */
import { and, eq, sql } from "drizzle-orm";
import type { Sql, SqlTransaction, Transaction } from "../db/client.ts";
import { message } from "../db/schema.ts";
import { LANES, type KindName, type Locale } from "./kinds.ts";
import { settlementOf, type DropReason, type FailReason, type Outcome } from "./outcome.ts";

/** A queued message as a courier reads it, before it is prepared. */
export interface QueuedMessage {
  readonly id: string;
  readonly kind: KindName;
  readonly lane: number;
  readonly requestedEmail: string | null;
  readonly userId: string | null;
  readonly localeHint: string | null;
  readonly clientIp: string | null;
  readonly clientBrowser: string | null;
  readonly props: Record<string, string> | null;
  readonly recipient: string | null;
  readonly recipientName: string | null;
  readonly locale: Locale | null;
  readonly mailerVersion: number | null;
  readonly keyId: string | null;
  readonly datedAt: Date | null;
  readonly linkExpiresAt: Date | null;
  readonly attempts: number;
  readonly tries: number;
  readonly unknowns: number;
  readonly renderErrors: number;
  readonly dueAt: Date;
  readonly createdAt: Date;
  readonly expired: boolean;
}

export interface Slots {
  /** Emails of the security and account lanes. */
  readonly ordinary: number;
  /** Emails of the bulk lane. */
  readonly bulk: number;
}

/**
 * Locks what is due, lane by lane, oldest first. The locks last as long as the transaction: it must end in `lease`,
 * `end` or `postpone` for each row.
 *
 * Suspects, whose last attempt ended with its courier, are not among them: see `pickSuspect`.
 */
export async function pick(tx: SqlTransaction, slots: Slots): Promise<QueuedMessage[]> {
  // The columns are read by the locking selects themselves: a select around them would see the snapshot's version of a
  // row that another courier has just settled, and pin its Date anew while a copy is out.
  const due = (lane: number, limit: number) => tx`
    select ${queuedColumns(tx)} from message
    where state = 'queued' and lane = ${lane} and due_at <= now() and not orphaned
    order by due_at limit ${limit} for update skip locked`;
  return await tx<QueuedMessage[]>`
    with security as (${due(LANES.security, slots.ordinary)}),
      account as (${due(LANES.account, slots.ordinary)}),
      bulk as (${due(LANES.bulk, slots.bulk)}),
      due as (select * from security union all select * from account union all select * from bulk)
    select * from due where not exists (select 1 from mail_control where paused_at is not null)
    order by lane, "dueAt"
    limit ${Math.max(slots.ordinary, slots.bulk)}`;
}

/** Whatever killed its courier may be in this email: it is sent alone, so that it takes nobody along. */
export async function pickOrphan(tx: SqlTransaction): Promise<QueuedMessage[]> {
  return await tx<QueuedMessage[]>`
    select ${queuedColumns(tx)} from message
    where state = 'queued' and orphaned and due_at <= now()
      and not exists (select 1 from mail_control where paused_at is not null)
    order by lane, due_at limit 1 for update skip locked`;
}

/** One message by its id, if it is still queued and due: for a batch that failed and runs again row by row. */
export async function pickOne(tx: SqlTransaction, id: string): Promise<QueuedMessage[]> {
  return await tx<QueuedMessage[]>`
    select ${queuedColumns(tx)} from message where id = ${id} and state = 'queued' for update skip locked`;
}

/** What `QueuedMessage` is read from. */
export const queuedColumns = (sql: Sql | SqlTransaction) => sql`
  id, kind, lane, requested_email "requestedEmail", user_id "userId", locale_hint "localeHint", client_ip "clientIp",
  client_browser "clientBrowser", props, recipient, recipient_name "recipientName", locale,
  mailer_version "mailerVersion", key_id "keyId", dated_at "datedAt", link_expires_at "linkExpiresAt",
  attempts, tries, unknowns, render_errors "renderErrors", due_at "dueAt", created_at "createdAt",
  expires_at <= now() as expired`;

/** What prepare pins: the same for every copy that may be out. */
export interface Pinned {
  readonly id: string;
  readonly userId: string;
  readonly recipient: string;
  readonly recipientName: string;
  readonly locale: Locale;
  readonly mailerVersion: number;
  readonly keyId: string | null;
  readonly datedAt: Date;
  readonly linkExpiresAt: Date | null;
  readonly tries: number;
}

/** How long a courier may be silent before its emails are taken over. */
export const LEASE_SECONDS = 30;

/** queued -> sending, with its attempt row: durable before the first byte goes out. */
export async function lease(
  tx: SqlTransaction,
  leaseId: string,
  courierId: string,
  messages: readonly Pinned[],
): Promise<void> {
  if (messages.length === 0) return;
  await tx`
    with leased as (
      update message m set
        state = 'sending', lease_id = ${leaseId}, lease_expires_at = now() + make_interval(secs => ${LEASE_SECONDS}),
        courier_id = ${courierId}, attempts = m.attempts + 1, orphaned = false,
        user_id = p.user_id, recipient = p.recipient, recipient_name = p.recipient_name, locale = p.locale,
        mailer_version = p.mailer_version, key_id = p.key_id, dated_at = p.dated_at,
        link_expires_at = p.link_expires_at, tries = p.tries
      from unnest(
        ${messages.map((message) => message.id)}::uuid[],
        ${messages.map((message) => message.userId)}::uuid[],
        ${messages.map((message) => message.recipient)}::text[],
        ${messages.map((message) => message.recipientName)}::text[],
        ${messages.map((message) => message.locale)}::text[],
        ${messages.map((message) => message.mailerVersion)}::int[],
        ${messages.map((message) => message.keyId)}::text[],
        ${messages.map((message) => message.datedAt.toISOString())}::timestamptz[],
        ${messages.map((message) => message.linkExpiresAt?.toISOString() ?? null)}::timestamptz[],
        ${messages.map((message) => message.tries)}::int[]
      ) as p (id, user_id, recipient, recipient_name, locale, mailer_version, key_id, dated_at, link_expires_at, tries)
      where m.id = p.id and m.state = 'queued'
      returning m.id, m.attempts
    )
    insert into attempt (message_id, number, lease_id, courier_id)
    select id, attempts, ${leaseId}, ${courierId} from leased`;
}

/** queued -> sending for a message that could not be prepared: it gets an attempt that says why, and no email. */
export async function leaseUnprepared(
  tx: SqlTransaction,
  leaseId: string,
  courierId: string,
  id: string,
): Promise<void> {
  await tx`
    with leased as (
      update message set state = 'sending', lease_id = ${leaseId}, courier_id = ${courierId}, attempts = attempts + 1,
        lease_expires_at = now() + make_interval(secs => ${LEASE_SECONDS})
      where id = ${id} and state = 'queued' returning id, attempts
    )
    insert into attempt (message_id, number, lease_id, courier_id)
    select id, attempts, ${leaseId}, ${courierId} from leased`;
}

/** Keeps leases alive. @returns the ids that are still ours; what is missing has been taken over. */
export async function renew(sql: Sql, courierId: string, leaseIds: readonly string[]): Promise<Set<string>> {
  const rows = await sql<{ id: string }[]>`
    update message set lease_expires_at = now() + make_interval(secs => ${LEASE_SECONDS})
    where state = 'sending' and courier_id = ${courierId} and lease_id = any(${leaseIds as string[]}::uuid[])
    returning id`;
  return new Set(rows.map((row) => row.id));
}

/** A message that a courier holds. */
export interface Leased {
  readonly id: string;
  readonly leaseId: string;
  readonly kind: KindName;
  readonly tries: number;
  readonly unknowns: number;
  readonly renderErrors: number;
}

export interface Ended {
  readonly lease: Leased;
  readonly outcome: Outcome;
  /** Its courier died with it: due at once, and alone. */
  readonly orphaned?: boolean;
}

/**
 * Records outcomes under their leases: message state and attempt row in one statement.
 * @returns the ids that were recorded; for the others the lease had been lost, and another courier's word stands.
 */
export async function settle(sql: Sql | SqlTransaction, ended: readonly Ended[]): Promise<Set<string>> {
  const rows = ended.map(({ lease, outcome, orphaned = false }) => {
    const settlement = settlementOf(lease, outcome, Math.random());
    return { lease, outcome, orphaned, ...settlement, delaySeconds: orphaned ? 0 : settlement.delaySeconds };
  });
  const reply = (outcome: Outcome) => (outcome.type === "released" ? null : outcome);
  const settled = await sql<{ id: string }[]>`
    with verdict as (
      select * from unnest(
        ${rows.map((row) => row.lease.id)}::uuid[],
        ${rows.map((row) => row.lease.leaseId)}::uuid[],
        ${rows.map((row) => row.state)}::text[],
        ${rows.map((row) => row.reason)}::text[],
        ${rows.map((row) => row.delaySeconds)}::float8[],
        ${rows.map((row) => row.tries)}::int[],
        ${rows.map((row) => row.unknowns)}::int[],
        ${rows.map((row) => row.renderErrors)}::int[],
        ${rows.map((row) => Number(row.orphaned))}::int[],
        ${rows.map((row) => row.outcome.type)}::text[],
        ${rows.map((row) => reply(row.outcome)?.phase ?? null)}::text[],
        ${rows.map((row) => reply(row.outcome)?.code ?? null)}::int[],
        ${rows.map((row) => reply(row.outcome)?.reply ?? null)}::text[]
      ) as v (id, lease_id, state, reason, delay, tries, unknowns, render_errors, orphaned, outcome, phase, code, reply)
    ), settled as (
      update message m set
        state = v.state, reason = v.reason, tries = v.tries, unknowns = v.unknowns, render_errors = v.render_errors,
        orphaned = v.orphaned = 1 and v.state = 'queued',
        due_at = case when v.delay is null then m.due_at
                      -- Within the lifetime: at its end the claim finds it and says "expired".
                      else least(now() + make_interval(secs => v.delay), m.expires_at) end,
        lease_id = null, lease_expires_at = null, courier_id = null,
        ended_at = case when v.state = 'queued' then null else now() end
      from verdict v
      -- A lease is held exactly while "sending" (the check message_lease): to say so here would only offer the planner
      -- an index of all leases.
      where m.id = v.id and m.lease_id = v.lease_id
      returning m.id, m.attempts, v.outcome, v.phase, v.code, v.reply
    ), recorded as (
      update attempt a set ended_at = now(), outcome = s.outcome, phase = s.phase, code = s.code, reply = s.reply
      from settled s where a.message_id = s.id and a.number = s.attempts
    )
    select id from settled`;
  return new Set(settled.map((row) => row.id));
}

/** Closes messages that are still queued. @returns the ids that were. */
export async function end(
  sql: Sql | SqlTransaction,
  endings: readonly {
    readonly id: string;
    readonly reason: DropReason | FailReason;
    readonly userId?: string | null;
  }[],
): Promise<Set<string>> {
  if (endings.length === 0) return new Set();
  const ended = await sql<{ id: string }[]>`
    update message m set
      state = case when e.reason in ('rejected', 'expired', 'unconfirmed', 'render_error', 'key_retired')
                   then 'failed' else 'dropped' end,
      reason = e.reason, ended_at = now(), user_id = coalesce(e.user_id, m.user_id), orphaned = false
    from unnest(
      ${endings.map((ending) => ending.id)}::uuid[],
      ${endings.map((ending) => ending.reason)}::text[],
      ${endings.map((ending) => ending.userId ?? null)}::uuid[]
    ) as e (id, reason, user_id)
    where m.id = e.id and m.state = 'queued'
    returning m.id`;
  return new Set(ended.map((row) => row.id));
}

/** Moves a queued message to a later time, with the backoff it takes over. The state stays. */
export async function postpone(
  tx: SqlTransaction,
  messages: readonly {
    readonly id: string;
    readonly dueAt: Date;
    readonly tries: number;
    readonly userId: string | null;
  }[],
): Promise<void> {
  if (messages.length === 0) return;
  await tx`
    update message m set due_at = p.due_at, tries = p.tries, user_id = coalesce(p.user_id, m.user_id)
    from unnest(
      ${messages.map((message) => message.id)}::uuid[],
      ${messages.map((message) => message.dueAt.toISOString())}::timestamptz[],
      ${messages.map((message) => message.tries)}::int[],
      ${messages.map((message) => message.userId)}::uuid[]
    ) as p (id, due_at, tries, user_id)
    where m.id = p.id and m.state = 'queued'`;
}

/**
 * Takes over the emails of couriers that went silent: their attempt has no end, so its outcome is unknown.
 * @returns how many.
 */
export async function reclaim(sql: Sql): Promise<number> {
  return await sql.begin(async (tx) => {
    const orphans = await tx<Leased[]>`
      select id, lease_id "leaseId", kind, tries, unknowns, render_errors "renderErrors" from message
      where state = 'sending' and lease_expires_at < now()
      order by lease_expires_at limit 500 for update skip locked`;
    if (orphans.length === 0) return 0;
    const outcome = { type: "unknown", phase: null, code: null, reply: "the courier went silent" } as const;
    return (
      await settle(
        tx,
        orphans.map((lease) => ({ lease, outcome, orphaned: true })),
      )
    ).size;
  });
}

/**
 * Ends what outlived its message lifetime without being claimed: during an outage, or while mail is paused. In the
 * order of its index, else the planner reads all of history for it.
 */
export async function endExpired(sql: Sql): Promise<number> {
  const expired = await sql<{ id: string }[]>`
    select id from message where state = 'queued' and expires_at <= now() order by expires_at limit 500`;
  return (
    await end(
      sql,
      expired.map(({ id }) => ({ id, reason: "expired" as const })),
    )
  ).size;
}

/** Ends a queued message for an operator, in the caller's transaction. @returns whether it was queued. */
export async function cancelQueued(tx: Transaction, id: string): Promise<boolean> {
  const ended = await tx
    .update(message)
    .set({ state: "dropped", reason: "cancelled", endedAt: sql`now()`, orphaned: false })
    .where(and(eq(message.id, id), eq(message.state, "queued")))
    .returning({ id: message.id });
  return ended.length === 1;
}
