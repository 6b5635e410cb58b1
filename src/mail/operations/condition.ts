/** Whether email goes out as it should, and if not, why: for the health check, the log, the outbox and the command line. */
import { sql } from "drizzle-orm";
import type { Database } from "../../db/client.ts";
import { courier, mailControl } from "../../db/schema.ts";
import { LANES, type Lane } from "../kinds.ts";

export const DEGRADED_REASONS = [
  /** An operator has paused all email. */
  "mail_paused",
  /** Messages wait, and no courier has been seen in the last minute. */
  "no_courier",
  /** The breaker of a courier is open. */
  "smtp_unusable",
  /** Most of the last attempts ended with "try again later". */
  "mail_deferred",
  /** The oldest unsent message of a lane is older than the lane's objective. */
  "mail_late",
] as const;
export type DegradedReason = (typeof DEGRADED_REASONS)[number];

export interface Degradation {
  readonly reason: DegradedReason;
  /** A sentence for operators, with the SMTP server's words where there are any. */
  readonly text: string;
}

export interface MailCondition {
  /** The age since acceptance of the oldest message that is queued or being sent, in seconds; null: there is none. */
  readonly oldestUnsentSecondsByLane: Readonly<Record<Lane, number | null>>;
  readonly queuedByLane: Readonly<Record<Lane, number>>;
  readonly sending: number;
  readonly orphaned: number;
  /** How long the oldest queued message has been due, in seconds; null: none is due. */
  readonly oldestDueSecondsByLane: Readonly<Record<Lane, number | null>>;
  /** How many messages are queued or being sent. */
  readonly unsentByLane: Readonly<Record<Lane, number>>;
  /** The attempts of the couriers that were seen in the last minute. */
  readonly recentAttempts: RecentAttempts;
  readonly paused: { readonly at: Date; readonly by: string | null } | null;
  readonly couriers: readonly (typeof courier.$inferSelect)[];
  /** Why email does not go out as it should; empty when it does. */
  readonly degraded: readonly Degradation[];
}

/** What waits in one lane and state. Ages are in seconds. */
interface Waiting {
  readonly lane: number;
  readonly state: string;
  readonly count: number;
  readonly orphaned: number;
  readonly age: number;
  readonly due: number | null;
}

export interface RecentAttempts {
  readonly seconds: number;
  readonly total: number;
  readonly deferred: number;
  /** The server's words at the last deferral. */
  readonly lastDeferral: string | null;
}

/** How far back `recentAttempts` goes. */
export const RECENT_SECONDS = 300;
/** People wait at a screen for the security lane, and for the account lane within minutes; an import is not waited for. */
const OBJECTIVE_SECONDS = { security: 30, account: 120, bulk: 3_600 } as const satisfies Record<Lane, number>;
/** A single recipient whose server is greylisting is no reason for alarm. */
const ENOUGH_ATTEMPTS = 5;
const DEFERRED_SHARE = 0.5;

export async function readCondition({ orm }: Database): Promise<MailCondition> {
  // The queries run one after the other, so that the look takes one connection. What waits is read in one pass, in two
  // parts: each part uses an index of its state and neither reads what has ended.
  const waiting = await orm.execute<Waiting & Record<string, unknown>>(sql`
    select lane, state, count(*)::int as count, count(*) filter (where orphaned)::int as orphaned,
      extract(epoch from now() - min(created_at))::float8 as age,
      extract(epoch from now() - min(due_at) filter (where due_at <= now() and state = 'queued'))::float8 as due
    from (
      select lane, state, orphaned, created_at, due_at from message where state = 'queued'
      union all select lane, state, orphaned, created_at, due_at from message where state = 'sending'
    ) unsent group by lane, state`);
  const [control] = await orm.select().from(mailControl);
  const couriers = await orm
    .select()
    .from(courier)
    .where(sql`seen_at > now() - interval '1 minute'`);
  const byLane = <T>(valueOf: (rows: readonly Waiting[]) => T): Record<Lane, T> => {
    const of = (lane: Lane): T => valueOf(waiting.filter((row) => row.lane === LANES[lane]));
    return { security: of("security"), account: of("account"), bulk: of("bulk") };
  };
  const total = (rows: readonly Waiting[]): number => rows.reduce((sum, { count }) => sum + count, 0);
  const facts = {
    queuedByLane: byLane((rows) => total(rows.filter(({ state }) => state === "queued"))),
    unsentByLane: byLane(total),
    sending: total(waiting.filter(({ state }) => state === "sending")),
    orphaned: waiting.reduce((sum, { orphaned }) => sum + orphaned, 0),
    oldestDueSecondsByLane: byLane((rows) => rows.find(({ due }) => due !== null)?.due ?? null),
    oldestUnsentSecondsByLane: byLane((rows) => (rows.length === 0 ? null : Math.max(...rows.map(({ age }) => age)))),
    recentAttempts: {
      seconds: RECENT_SECONDS,
      total: couriers.reduce((sum, { recentAttempts }) => sum + recentAttempts, 0),
      deferred: couriers.reduce((sum, { recentDeferred }) => sum + recentDeferred, 0),
      lastDeferral: couriers.find(({ lastDeferral }) => lastDeferral !== null)?.lastDeferral ?? null,
    },
    paused: control?.pausedAt ? { at: control.pausedAt, by: control.pausedBy } : null,
    couriers,
  };
  return { ...facts, degraded: degradationsOf(facts) };
}

/** Pure. */
export function degradationsOf(
  facts: Pick<MailCondition, "oldestUnsentSecondsByLane" | "recentAttempts" | "paused" | "couriers">,
): Degradation[] {
  const { oldestUnsentSecondsByLane: oldest, recentAttempts, paused, couriers } = facts;
  const found: Degradation[] = [];
  const say = (reason: DegradedReason, text: string): number => found.push({ reason, text });

  if (paused)
    say("mail_paused", `Mail has been paused since ${paused.at.toISOString()}${paused.by ? `, by ${paused.by}` : ""}.`);
  const unsent = Object.values(oldest).some((age) => age !== null);
  if (unsent && couriers.length === 0)
    say("no_courier", "Messages wait, and no courier has been seen in the last minute.");
  const refused = couriers.find(({ breaker }) => breaker !== "closed");
  if (refused) say("smtp_unusable", `The SMTP server cannot be used: ${refused.lastReply ?? "it gave no reply"}`);
  const { total, deferred, lastDeferral, seconds } = recentAttempts;
  if (total >= ENOUGH_ATTEMPTS && deferred / total >= DEFERRED_SHARE) {
    const words = lastDeferral === null ? "" : `: ${lastDeferral}`;
    say(
      "mail_deferred",
      `The SMTP server deferred ${deferred} of ${total} attempts in the last ${seconds / 60} minutes${words}`,
    );
  }
  for (const lane of Object.keys(LANES) as Lane[]) {
    const age = oldest[lane];
    if (age === null || age <= OBJECTIVE_SECONDS[lane]) continue;
    say(
      "mail_late",
      `The oldest unsent message of the lane ${lane} was accepted ${Math.round(age)} s ago, and should be sent within ${OBJECTIVE_SECONDS[lane]} s.`,
    );
  }
  return found;
}
