/** Moves the time of the next attempt. The state stays `queued`. */
import type { Sql, SqlTransaction } from "../../db/client.ts";
import { KINDS, LANES } from "../kinds.ts";

export interface Postponement {
  readonly id: string;
  /** The delay from now until the next attempt. */
  readonly delaySeconds: number;
  /** The tries from which its backoff continues; undefined leaves them as they are. */
  readonly tries?: number | undefined;
  readonly userId?: string | null;
}

/** Moves messages that are still queued to another time. Rows that another session has locked stay as they are. */
export async function postpone(sql: Sql | SqlTransaction, messages: readonly Postponement[]): Promise<void> {
  if (messages.length === 0) return;
  await sql`
    with p as (
      select * from unnest(
        ${messages.map(({ id }) => id)}::uuid[],
        ${messages.map(({ delaySeconds }) => delaySeconds)}::float8[],
        ${messages.map(({ tries }) => tries ?? null)}::int[],
        ${messages.map(({ userId }) => userId ?? null)}::uuid[]
      ) as p (id, delay, tries, user_id)
    ), free as (
      select p.* from message m join p using (id) where m.state = 'queued' for no key update of m skip locked
    )
    update message m set due_at = now() + make_interval(secs => free.delay), tries = coalesce(free.tries, m.tries),
      user_id = coalesce(free.user_id, m.user_id)
    from free where m.id = free.id`;
}

const LONGEST_BACKOFF_SECONDS = Math.max(...Object.values(KINDS).map(({ backoff }) => backoff.maxSeconds));

/**
 * Makes due what no backoff explains: messages whose times were written before the database's clock was set back.
 *
 * @param stepSeconds how far it was just set back; 0 for what an earlier step left behind.
 */
export async function correctDueTimes(sql: Sql, stepSeconds: number): Promise<void> {
  const from = stepSeconds > 0 ? 0 : LONGEST_BACKOFF_SECONDS;
  await sql`
    with late as (
      -- The lanes are named for the index (lane, due_at).
      select id from message where state = 'queued' and lane = any(${Object.values(LANES)}::smallint[])
        and due_at > now() + make_interval(secs => ${from})
      for no key update skip locked
    )
    update message m set due_at = case
      when ${stepSeconds}::float8 > 0 then greatest(now(), m.due_at - make_interval(secs => ${stepSeconds}))
      else now() end
    from late where m.id = late.id`;
}
