/**
 * How many emails of a kind an account gets, and which: a token bucket that is charged by what was sent or may have
 * been, and one queued email at a time, the newest.
 */
import type { SqlTransaction } from "../db/client.ts";
import { smallestUuidOf } from "../db/uuid.ts";
import { bucketLevel } from "../mail/backoff.ts";
import type { Kind, KindName } from "../mail/kinds.ts";
import type { Verdict } from "../mail/mailer.ts";
import type { QueuedMessage } from "../mail/transitions.ts";
import { type Account, keysOf } from "./recipients.ts";

/** A message whose account may have it. */
export interface Candidate {
  readonly message: QueuedMessage;
  readonly account: Account;
}

/** `RATE_LIMIT=off`: a newer email still takes the place of an older one. */
export const UNLIMITED = { burst: Number.POSITIVE_INFINITY, refillSeconds: 1 };

export interface Sibling {
  readonly id: string;
  readonly userId: string | null;
  readonly requestedEmail: string | null;
  readonly state: "queued" | "sending";
  readonly dueAt: Date;
  readonly tries: number;
}

/**
 * One email an account, the newest; the older queued ones are superseded by it, unless its bucket is empty: a limited
 * email supersedes nothing. One that is being sent is left alone, and counts as a charge that is coming.
 */
export function limitAndSupersede(
  limit: NonNullable<Kind["limit"]>,
  candidates: readonly Candidate[],
  siblings: readonly Sibling[],
  charged: readonly Charge[],
  verdicts: Map<string, Verdict>,
): Candidate[] {
  const chosen: Candidate[] = [];
  const siblingsOf = Map.groupBy(siblings, ({ userId, requestedEmail }) => userId ?? requestedEmail);
  const chargesOf = Map.groupBy(charged, ({ userId }) => userId);
  for (const group of Map.groupBy(candidates, ({ account }) => account.id).values()) {
    const mine = group.toSorted((a, b) => (a.message.id < b.message.id ? 1 : -1));
    const [newest, ...older] = mine;
    if (!newest) continue;
    const { account } = newest;
    // Known by their account, or still by the address alone.
    const others = [...(siblingsOf.get(account.id) ?? []), ...(siblingsOf.get(account.email) ?? [])];
    const nowSeconds = account.now.getTime() / 1000;
    const charges = chargesOf.get(account.id) ?? [];
    // One that was settled between the two looks is among the charges, too.
    const coming = others.filter((s) => s.state === "sending" && !charges.some(({ id }) => id === s.id));
    const at = [...charges.map(({ at }) => at), ...coming.map(() => nowSeconds)];
    // A retry of an email that was charged already asks for no second token.
    const level = newest.message.unknowns > 0 ? limit.burst : bucketLevel(limit, at, nowSeconds);
    if (level < 1) {
      for (const { message } of mine)
        verdicts.set(message.id, { type: "end", reason: "rate_limited", userId: account.id });
      continue;
    }
    const queued = others.filter((s) => s.state === "queued" && s.id < newest.message.id);
    for (const { id } of [...older.map((c) => c.message), ...queued]) {
      verdicts.set(id, { type: "end", reason: "superseded", userId: account.id });
    }
    const tries = Math.max(newest.message.tries, ...older.map((c) => c.message.tries), ...queued.map((s) => s.tries));
    const place = older.length > 0 ? null : queued.toSorted((a, b) => a.dueAt.getTime() - b.dueAt.getTime())[0];
    if (place && place.dueAt > account.now) {
      verdicts.set(newest.message.id, { type: "postpone", dueAt: place.dueAt, tries, userId: account.id });
    } else {
      chosen.push({ ...newest, message: { ...newest.message, tries } });
    }
  }
  return chosen;
}

/** The other emails of this kind that are under way to these accounts, known or only asked for. */
export async function findSiblings(
  tx: SqlTransaction,
  kind: KindName,
  messages: readonly QueuedMessage[],
): Promise<Sibling[]> {
  const { ids, emails } = keysOf(messages);
  const batch = messages.map((message) => message.id);
  return await tx<Sibling[]>`
    select id, user_id "userId", requested_email "requestedEmail", state, due_at "dueAt", tries from message
    where kind = ${kind} and user_id = any(array(
        select id from "user" where id = any(${ids}::uuid[]) or email = any(${emails}::text[])))
      and state in ('queued', 'sending')
      and id <> all(${batch}::uuid[])
    union all
    select id, user_id, requested_email, state, due_at, tries from message
    where kind = ${kind} and requested_email = any(array(
        select email from "user" where id = any(${ids}::uuid[]) or email = any(${emails}::text[])))
      and state = 'queued' and user_id is null
      and id <> all(${batch}::uuid[])`;
}

/** Older charges have been paid back whatever came before them: see `bucketLevel`. */
const CHARGE_WINDOW_HOURS = 4;

export interface Charge {
  /** Of the message. */
  readonly id: string;
  readonly userId: string;
  readonly at: number;
}

/** When these accounts were charged, in seconds: once by each email that was sent, or may have been. */
export async function findCharges(
  tx: SqlTransaction,
  kind: KindName,
  messages: readonly QueuedMessage[],
): Promise<Charge[]> {
  const { ids, emails } = keysOf(messages);
  // Message ids are UUIDv7, so that "since" is a range of the index on (user_id, kind, id).
  const since = smallestUuidOf(new Date(Date.now() - CHARGE_WINDOW_HOURS * 3_600_000));
  return await tx<Charge[]>`
    select m.id, m.user_id "userId", extract(epoch from min(a.ended_at))::float8 as at
    from message m join attempt a on a.message_id = m.id
    where m.user_id = any(array(
        select id from "user" where id = any(${ids}::uuid[]) or email = any(${emails}::text[]))) and m.kind = ${kind} and m.id > ${since}::uuid
      and a.outcome in ('sent', 'unknown')
    group by m.id`;
}
