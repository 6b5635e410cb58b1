/** What a deleted account leaves behind, blanked a batch at a time. */
import type { SqlTransaction } from "./client.ts";

/** The accounts of one batch. */
const ACCOUNTS = 10;

/**
 * Blanks what is personal in the rows of accounts that were deleted: addresses, names and servers' replies in ended
 * messages; address and browser in the audit, where the account or an unknown person acted. What happened, when, and to
 * which account stays. A message that is still under way is blanked after it has ended.
 *
 * @param batch the rows of each table that are changed at most.
 * @returns whether there may be more.
 */
export async function eraseBatch(tx: SqlTransaction, batch: number): Promise<boolean> {
  // Accounts whose last emails are under way are left out: while mail is paused, they would be the first ones for hours.
  const accounts = await tx<{ userId: string }[]>`
    select user_id "userId" from erasure e
    where not exists (select from message where user_id = e.user_id and ended_at is null)
      or exists (select from message m where user_id = e.user_id and ended_at is not null and ${isPersonal(tx)})
      or exists (select from audit_event a where ${isOwnPlace(tx)})
    order by requested_at limit ${ACCOUNTS} for update skip locked`;
  if (accounts.length === 0) return false;
  const ids = accounts.map(({ userId }) => userId);
  // The trigger of the table lets nothing through but this, and only in this transaction.
  await tx`select set_config('dundie.audit', 'blank', true)`;
  const [messages, events] = await Promise.all([
    tx`
      with personal as (
        select id from message where user_id = any(${ids}::uuid[]) and ended_at is not null
          and num_nonnulls(requested_email, recipient, recipient_name, client_ip, client_browser, props) > 0
        limit ${batch} for update skip locked
      ), replies as (
        update attempt set reply = null where message_id in (select id from personal) and reply is not null
      )
      update message set requested_email = null, recipient = null, recipient_name = null, client_ip = null,
        client_browser = null, props = null
      where id in (select id from personal)`,
    tx`
      update audit_event set ip = null, browser = null where id in (
        select id from audit_event
        where (actor_id = any(${ids}::uuid[]) or (actor_id is null and subject_id = any(${ids}::uuid[])))
          and num_nonnulls(ip, browser) > 0
        limit ${batch} for update skip locked)`,
  ]);
  await tx`select set_config('dundie.audit', '', true)`;
  await tx`
    delete from erasure e where user_id = any(${ids}::uuid[])
      and not exists (select from message m where m.user_id = e.user_id and (m.ended_at is null or ${isPersonal(tx)}))
      and not exists (select from audit_event a where ${isOwnPlace(tx)})`;
  return accounts.length === ACCOUNTS || messages.count === batch || events.count === batch;
}

/** Of a message `m`. */
const isPersonal = (tx: SqlTransaction) => tx`
  num_nonnulls(m.requested_email, m.recipient, m.recipient_name, m.client_ip, m.client_browser, m.props) > 0`;

/** Of an event `a`, for an erasure `e`. */
const isOwnPlace = (tx: SqlTransaction) => tx`
  num_nonnulls(a.ip, a.browser) > 0 and (a.actor_id = e.user_id or (a.actor_id is null and a.subject_id = e.user_id))`;
