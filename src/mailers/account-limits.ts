/**
 * How many emails of a kind an account gets, and which: a token bucket that is charged by what was sent or may have
 * been, and one queued email at a time, the newest.
 */
import type { SqlTransaction } from "../db/client.ts";
import type { DropReason } from "../db/states.ts";
import { bucketLevel } from "../mail/backoff.ts";
import type { Kind, KindName } from "../mail/kinds.ts";
import type { Verdict } from "../mail/mailer.ts";
import { endSiblings, MAX_SIBLINGS, type Siblings } from "../mail/transitions/end.ts";
import type { QueuedMessage } from "../mail/transitions/queued.ts";
import { type Account, keysOf } from "./recipients.ts";

/** A message whose account may have it. */
export interface Candidate {
  readonly message: QueuedMessage;
  readonly account: Account;
}

/** `RATE_LIMIT=off`: a newer email still takes the place of an older one. */
export const UNLIMITED = { burst: Number.POSITIVE_INFINITY, refillSeconds: 1 };

/** What else of a kind is under way to an account, besides the messages of the batch. */
export interface UnderWay {
  readonly userId: string;
  /** Ids of those that are being sent, and the greatest ordinal of them. */
  readonly sending: readonly string[];
  readonly sendingOrdinal: number;
  /** How many are queued. */
  readonly queued: number;
  /** The newest queued one, when the first is due (in seconds from now, at least 0), and the highest backoff of them. */
  readonly newestId: string | null;
  readonly newestOrdinal: number;
  readonly dueInSeconds: number;
  readonly tries: number;
}

export interface LimitOptions {
  readonly kind: KindName;
  readonly limit: NonNullable<Kind["limit"]>;
  readonly siblings: readonly UnderWay[];
  readonly charges: readonly Charge[];
}

/**
 * One email an account, the newest; the older queued ones are superseded by it, unless the account's bucket is empty: a
 * limited email supersedes nothing. One that is being sent is left alone, supersedes older ones, and counts as a charge
 * that is coming.
 *
 * @param verdicts what is decided about messages goes in here.
 * @returns those that may be sent.
 */
export async function limitAndSupersede(
  tx: SqlTransaction,
  candidates: readonly Candidate[],
  verdicts: Map<string, Verdict>,
  { kind, limit, siblings, charges }: LimitOptions,
): Promise<Candidate[]> {
  const chosen: Candidate[] = [];
  const limited: Siblings[] = [];
  const superseded: Siblings[] = [];
  let budget = MAX_SIBLINGS;
  const othersOf = new Map(siblings.map((one) => [one.userId, one]));
  const chargesOf = Map.groupBy(charges, ({ userId }) => userId);
  for (const group of Map.groupBy(candidates, ({ account }) => account.id).values()) {
    const [newest, ...older] = group.toSorted((a, b) => b.message.ordinal - a.message.ordinal);
    if (!newest) continue;
    const { account, message } = newest;
    const others = othersOf.get(account.id) ?? NONE;
    const mine = { userId: account.id, email: account.email };
    const end = (reason: DropReason) => ({ type: "end", reason, userId: account.id }) as const;
    if (others.sendingOrdinal > message.ordinal) {
      for (const one of group) verdicts.set(one.message.id, end("superseded"));
      continue;
    }
    if (!mayHaveOneMore(newest, others, chargesOf.get(account.id) ?? [], limit)) {
      for (const one of group) {
        // One that was charged already goes on.
        if (one.message.unknowns > 0) chosen.push(one);
        else verdicts.set(one.message.id, end("rate_limited"));
      }
      if (others.queued > 0) limited.push(mine);
      continue;
    }
    const newer = others.newestId !== null && others.newestOrdinal > message.ordinal;
    for (const one of newer ? group : older) verdicts.set(one.message.id, end("superseded"));
    const before = newer ? others.newestOrdinal : message.ordinal;
    if (others.queued > 0) superseded.push({ ...mine, before, max: Math.min(others.queued, budget) + group.length });
    const all = others.queued <= budget;
    budget = Math.max(0, budget - others.queued);
    const tries = Math.max(others.tries, ...group.map((one) => one.message.tries));
    const postponed = { type: "postpone", tries, userId: account.id } as const;
    // Seconds from now, below 0 for what is due: the place in the queue.
    const place = Math.min(...group.map((one) => (one.message.dueAt.getTime() - account.now.getTime()) / 1000));
    // The newer one is not locked here: it takes the place of those that were due.
    if (newer) verdicts.set(others.newestId, { ...postponed, delaySeconds: place });
    // Older ones are left, which it must not outrun.
    else if (!all) verdicts.set(message.id, { ...postponed, delaySeconds: place });
    else if (older.length === 0 && others.queued > 0 && others.dueInSeconds > 0) {
      verdicts.set(message.id, { ...postponed, delaySeconds: others.dueInSeconds });
    } else chosen.push({ account, message: { ...message, tries } });
  }
  await endSiblings(tx, kind, limited, "rate_limited");
  await endSiblings(tx, kind, superseded, "superseded");
  return chosen;
}

