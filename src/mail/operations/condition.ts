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
  /** How many messages are queued or being sent. */
  readonly unsentByLane: Readonly<Record<Lane, number>>;
  /** The attempts of the couriers that were seen in the last minute. */
  readonly recentAttempts: RecentAttempts;
  readonly paused: { readonly at: Date; readonly by: string | null } | null;
  readonly couriers: readonly (typeof courier.$inferSelect)[];
  /** Why email does not go out as it should; empty when it does. */
  readonly degraded: readonly Degradation[];
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
  // The queries run one after the other, so that the look takes one connection. The ages are read in two parts, so that
  // each part uses an index of its state and neither reads what has ended.
  const ages = await orm.execute<{ lane: number; count: number; age: number }>(sql`
    select lane, count(*)::int as count, extract(epoch from now() - min(created_at))::float8 as age from (
      select lane, created_at from message where state = 'queued'
      union all select lane, created_at from message where state = 'sending'
    ) unsent group by lane`);
  const [control] = await orm.select().from(mailControl);
  const couriers = await orm
    .select()
    .from(courier)
    .where(sql`seen_at > now() - interval '1 minute'`);
  const ageIn = (lane: Lane): number | null => ages.find((row) => row.lane === LANES[lane])?.age ?? null;
  const countIn = (lane: Lane): number => ages.find((row) => row.lane === LANES[lane])?.count ?? 0;
  const facts = {
    unsentByLane: { security: countIn("security"), account: countIn("account"), bulk: countIn("bulk") },
    oldestUnsentSecondsByLane: { security: ageIn("security"), account: ageIn("account"), bulk: ageIn("bulk") },
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
export function degradationsOf(facts: Omit<MailCondition, "degraded" | "unsentByLane">): Degradation[] {
  const { oldestUnsentSecondsByLane: oldest, recentAttempts, paused, couriers } = facts;
  const found: Degradation[] = [];
  const say = (reason: DegradedReason, text: string): number => found.push({ reason, text });

  if (paused)
    say("mail_paused", `Mail is paused since ${paused.at.toISOString()}${paused.by ? `, by ${paused.by}` : ""}.`);
  const waiting = Object.values(oldest).some((age) => age !== null);
  if (waiting && couriers.length === 0)
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
