/** Accounts, queues and histories, made by SQL: the bench measures what becomes of them, not how they come. */
import type { Sql } from "../src/db/client.ts";

/** Accounts whose addresses are the generator's `addressOf(0)` and onwards; none has a password. */
export async function makeAccounts(sql: Sql, count: number): Promise<void> {
  await sql`
    insert into "user" (id, email, username, name, dept, created_at)
    select uuidv7(), name || '@example.com', name, initcap(name), 'sales', now() - interval '60 days'
    from (select 'known' || lpad(n::text, 6, '0') as name from generate_series(0, ${count - 1}::int) n) as names`;
  await sql`analyze "user"`;
}

/** Resets as `accept` writes them, for distinct accounts. @param from the first account's number. */
export async function queueResets(sql: Sql, count: number, from = 0): Promise<void> {
  await sql`
    insert into message (id, kind, lane, requested_email, locale_hint, client_ip, request_id, expires_at)
    select uuidv7(), 'password_reset', 0, 'known' || lpad(n::text, 6, '0') || '@example.com', 'en', '127.0.0.1',
      gen_random_uuid()::text, now() + interval '2 hours'
    from generate_series(${from}::int, ${from + count - 1}::int) n`;
}

/**
 * Resets that were sent, with their attempts and tokens, spread over the accounts and the last four weeks.
 * @param past how many of them have outlived their retention, so that a purge finds them.
 */
export async function makeHistory(sql: Sql, count: number, accounts: number, past = 0): Promise<void> {
  if (count === 0) return;
  await sql.begin(async (tx) => {
    await tx`
      create temporary table old on commit drop as
      select uuidv7(-age) as id, u.id as user_id, u.email, now() - age as at
      from (select n, case when n <= ${past}::int then interval '40 days' + n * interval '1 second'
                           else interval '1 day' + (n % 27) * interval '1 day' + n * interval '10 milliseconds' end as age
            from generate_series(1, ${count}::int) n) as ages
      join (select id, email, row_number() over () - 1 as place from "user") u on u.place = n % ${accounts}::int`;
    await tx`
      insert into message (id, kind, lane, state, requested_email, user_id, locale_hint, recipient, recipient_name,
        locale, mailer_version, key_id, dated_at, link_expires_at, attempts, tries, due_at, expires_at, created_at, ended_at)
      select id, 'password_reset', 0, 'sent', email, user_id, 'en', email, 'Known', 'en', 1, 'old', at,
        at + interval '10 minutes', 1, 1, at, at + interval '2 hours', at, at from old`;
    await tx`
      insert into attempt (message_id, number, lease_id, courier_id, started_at, ended_at, outcome, phase, code, reply)
      select id, 1, id, id, at, at, 'sent', 'reply', 250, '250 Ok' from old`;
    await tx`
      insert into one_time_token (message_id, digest, purpose, user_id, sent_to, key_id, created_at, expires_at)
      select id, sha256(id::text::bytea), 'password_reset', user_id, email, 'old', at, at + interval '10 minutes'
      from old`;
  });
}

/** As new, but for the accounts and the history: `sent` emails of this run count as none. */
export async function emptyOutbox(sql: Sql): Promise<void> {
  await sql`truncate message, attempt, one_time_token, courier`;
}

/**
 * Every sample begins behind a checkpoint, so that none pays for the pages of another, and with statistics as
 * autovacuum would have made them.
 */
export async function settleDown(sql: Sql): Promise<void> {
  await sql`vacuum analyze message, attempt, one_time_token`;
  await sql`checkpoint`;
}
