/** sending -> queued | sent | failed: records what became of an attempt, under its lease. */
import type { Sql, SqlTransaction } from "../../db/client.ts";
import type { AttemptOutcome, Phase } from "../../db/states.ts";
import { settlementOf, storedCode, type Counters, type Outcome } from "../outcome.ts";

/** What settling reads of a `LeasedMessage`. */
export interface Lease extends Counters {
  readonly id: string;
  readonly leaseId: string;
}

export interface Ended {
  readonly lease: Lease;
  readonly outcome: Outcome;
  /** Set when its courier went silent: the message is due at once, and with `isolated` it is sent alone. */
  readonly takenOver?: { readonly isolated: boolean };
}

export interface Settled {
  /** Ids whose outcome is recorded. */
  readonly recorded: ReadonlySet<string>;
  /** Ids whose rows another session has locked: nothing is recorded, and the lease is still ours. Try again. */
  readonly locked: ReadonlySet<string>;
}

/**
 * Records outcomes: message state and attempt row in one statement. An id that is in neither set of the answer has been
 * taken over, and the outcome that another courier recorded stands. A `sent` counts even then, because the server has
 * accepted the email.
 *
 * Consecutive attempts that cost nothing (`transport_down`, `released`) share one attempt row, so that an outage of days
 * leaves one and not one for each probe.
 *
 * @throws what the database throws: when the rows are at fault (`isDataError`), settle them one by one.
 */
export async function settle(sql: Sql | SqlTransaction, ended: readonly Ended[]): Promise<Settled> {
  const recorded = await settleHeld(sql, ended);
  const others = ended.filter(({ lease }) => !recorded.has(lease.id));
  if (others.length === 0) return { recorded, locked: new Set() };
  const locked = await stillHeld(sql, others);
  const late = others.filter(({ lease, outcome }) => outcome.type === "sent" && !locked.has(lease.id));
  for (const one of late) {
    const result = await settleLate(sql, one);
    if (result !== "unknown") ({ recorded, locked })[result].add(one.lease.id);
  }
  return { recorded, locked };
}