const NONE: UnderWay = {
  userId: "",
  sending: [],
  sendingOrdinal: 0,
  queued: 0,
  newestId: null,
  newestOrdinal: 0,
  dueInSeconds: 0,
  tries: 0,
};

function mayHaveOneMore(
  { message, account }: Candidate,
  { sending }: UnderWay,
  charges: readonly Charge[],
  limit: NonNullable<Kind["limit"]>,
): boolean {
  // A retry of an email that was charged already asks for no second token.
  if (message.unknowns > 0) return true;
  const now = account.now.getTime() / 1000;
  // One that was settled between the two looks is among the charges, too.
  const coming = sending.filter((id) => !charges.some((charge) => charge.id === id));
  return bucketLevel(limit, [...charges.map(({ at }) => at), ...coming.map(() => now)], now) >= 1;
}

/** The other emails of this kind that are under way to these accounts, known or only asked for. */
export async function findUnderWay(
  tx: SqlTransaction,
  kind: KindName,
  messages: readonly QueuedMessage[],
): Promise<UnderWay[]> {
  const { ids, emails } = keysOf(messages);
  const batch = messages.map((message) => message.id);
  return await tx<UnderWay[]>`
    select u.id "userId", coalesce(array_agg(m.id) filter (where m.state = 'sending'), '{}') sending,
      coalesce(max(m.ordinal) filter (where m.state = 'sending'), 0)::float8 "sendingOrdinal",
      count(*) filter (where m.state = 'queued')::int queued,
      (array_agg(m.id order by m.ordinal desc) filter (where m.state = 'queued'))[1] "newestId",
      coalesce(max(m.ordinal) filter (where m.state = 'queued'), 0)::float8 "newestOrdinal",
      greatest(0, extract(epoch from min(m.due_at) filter (where m.state = 'queued') - now()))::float8 "dueInSeconds",
      coalesce(max(m.tries) filter (where m.state = 'queued'), 0) tries
    from "user" u cross join lateral (
      select id, ordinal, state, due_at, tries from message
      where user_id = u.id and kind = ${kind} and ended_at is null
      union all
      select id, ordinal, state, due_at, tries from message
      where requested_email = u.email and user_id is null and kind = ${kind} and state = 'queued'
    ) m
    where (u.id = any(${ids}::uuid[]) or u.email = any(${emails}::text[])) and m.id <> all(${batch}::uuid[])
    group by u.id`;
}

/** Older charges no longer affect the bucket noticeably: see `bucketLevel`. */
const CHARGE_WINDOW_HOURS = 4;

export interface Charge {
  /** The id of the message. */
  readonly id: string;
  readonly userId: string;
  /** The time of the charge, in seconds since 1970. */
  readonly at: number;
}

/** When these accounts were charged: once by each email that was sent, or may have been. */
export async function findCharges(
  tx: SqlTransaction,
  kind: KindName,
  messages: readonly QueuedMessage[],
): Promise<Charge[]> {
  const { ids, emails } = keysOf(messages);
  return await tx<Charge[]>`
    select id, user_id "userId", extract(epoch from coalesce(ended_at, now()))::float8 as at from message
    where user_id = any(array(
        select id from "user" where id = any(${ids}::uuid[]) or email = any(${emails}::text[])))
      and kind = ${kind} and (state = 'sent' or unknowns > 0)
      and (ended_at is null or ended_at > now() - make_interval(hours => ${CHARGE_WINDOW_HOURS}))`;
}
