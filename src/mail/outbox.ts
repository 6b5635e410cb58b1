/**
 * The outbox: the table written before the answer. This file alone writes a message's `state`:
 *
 *   accept / enqueue -> queued -> lease -> sending -> settle -> queued | sent | failed
 *                          \-> end -> failed | dropped
 *
 * `end` closes what is queued; `settle` records what became of a lease, and matches its id, so that a courier that
 * was stopped and resumed cannot overwrite what another recorded.
 */
import { and, eq, sql } from "drizzle-orm";
import type { Orm, Sql, SqlTransaction, Transaction } from "../db/client.ts";
import { isConnectionError } from "../db/errors.ts";
import { message } from "../db/schema.ts";
import { groupCommit } from "./group-commit.ts";
import { KINDS, LANES, type KindName, type Lane, type Locale } from "./kinds.ts";
import { settlementOf, type DropReason, type FailReason, type Outcome } from "./outcome.ts";

/** Who asked: an address and a browser family, as the letter may name them. */
export interface Client {
  readonly ip: string | null;
  readonly browser: string | null;
}

/** A request by somebody we do not know: no account is looked up for it here. */
export interface AnonymousRequest {
  readonly kind: KindName;
  /** Normalised (`accounts/addresses.ts`). */
  readonly email: string;
  readonly locale: Locale;
  readonly client: Client;
  readonly requestId: string | null;
}

export interface Outbox {
  /**
   * Resolves when the request is committed, and waits for nothing else.
   * @throws {Unavailable} when the database does not commit it in 5 s, or 5,000 wait already.
   */
  accept(request: AnonymousRequest): Promise<void>;
  /** To be called after a transaction that used `enqueue` has committed: wakes the couriers here and elsewhere. */
  announce(): void;
}

/** More would exceed nothing, but a longer statement makes the first of the batch wait for the last. */
const MAX_ROWS_PER_STATEMENT = 500;
const MAX_WAITING = 5_000;
const ACCEPT_TIMEOUT_MS = 5_000;

/**
 * @param nudge wakes the courier of this process; called in a microtask once per commit. It may only post a message:
 *   microtasks run before the response is flushed.
 */
export function createOutbox(sql: Sql, nudge: () => void): Outbox {
  const notify = createNotifier(sql);
  const announce = (): void => {
    queueMicrotask(nudge);
    notify();
  };
  const commit = groupCommit<AnonymousRequest & { readonly id: string }>({
    maxBatch: MAX_ROWS_PER_STATEMENT,
    maxWaiting: MAX_WAITING,
    timeoutMs: ACCEPT_TIMEOUT_MS,
    async write(rows) {
      try {
        await insertRequests(sql, rows);
      } catch (error) {
        if (!isConnectionError(error)) throw error;
        // It may have been committed before the connection went: the same ids make a second insert harmless.
        await insertRequests(sql, rows);
      }
      announce();
    },
  });
  return { accept: (request) => commit({ ...request, id: Bun.randomUUIDv7() }), announce };
}

async function insertRequests(sql: Sql, rows: readonly (AnonymousRequest & { readonly id: string })[]): Promise<void> {
  const column = <T>(value: (row: (typeof rows)[number]) => T): T[] => rows.map(value);
  await sql`
    insert into message (id, kind, lane, requested_email, locale_hint, client_ip, client_browser, request_id, expires_at)
    select id, kind, lane, email, locale, ip, browser, request_id, now() + make_interval(secs => lifetime)
    from unnest(
      ${column((row) => row.id)}::uuid[],
      ${column((row) => row.kind)}::text[],
      ${column((row) => LANES[KINDS[row.kind].lane])}::smallint[],
      ${column((row) => row.email)}::text[],
      ${column((row) => row.locale)}::text[],
      ${column((row) => row.client.ip)}::text[],
      ${column((row) => row.client.browser)}::text[],
      ${column((row) => row.requestId)}::text[],
      ${column((row) => KINDS[row.kind].lifetimeSeconds)}::int[]
    ) as request (id, kind, lane, email, locale, ip, browser, request_id, lifetime)
    on conflict (id) do nothing`;
}

/** The channel that couriers of other processes listen on. */
export const CHANNEL = "dundie_outbox";

/** NOTIFY takes a global lock at commit: as a statement of its own, and at most this often, it slows nobody down. */
const NOTIFY_INTERVAL_MS = 50;

