/** What an operator needs at a glance: how much waits, how old it is, how it goes, and what the couriers see. */
import { sql } from "drizzle-orm";
import type { Database } from "../../db/client.ts";
import type { BreakerPosition, MessageState, Reason } from "../../db/states.ts";
import { smallestUuidOf } from "../../db/uuid.ts";
import type { Lane } from "../kinds.ts";
import { readCondition, type MailCondition } from "./condition.ts";

export interface MailStats {
  /** When these figures were read, by the clock of this process. */
  readonly readAt: Date;
  readonly queued: Readonly<Record<Lane, number>>;
  readonly sending: number;
  readonly orphaned: number;
  /** How long the oldest queued message has been due, in seconds; null: none is due. */
  readonly oldestDueSeconds: number | null;
  readonly oldestDueSecondsByLane: Readonly<Record<Lane, number | null>>;
  /** The age since acceptance of the oldest message that is queued or being sent, due or not. */
  readonly oldestUnsentSecondsByLane: MailCondition["oldestUnsentSecondsByLane"];
  readonly recentAttempts: MailCondition["recentAttempts"];
  /** Why email does not go out as it should; empty when it does. */
  readonly degraded: MailCondition["degraded"];
  /** The time from commit to acceptance by the SMTP server of what was sent in the last hour, in seconds. */
  readonly latencySeconds: { readonly p50: number | null; readonly p99: number | null };
  /** What ended in the last 24 hours, by state and reason. */
  readonly ended: readonly Ended[];
  /** The last 60 minutes, oldest first. */
  readonly minutes: readonly { readonly at: Date; readonly accepted: number; readonly sent: number }[];
  readonly paused: { readonly at: Date; readonly by: string | null } | null;
  readonly couriers: readonly {
    readonly id: string;
    readonly host: string;
    readonly pid: number;
    readonly seenAt: Date;
    readonly breaker: BreakerPosition;
    readonly until: Date | null;
    readonly lastReply: string | null;
  }[];
}

interface Ended {
  readonly state: MessageState;
  readonly reason: Reason | null;
  readonly count: number;
}

/** @param known the condition, where it has just been read: it counts what waits. */
export async function readStats(db: Database, known?: MailCondition): Promise<MailStats> {
  const { orm } = db;
  const condition = known ?? (await readCondition(db));
  const readAt = new Date();
  const [latency, ended, minutes] = await Promise.all([
    orm.execute<{ p50: number | null; p99: number | null }>(sql`
      select percentile_cont(0.5) within group (order by extract(epoch from ended_at - created_at))::float8 as p50,
        percentile_cont(0.99) within group (order by extract(epoch from ended_at - created_at))::float8 as p99
      from message where ended_at > now() - interval '1 hour' and state = 'sent'`),
    orm.execute<Ended & Record<string, unknown>>(sql`
      select state, reason, count(*)::int as count from message where ended_at > now() - interval '24 hours'
      group by state, reason order by count(*) desc`),
    orm.execute<{ at: string; accepted: number; sent: number }>(sql`
      select minute as at, coalesce(a.n, 0)::int as accepted, coalesce(s.n, 0)::int as sent
      from generate_series(date_trunc('minute', now()) - interval '59 minutes', date_trunc('minute', now()), '1 minute') minute
      left join (select date_trunc('minute', created_at) m, count(*) n from message
        where id > ${smallestUuidOf(new Date(Date.now() - 61 * 60_000))}::uuid group by 1) a on a.m = minute
      left join (select date_trunc('minute', ended_at) m, count(*) n from message
        where ended_at > now() - interval '61 minutes' and state = 'sent' group by 1) s on s.m = minute
      order by minute`),
  ]);
  return {
    readAt,
    queued: condition.queuedByLane,
    sending: condition.sending,
    orphaned: condition.orphaned,
    oldestDueSeconds: maxOf(Object.values(condition.oldestDueSecondsByLane)),
    oldestDueSecondsByLane: condition.oldestDueSecondsByLane,
    latencySeconds: { p50: latency[0]?.p50 ?? null, p99: latency[0]?.p99 ?? null },
    ended: [...ended],
    minutes: minutes.map(({ at, accepted, sent }) => ({ at: new Date(at), accepted, sent })),
    oldestUnsentSecondsByLane: condition.oldestUnsentSecondsByLane,
    recentAttempts: condition.recentAttempts,
    degraded: condition.degraded,
    paused: condition.paused,
    couriers: condition.couriers.map(({ id, host, pid, seenAt, breaker, until, lastReply }) => ({
      id,
      host,
      pid,
      seenAt,
      breaker,
      until,
      lastReply,
    })),
  };
}

/** Null: none is due. */
function maxOf(ages: readonly (number | null)[]): number | null {
  const due = ages.filter((age) => age !== null);
  return due.length > 0 ? Math.max(...due) : null;
}
