/** Reads queued messages under lock. The transaction that picked them ends, postpones or leases each of them. */
import type { Address } from "../../addresses.ts";
import type { Sql, SqlTransaction } from "../../db/client.ts";
import { LANES, type KindName, type Locale } from "../kinds.ts";

/** A queued message as a courier reads it, before it is prepared. */
export interface QueuedMessage {
  readonly id: string;
  /** Its place among all messages and changes of credentials. */
  readonly ordinal: number;
  readonly kind: KindName;
  readonly lane: number;
  readonly requestedEmail: Address | null;
  readonly userId: string | null;
  readonly localeHint: string | null;
  readonly clientIp: string | null;
  readonly clientBrowser: string | null;
  readonly props: Record<string, string> | null;
  readonly traceparent: string | null;
  readonly recipient: Address | null;
  readonly recipientName: string | null;
  readonly locale: Locale | null;
  readonly mailerVersion: number | null;
  readonly keyId: string | null;
  readonly datedAt: Date | null;
  readonly linkExpiresAt: Date | null;
  readonly tries: number;
  readonly unknowns: number;
  readonly renderErrors: number;
  readonly crashes: number;
  readonly dueAt: Date;
  readonly createdAt: Date;
  /** How long ago it was committed when its claim began, by the clock of the database. */
  readonly ageSeconds: number;
  readonly expired: boolean;
}

/**
 * A message that may be sent: what prepare pinned is the same for every copy that may be out. Date and link move forward
 * while no copy can be.
 */
export interface PreparedMessage extends QueuedMessage {
  /** Null: an email to an address that has no account, the link of a registration. */
  readonly userId: string | null;
  readonly recipient: Address;
  readonly recipientName: string;
  readonly locale: Locale;
  readonly mailerVersion: number;
  readonly datedAt: Date;
  /** Set when the email is rendered for an operator only: its link opens nothing. */
  readonly preview?: true;
}

/** A message that a courier holds, and no other may send. */
export interface LeasedMessage extends PreparedMessage {
  readonly leaseId: string;
}

/** How many messages a claim may take. */
export interface Slots {
  /** Emails of the security and account lanes. */
  readonly ordinary: number;
  /** Emails of the bulk lane. */
  readonly bulk: number;
}

/**
 * Locks what is due, lane by lane, oldest first. Orphaned messages are not among them: see `pickOrphan`.
 * @param setAside ids that this courier leaves alone.
 */
export async function pick(
  tx: SqlTransaction,
  slots: Slots,
  setAside: readonly string[] = [],
): Promise<QueuedMessage[]> {
  // The columns are read by the locking selects themselves: a select around them would see the snapshot's version of a
  // row that another courier has just settled, and pin its Date anew while a copy is out.
  const due = (lane: number, limit: number) => tx`
    select ${queuedColumns(tx)} from message
    where state = 'queued' and lane = ${lane} and due_at <= now() and not orphaned
      and id <> all(${setAside as string[]}::uuid[])
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

/** Locks the orphaned message that is due first: such a message is prepared and handed over alone. */
export async function pickOrphan(tx: SqlTransaction, setAside: readonly string[] = []): Promise<QueuedMessage[]> {
  return await tx<QueuedMessage[]>`
    select ${queuedColumns(tx)} from message
    where state = 'queued' and orphaned and due_at <= now() and id <> all(${setAside as string[]}::uuid[])
      and not exists (select 1 from mail_control where paused_at is not null)
    order by lane, due_at limit 1 for update skip locked`;
}

/** Locks one message, if it is still queued: for a batch that failed and runs again row by row. */
export async function pickOne(tx: SqlTransaction, id: string): Promise<QueuedMessage[]> {
  return await tx<QueuedMessage[]>`
    select ${queuedColumns(tx)} from message where id = ${id} and state = 'queued' for update skip locked`;
}

/** What `QueuedMessage` is read from. */
export const queuedColumns = (sql: Sql | SqlTransaction) => sql`
  id, ordinal::float8, kind, lane, requested_email "requestedEmail", user_id "userId", locale_hint "localeHint",
  client_ip "clientIp", client_browser "clientBrowser", props, traceparent, recipient, recipient_name "recipientName", locale,
  mailer_version "mailerVersion", key_id "keyId", dated_at "datedAt", link_expires_at "linkExpiresAt",
  tries, unknowns, render_errors "renderErrors", crashes, due_at "dueAt", created_at "createdAt",
  extract(epoch from now() - created_at)::float8 "ageSeconds",
  expires_at <= now() as expired`;