function createNotifier(sql: Sql): () => void {
  let timer: ReturnType<typeof setTimeout> | undefined;
  return () => {
    timer ??= setTimeout(() => {
      timer = undefined;
      // The poll of every courier is the guarantee: a lost hint costs a second.
      sql`select pg_notify(${CHANNEL}, '')`.catch(() => {});
    }, NOTIFY_INTERVAL_MS);
  };
}

export interface NewMessage {
  readonly kind: KindName;
  readonly userId: string;
  /** Where it goes, when that is not the account's address at the time of sending. */
  readonly email?: string;
  readonly lane?: Lane;
  readonly locale?: Locale;
  readonly client?: Client;
  readonly requestId?: string | null;
  readonly props?: Record<string, string>;
}

/** Writes a message in the caller's transaction: what it tells of and the letter commit together. */
export async function enqueue(tx: Transaction, row: NewMessage): Promise<void> {
  await enqueueAll(tx, [row]);
}

/** Many in one statement; at most a few thousand, as each takes a dozen parameters of 65,535. */
export async function enqueueAll(tx: Transaction, rows: readonly NewMessage[]): Promise<void> {
  await tx.insert(message).values(rows.map(columnsOf));
}

function columnsOf(row: NewMessage) {
  const kind = KINDS[row.kind];
  return {
    id: Bun.randomUUIDv7(),
    kind: row.kind,
    lane: LANES[row.lane ?? kind.lane],
    userId: row.userId,
    requestedEmail: row.email ?? null,
    localeHint: row.locale ?? null,
    clientIp: row.client?.ip ?? null,
    clientBrowser: row.client?.browser ?? null,
    requestId: row.requestId ?? null,
    props: row.props ?? null,
    // Not the transaction's start: a change of the credentials in it came before, and must not end this letter.
    createdAt: sql`clock_timestamp()`,
    // The database's clock, as everywhere in SQL.
    expiresAt: sql`now() + make_interval(secs => ${kind.lifetimeSeconds})`,
  };
}

/** Ends a queued message for an operator, in the caller's transaction. @returns whether it was queued. */
export async function cancelQueued(tx: Transaction, id: string): Promise<boolean> {
  const ended = await tx
    .update(message)
    .set({ state: "dropped", reason: "cancelled", endedAt: sql`now()`, suspect: false })
    .where(and(eq(message.id, id), eq(message.state, "queued")))
    .returning({ id: message.id });
  return ended.length === 1;
}

/** A new message that asks for what an ended one asked for: nothing that was pinned is taken along. */
export async function copyForRetry(tx: Orm | Transaction, ended: typeof message.$inferSelect): Promise<string> {
  const id = Bun.randomUUIDv7();
  const { kind, lane, requestId, requestedEmail, userId, localeHint, clientIp, clientBrowser, props } = ended;
  await tx.insert(message).values({
    ...{ id, kind, lane, requestId, requestedEmail, userId, localeHint, clientIp, clientBrowser, props },
    retryOf: ended.id,
    expiresAt: sql`now() + make_interval(secs => ${(ended.expiresAt.getTime() - ended.createdAt.getTime()) / 1000})`,
  });
  return id;
}

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
  /** Letters of the security and account lanes. */
  readonly ordinary: number;
  /** Letters of the bulk lane. */
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
    where state = 'queued' and lane = ${lane} and due_at <= now() and not suspect
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

