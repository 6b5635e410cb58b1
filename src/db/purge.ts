import type { Sql, SqlTransaction } from "./client.ts";
import { eraseBatch } from "./erasure.ts";
import { smallestUuidOf } from "./uuid.ts";

/** The rows of one batch, which is small enough that its locks delay no request noticeably. */
const BATCH = 1_000;
/** There is no reason to keep an address without an account for longer than operators, or the link sent there, need it. */
const UNKNOWN_ADDRESS_HOURS = 24;
/** Any number that nothing else in this database locks. */
const PURGE_LOCK = 0x70757267;

/** How long rows are kept, in days. */
export interface Retention {
  readonly messageDays: number;
  readonly auditDays: number;
}

/**
 * Forgets what is past its time, one batch of each: addresses without an account after 24 hours, also those that a
 * registration's link was sent to and not used; ended messages with their attempts after `messageDays`; tokens and
 * sessions that ended as long ago; counts of wrong passwords when they are over; what deleted accounts left; and the audit
 * after `auditDays`. Emails' bodies were never stored.
 *
 * Rows that another session has locked stay until the next time, so that they hold up nothing else.
 *
 * @returns whether there may be more. False also while another process purges.
 */
export async function purgeBatch(sql: Sql, { messageDays, auditDays }: Retention): Promise<boolean> {
  return await sql.begin(async (tx) => {
    const [lock] = await tx<{ ours: boolean; before: Date }[]>`
      select pg_try_advisory_xact_lock(${PURGE_LOCK}) as ours, now() - make_interval(days => ${messageDays}) as before`;
    if (!lock?.ours) return false;
    // A courier's connection reads by indexes alone, and some of these tables have none that fits.
    await tx`select set_config('enable_seqscan', 'on', true)`;
    const erased = await eraseBatch(tx, BATCH);
    const audited = await purgeAudit(tx, auditDays);
    const results = await Promise.all([
      tx`update message set requested_email = null, recipient = null where id in (
        select id from message where user_id is null and requested_email is not null
          and ended_at < now() - make_interval(hours => ${UNKNOWN_ADDRESS_HOURS}) order by ended_at limit ${BATCH} for update skip locked)`,
      tx`
        with gone as (
          delete from message where id in (
            select id from message where ended_at < now() - make_interval(days => ${messageDays})
            order by ended_at limit ${BATCH} for update skip locked)
          returning id
        ), attempts as (delete from attempt using gone where message_id = gone.id)
        select id from gone`,
      // By the time in the id: a token ends after its message was made, and there is no index by its end.
      tx`delete from one_time_token where message_id in (
        select message_id from one_time_token
        where message_id < ${smallestUuidOf(lock.before)} and expires_at < now() - make_interval(days => ${messageDays})
        order by message_id limit ${BATCH} for update skip locked)`,
      // Few, and found by the index of accounts.
      tx`delete from one_time_token where message_id in (
        select message_id from one_time_token
        where user_id is null and expires_at < now() - make_interval(hours => ${UNKNOWN_ADDRESS_HOURS})
        limit ${BATCH} for update skip locked)`,
      tx`delete from session where id in (
        select id from session where expires_at < now() or revoked_at < now() - make_interval(days => ${messageDays}) limit ${BATCH} for update skip locked)`,
      tx`delete from login_throttle where key in (
        select key from login_throttle where expire < now() limit ${BATCH} for update skip locked)`,
    ]);
    return erased || audited === BATCH || results.some((result) => result.count === BATCH);
  });
}

/**
 * The ids are UUIDv7, so that the bound by id makes use of their index; the bound by time is the database's clock's. The
 * table's trigger lets rows before the announced moment go, and only in this transaction.
 */
async function purgeAudit(tx: SqlTransaction, auditDays: number): Promise<number> {
  const before = smallestUuidOf(new Date(Date.now() - (auditDays - 1) * 86_400_000));
  await tx`select set_config('dundie.audit_before', (now() - make_interval(days => ${auditDays}))::text, true)`;
  const purged = await tx`delete from audit_event where id in (
    select id from audit_event where id < ${before} and at < now() - make_interval(days => ${auditDays})
    order by id limit ${BATCH} for update skip locked)`;
  await tx`select set_config('dundie.audit_before', '', true)`;
  return purged.count;
}