async function settleHeld(sql: Sql | SqlTransaction, ended: readonly Ended[]): Promise<Set<string>> {
  const rows = ended.map(({ lease, outcome, takenOver }) => {
    const settlement = settlementOf(lease, outcome, Math.random());
    const delaySeconds = takenOver ? 0 : settlement.delaySeconds;
    return { lease, ...wordsOf(outcome), ...settlement, delaySeconds, isolated: takenOver?.isolated ?? false };
  });
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
        ${rows.map((row) => row.crashes)}::int[],
        ${rows.map((row) => Number(row.isolated))}::int[],
        ${rows.map((row) => row.outcome)}::text[],
        ${rows.map((row) => row.phase)}::text[],
        ${rows.map((row) => row.code)}::int[],
        ${rows.map((row) => row.reply)}::text[]
      ) as v (id, lease_id, state, reason, delay, tries, unknowns, render_errors, crashes, isolated, outcome, phase, code,
        reply)
    ), held as (
      -- A lease is held exactly while "sending" (the check message_state): to say so here would only offer the planner
      -- an index of all leases.
      select v.*, m.attempts from verdict v join message m on m.id = v.id and m.lease_id = v.lease_id
      for no key update of m skip locked
    ), tried as (
      select a.message_id as id from held join attempt a on a.message_id = held.id and a.number = held.attempts
      for no key update of a skip locked
    ), final as (
      select v.*,
        v.outcome in ('transport_down', 'released') and exists (
          select 1 from attempt a where a.message_id = v.id and a.number = v.attempts - 1
            and a.outcome in ('transport_down', 'released')) as merged,
        -- An earlier attempt, which had been taken for lost, was accepted after all.
        v.outcome <> 'sent' and exists (
          select 1 from attempt a where a.message_id = v.id and a.outcome = 'sent') as accepted
      from held v
      -- A row that is missing holds nothing up; one that is locked does.
      where v.id in (select id from tried) or not exists (
        select 1 from attempt a where a.message_id = v.id and a.number = v.attempts)
    ), settled as (
      update message m set
        state = case when v.accepted then 'sent' else v.state end,
        reason = case when v.accepted then null else v.reason end,
        attempts = m.attempts - v.merged::int, tries = v.tries, unknowns = v.unknowns,
        render_errors = v.render_errors, crashes = v.crashes,
        orphaned = v.isolated = 1 and v.state = 'queued' and not v.accepted,
        due_at = case when v.delay is null then m.due_at
                      -- Within the lifetime: at its end the claim finds it and says "expired".
                      else least(now() + make_interval(secs => v.delay), m.expires_at) end,
        lease_id = null, lease_expires_at = null, courier_id = null,
        ended_at = case when v.state = 'queued' and not v.accepted then null else now() end
      from final v where m.id = v.id and m.lease_id = v.lease_id
      returning m.id, m.attempts, v.merged, v.outcome, v.phase, v.code, v.reply
    ), recorded as (
      update attempt a set ended_at = now(), outcome = s.outcome, phase = s.phase, code = s.code, reply = s.reply
      from settled s where a.message_id = s.id and a.number = s.attempts and not (s.merged and s.outcome = 'released')
    ), merged as (
      delete from attempt a using settled s where s.merged and a.message_id = s.id and a.number = s.attempts + 1
    )
    select id from settled`;
  return new Set(settled.map((row) => row.id));
}

/** @returns the ids that are held by these leases. */
async function stillHeld(sql: Sql | SqlTransaction, ended: readonly Ended[]): Promise<Set<string>> {
  const rows = await sql<{ id: string }[]>`
    select id from message
    where id = any(${ended.map(({ lease }) => lease.id)}::uuid[])
      and lease_id = any(${ended.map(({ lease }) => lease.leaseId)}::uuid[])`;
  return new Set(rows.map((row) => row.id));
}

/**
 * The lease has ended, and the server accepted the email all the same: the attempt says so, and the message is `sent`,
 * also when it had ended otherwise. One that is being sent again becomes so when that attempt ends.
 *
 * @returns `unknown`: the attempt is not there, because the message has been purged.
 */
async function settleLate(
  sql: Sql | SqlTransaction,
  { lease, outcome }: Ended,
): Promise<"recorded" | "locked" | "unknown"> {
  const { phase, code, reply } = wordsOf(outcome);
  const [row] = await sql<{ recorded: boolean; known: boolean }[]>`
    with free as (
      select a.message_id, a.number from attempt a join message m on m.id = a.message_id
      where a.message_id = ${lease.id} and a.lease_id = ${lease.leaseId} for no key update of a, m skip locked
    ), accepted as (
      update attempt a set outcome = 'sent', phase = ${phase}, code = ${code}, reply = ${reply}, ended_at = now()
      from free where a.message_id = free.message_id and a.number = free.number and a.outcome is distinct from 'sent'
    ), sent as (
      update message m set state = 'sent', reason = null, orphaned = false, ended_at = now()
      from free where m.id = free.message_id and m.state not in ('sending', 'sent')
    )
    select exists (select 1 from free) as recorded, exists (
      select 1 from attempt where message_id = ${lease.id} and lease_id = ${lease.leaseId}) as known`;
  if (row?.recorded) return "recorded";
  return row?.known ? "locked" : "unknown";
}

interface Words {
  readonly outcome: AttemptOutcome;
  readonly phase: Phase | null;
  readonly code: number | null;
  readonly reply: string | null;
}

const wordsOf = (outcome: Outcome): Words =>
  outcome.type === "released"
    ? { outcome: outcome.type, phase: null, code: null, reply: null }
    : { outcome: outcome.type, phase: outcome.phase, code: storedCode(outcome.code), reply: outcome.reply };