/** Whatever killed its courier may be in this letter: it is sent alone, so that it takes nobody along. */
export async function pickSuspect(tx: SqlTransaction): Promise<QueuedMessage[]> {
  return await tx<QueuedMessage[]>`
    select ${queuedColumns(tx)} from message
    where state = 'queued' and suspect and due_at <= now()
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

/** How long a courier may be silent before its letters are taken over. */
export const LEASE_SECONDS = 30;

/** queued -> sending, with its attempt row: durable before the first byte goes out. */
export async function lease(
  tx: SqlTransaction,
  leaseId: string,
  courierId: string,
  letters: readonly Pinned[],
): Promise<void> {
  if (letters.length === 0) return;
  await tx`
    with leased as (
      update message m set
        state = 'sending', lease_id = ${leaseId}, lease_expires_at = now() + make_interval(secs => ${LEASE_SECONDS}),
        courier_id = ${courierId}, attempts = m.attempts + 1, suspect = false,
        user_id = p.user_id, recipient = p.recipient, recipient_name = p.recipient_name, locale = p.locale,
        mailer_version = p.mailer_version, key_id = p.key_id, dated_at = p.dated_at,
        link_expires_at = p.link_expires_at, tries = p.tries
      from unnest(
        ${letters.map((letter) => letter.id)}::uuid[],
        ${letters.map((letter) => letter.userId)}::uuid[],
        ${letters.map((letter) => letter.recipient)}::text[],
        ${letters.map((letter) => letter.recipientName)}::text[],
        ${letters.map((letter) => letter.locale)}::text[],
        ${letters.map((letter) => letter.mailerVersion)}::int[],
        ${letters.map((letter) => letter.keyId)}::text[],
        ${letters.map((letter) => letter.datedAt.toISOString())}::timestamptz[],
        ${letters.map((letter) => letter.linkExpiresAt?.toISOString() ?? null)}::timestamptz[],
        ${letters.map((letter) => letter.tries)}::int[]
      ) as p (id, user_id, recipient, recipient_name, locale, mailer_version, key_id, dated_at, link_expires_at, tries)
      where m.id = p.id and m.state = 'queued'
      returning m.id, m.attempts
    )
    insert into attempt (message_id, number, lease_id, courier_id)
    select id, attempts, ${leaseId}, ${courierId} from leased`;
}

/** queued -> sending for a message that could not be prepared: it gets an attempt that says why, and no letter. */
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
  readonly suspect?: boolean;
}

/**
 * Records outcomes under their leases: message state and attempt row in one statement.
 * @returns the ids that were recorded; for the others the lease had been lost, and another courier's word stands.
 */
export async function settle(sql: Sql | SqlTransaction, ended: readonly Ended[]): Promise<Set<string>> {
  const rows = ended.map(({ lease, outcome, suspect = false }) => {
    const settlement = settlementOf(lease, outcome, Math.random());
    return { lease, outcome, suspect, ...settlement, delaySeconds: suspect ? 0 : settlement.delaySeconds };
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
        ${rows.map((row) => Number(row.suspect))}::int[],
        ${rows.map((row) => row.outcome.type)}::text[],
        ${rows.map((row) => reply(row.outcome)?.phase ?? null)}::text[],
        ${rows.map((row) => reply(row.outcome)?.code ?? null)}::int[],
        ${rows.map((row) => reply(row.outcome)?.reply ?? null)}::text[]
      ) as v (id, lease_id, state, reason, delay, tries, unknowns, render_errors, suspect, outcome, phase, code, reply)
    ), settled as (
      update message m set
        state = v.state, reason = v.reason, tries = v.tries, unknowns = v.unknowns, render_errors = v.render_errors,
        suspect = v.suspect = 1 and v.state = 'queued',
        due_at = case when v.delay is null then m.due_at
                      -- Within the lifetime: at its end the claim finds it and says "expired".
                      else least(now() + make_interval(secs => v.delay), m.expires_at) end,
        lease_id = null, lease_expires_at = null, courier_id = null,
        ended_at = case when v.state = 'queued' then null else now() end
      from verdict v
      where m.id = v.id and m.lease_id = v.lease_id and m.state = 'sending'
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
      reason = e.reason, ended_at = now(), user_id = coalesce(e.user_id, m.user_id), suspect = false
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
  letters: readonly { readonly id: string; readonly dueAt: Date; readonly tries: number; readonly userId: string }[],
): Promise<void> {
  if (letters.length === 0) return;
  await tx`
    update message m set due_at = p.due_at, tries = p.tries, user_id = p.user_id
    from unnest(
      ${letters.map((letter) => letter.id)}::uuid[],
      ${letters.map((letter) => letter.dueAt.toISOString())}::timestamptz[],
      ${letters.map((letter) => letter.tries)}::int[],
      ${letters.map((letter) => letter.userId)}::uuid[]
    ) as p (id, due_at, tries, user_id)
    where m.id = p.id and m.state = 'queued'`;
}

/**
 * Takes over the letters of couriers that went silent: their attempt has no end, so its outcome is unknown.
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
        orphans.map((lease) => ({ lease, outcome, suspect: true })),
      )
    ).size;
  });
}

/** Ends what outlived its message lifetime without being claimed: during an outage, or while mail is paused. */
export async function endExpired(sql: Sql): Promise<number> {
  const expired = await sql<{ id: string }[]>`
    select id from message where state = 'queued' and expires_at <= now() limit 500`;
  return (
    await end(
      sql,
      expired.map(({ id }) => ({ id, reason: "expired" as const })),
    )
  ).size;
}
