/** queued -> sending, and what keeps a message there. */
import type { Sql, SqlTransaction } from "../../db/client.ts";
import type { Phase } from "../../db/states.ts";
import type { PreparedMessage } from "./queued.ts";

/** How long a courier may be silent before its emails are taken over. */
export const LEASE_SECONDS = 30;

/**
 * Counted from the statement and not from the transaction's start (`now()`): a transaction that waited for a lock would
 * otherwise hand out a lease that is half over.
 */
const leaseEnd = (sql: Sql | SqlTransaction) => sql`clock_timestamp() + make_interval(secs => ${LEASE_SECONDS})`;

/** The largest `integer`. */
const MAX_NUMBER = 2_147_483_647;

/**
 * The next attempt's number. Rows that are there already count, even where the message's counter does not know of them;
 * at the type's limit the last row is written anew.
 */
const nextNumber = (sql: Sql | SqlTransaction) => sql`
  least(greatest(m.attempts, coalesce((select max(a.number) from attempt a where a.message_id = m.id), 0)),
    ${MAX_NUMBER - 1}) + 1`;

/** Inserts the attempts of `leased (id, attempts)`. */
const insertAttempts = (sql: Sql | SqlTransaction, leaseId: string, courierId: string) => sql`
  insert into attempt (message_id, number, lease_id, courier_id)
  select id, attempts, ${leaseId}, ${courierId} from leased
  on conflict (message_id, number) do update set lease_id = excluded.lease_id, courier_id = excluded.courier_id,
    started_at = now(), ended_at = null, outcome = null, phase = null, code = null, reply = null`;

/** queued -> sending, with its attempt row: durable before the first byte goes out. Call it last in its transaction. */
export async function lease(
  tx: SqlTransaction,
  leaseId: string,
  courierId: string,
  messages: readonly PreparedMessage[],
): Promise<void> {
  if (messages.length === 0) return;
  await tx`
    with leased as (
      update message m set
        state = 'sending', lease_id = ${leaseId}, lease_expires_at = ${leaseEnd(tx)},
        courier_id = ${courierId}, attempts = ${nextNumber(tx)}, orphaned = false,
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
    ) ${insertAttempts(tx, leaseId, courierId)}`;
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
      update message m set state = 'sending', lease_id = ${leaseId}, courier_id = ${courierId},
        attempts = ${nextNumber(tx)}, lease_expires_at = ${leaseEnd(tx)}
      where id = ${id} and state = 'queued' returning id, attempts
    ) ${insertAttempts(tx, leaseId, courierId)}`;
}

export interface Renewal {
  /** Ids whose lease now ends later. */
  readonly renewed: ReadonlySet<string>;
  /**
   * Ids that are still ours, but whose rows another session has locked. No other courier can take such a message over
   * before that lock ends; from then on its lease may be over: try again soon.
   */
  readonly locked: ReadonlySet<string>;
}

/** Extends leases. An id that is in neither set has been taken over. */
export async function renew(sql: Sql, courierId: string, leaseIds: readonly string[]): Promise<Renewal> {
  const rows = await sql<{ id: string; renewed: boolean }[]>`
    with ours as (
      select id from message
      where state = 'sending' and courier_id = ${courierId} and lease_id = any(${leaseIds as string[]}::uuid[])
    ), free as (
      select m.id from message m join ours using (id)
      where m.courier_id = ${courierId} and m.lease_id = any(${leaseIds as string[]}::uuid[])
      for no key update of m skip locked
    ), renewed as (
      update message m set lease_expires_at = ${leaseEnd(sql)} from free where m.id = free.id returning m.id
    )
    select ours.id, renewed.id is not null as renewed from ours left join renewed using (id)`;
  const idsOf = (wanted: boolean) => new Set(rows.flatMap(({ id, renewed }) => (renewed === wanted ? [id] : [])));
  return { renewed: idsOf(true), locked: idsOf(false) };
}

/**
 * Records what messages wait for, so that it is known if this courier stops: a message that waits for the server harms
 * no process. To be called, for example once a second, for those that have waited for longer.
 */
export async function recordPhases(
  sql: Sql,
  waiting: readonly { readonly id: string; readonly leaseId: string; readonly phase: Phase }[],
): Promise<void> {
  if (waiting.length === 0) return;
  await sql`
    with free as (
      select a.message_id, a.number, w.phase
      from attempt a join unnest(
        ${waiting.map(({ id }) => id)}::uuid[],
        ${waiting.map(({ leaseId }) => leaseId)}::uuid[],
        ${waiting.map(({ phase }) => phase)}::text[]
      ) as w (id, lease_id, phase) on a.message_id = w.id and a.lease_id = w.lease_id
      where a.outcome is null and a.phase is distinct from w.phase
      for no key update of a skip locked
    )
    update attempt a set phase = free.phase from free where a.message_id = free.message_id and a.number = free.number`;
}
