/** What an operator may see of the outbox, and do to it: the timeline of every email, retry, cancel, pause. */
import { and, desc, eq, inArray, lt, sql, type SQL } from "drizzle-orm";
import type { Database, Transaction } from "../../db/client.ts";
import { momentOf } from "../../db/uuid.ts";
import { attempt, mailControl, message, oneTimeToken, user } from "../../db/schema.ts";
import type { AttemptOutcome, Phase } from "../../db/states.ts";
import { Conflict, NotFound } from "../../errors.ts";
import { KINDS, LANES, type KindName, type Lane } from "../kinds.ts";
import { conditionsOf, type MessageFilter } from "./filter.ts";
import { copyForRetry } from "../outbox.ts";
import { cancelQueued, supersedeQueued } from "../transitions/end.ts";

type MessageRow = typeof message.$inferSelect;

export interface MessageSummary {
  readonly id: string;
  readonly kind: string;
  readonly lane: Lane;
  readonly state: MessageRow["state"];
  readonly reason: MessageRow["reason"];
  readonly recipient: string | null;
  readonly username: string | null;
  readonly attempts: number;
  readonly createdAt: Date;
  readonly dueAt: Date | null;
  readonly endedAt: Date | null;
  readonly retryOf: string | null;
}

/** One line of an email's timeline. */
interface TimelineEntry {
  readonly at: Date;
  readonly event: "requested" | "committed" | "attempt" | "sent" | "failed" | "dropped" | "link_used" | "link_revoked";
  /** The event as a sentence for people. */
  readonly text: string;
  /** The parts of an `attempt`; null for other events. */
  readonly attempt: AttemptParts | null;
}

interface AttemptParts {
  readonly number: number;
  readonly startedAt: Date;
  /** Null while the attempt is under way. */
  readonly outcome: AttemptOutcome | null;
  /** Where the SMTP conversation ended, or what is waited for while it is under way. */
  readonly phase: Phase | null;
  /** The server's words. */
  readonly reply: string | null;
}

export interface MessageTimeline extends MessageSummary {
  readonly requestId: string | null;
  readonly expiresAt: Date;
  readonly linkExpiresAt: Date | null;
  readonly lastReply: string | null;
  readonly timeline: readonly TimelineEntry[];
}

export interface MessagePage {
  readonly limit: number;
  /** The id of the last message of the page before. */
  readonly after?: string | undefined;
}

/** Newest first. */
export async function listMessages(
  db: Database,
  filter: MessageFilter,
  page: MessagePage,
): Promise<{ items: MessageSummary[]; next: string | null }> {
  const rows = await db.orm
    .select({ message, account: accountColumns })
    .from(message)
    .leftJoin(user, eq(user.id, message.userId))
    .where(pageCondition(filter, page))
    .orderBy(desc(message.id))
    .limit(page.limit + 1);
  return pageOf(
    rows.map((row) => summaryOf(row.message, row.account)),
    page,
  );
}

/** The timelines of an account's messages, newest first. */
export async function listOwnTimelines(
  db: Database,
  userId: string,
  page: MessagePage,
): Promise<{ items: MessageTimeline[]; next: string | null }> {
  const ids = db.orm
    .select({ id: message.id })
    .from(message)
    .where(pageCondition({ userId }, page))
    .orderBy(desc(message.id))
    .limit(page.limit + 1);
  return pageOf(await readTimelines(db, inArray(message.id, ids)), page);
}

const pageCondition = (filter: MessageFilter, { after }: MessagePage) =>
  and(...conditionsOf(filter), after === undefined ? undefined : lt(message.id, after));

/** @param rows one more than the page has, where another page follows. */
function pageOf<T extends { readonly id: string }>(rows: readonly T[], { limit }: MessagePage) {
  const items = rows.slice(0, limit);
  return { items, next: rows.length > limit ? (items.at(-1)?.id ?? null) : null };
}

/** One email from the request to the use of its link. @throws {NotFound} */
export async function findMessage(db: Database, id: string): Promise<MessageTimeline> {
  const [found] = await readTimelines(db, eq(message.id, id));
  if (!found) throw noSuchMessage(id);
  return found;
}

/** Newest first, in one statement however many messages there are. */
async function readTimelines({ orm }: Database, condition: SQL): Promise<MessageTimeline[]> {
  const rows = await orm
    .select({ message, account: accountColumns, token: oneTimeToken, attempt })
    .from(message)
    .leftJoin(user, eq(user.id, message.userId))
    .leftJoin(oneTimeToken, eq(oneTimeToken.messageId, message.id))
    .leftJoin(attempt, eq(attempt.messageId, message.id))
    .where(condition)
    .orderBy(desc(message.id), attempt.number);
  return [...Map.groupBy(rows, (row) => row.message.id).values()].map((group) => {
    const { message: row, account, token } = group[0]!;
    const attempts = group.flatMap((one) => one.attempt ?? []);
    return {
      ...summaryOf(row, account),
      requestId: row.requestId,
      expiresAt: row.expiresAt,
      linkExpiresAt: row.linkExpiresAt,
      lastReply: attempts.findLast((one) => one.reply !== null)?.reply ?? null,
      timeline: timelineOf(row, attempts, token),
    };
  });
}

const accountColumns = { username: user.username, email: user.email };

function summaryOf(row: MessageRow, account: { username: string; email: string } | null): MessageSummary {
  const lanes = Object.keys(LANES) as Lane[];
  return {
    id: row.id,
    kind: row.kind,
    lane: lanes.find((lane) => LANES[lane] === row.lane) ?? "bulk",
    state: row.state,
    reason: row.reason,
    // The address is fixed at the first attempt. Before that it is the account's.
    recipient: row.recipient ?? row.requestedEmail ?? account?.email ?? null,
    username: account?.username ?? null,
    attempts: row.attempts,
    createdAt: row.createdAt,
    dueAt: row.state === "queued" ? row.dueAt : null,
    endedAt: row.endedAt,
    retryOf: row.retryOf,
  };
}

function timelineOf(
  row: MessageRow,
  attempts: readonly (typeof attempt.$inferSelect)[],
  token: typeof oneTimeToken.$inferSelect | null,
): TimelineEntry[] {
  const plain = (at: Date, event: TimelineEntry["event"], text: string): TimelineEntry => ({
    at,
    event,
    text,
    attempt: null,
  });
  const entries: TimelineEntry[] = [
    plain(momentOf(row.id), "requested", row.retryOf ? `requested, as a retry of ${row.retryOf}` : "requested"),
    plain(row.createdAt, "committed", "committed"),
    ...attempts.map((one) => ({
      at: one.endedAt ?? one.startedAt,
      event: "attempt" as const,
      text: attemptText(one),
      attempt: one,
    })),
  ];
  if (row.endedAt && row.state !== "queued" && row.state !== "sending") {
    const text = row.state === "sent" ? "accepted by the SMTP server" : `${row.state}: ${row.reason}`;
    entries.push(plain(row.endedAt, row.state, text));
  }
  // The entries keep this order even when their times do not: clocks are set back, and the first is another machine's.
  if (token?.consumedAt) entries.push(plain(token.consumedAt, "link_used", "link used"));
  if (token?.revokedAt) entries.push(plain(token.revokedAt, "link_revoked", "link revoked"));
  return entries;
}

const attemptText = ({ number, outcome, phase, reply }: typeof attempt.$inferSelect): string =>
  [`attempt ${number}: ${outcome ?? "under way"}`, phase && `at ${phase}`, reply && `“${reply}”`]
    .filter(Boolean)
    .join(" ");

/**
 * A new message for the same purpose: new id, token and lifetime. For what failed, and for what an operator cancelled.
 * @throws {NotFound} {Conflict}
 */
export async function retryMessage(tx: Transaction, id: string): Promise<string> {
  // Under the row's lock, so that two clicks send one email.
  const [row] = await tx.select().from(message).where(eq(message.id, id)).for("no key update");
  if (!row) throw noSuchMessage(id);
  if (row.state !== "failed" && row.reason !== "cancelled") {
    throw new Conflict(`The message is ${wordsOf(row)}; only a failed or cancelled one can be retried.`);
  }
  const [underWay] = await tx
    .select({ id: message.id })
    .from(message)
    .where(and(inArray(message.state, ["queued", "sending"]), eq(message.retryOf, id)));
  if (underWay) throw new Conflict(`The message is being retried already, as ${underWay.id}.`);
  return await copyForRetry(tx, row);
}

/**
 * Ends a queued message, and the link it may have sent before.
 * @throws {NotFound} {Conflict} when it is not queued.
 */
export async function cancelMessage(tx: Transaction, id: string): Promise<void> {
  if (await cancelQueued(tx, id)) {
    await tx
      .update(oneTimeToken)
      .set({ revokedAt: sql`now()` })
      .where(and(eq(oneTimeToken.messageId, id), sql`consumed_at is null`));
    return;
  }
  const [row] = await tx.select().from(message).where(eq(message.id, id));
  if (!row) throw noSuchMessage(id);
  throw new Conflict(`The message is ${wordsOf(row)}; only a queued one can be cancelled.`);
}

/** Ends what is queued of a kind to an account, for a message that takes its place. */
export const supersedeMessages = async (tx: Transaction, userId: string, kind: KindName): Promise<void> =>
  await supersedeQueued(tx, userId, kind);

const wordsOf = (row: MessageRow): string => (row.reason ? `${row.state} (${row.reason})` : row.state);

/** Stops every courier from claiming, everywhere, until `resumeMail`. Emails that are being sent go on. */
export async function pauseMail(tx: Transaction, by: string): Promise<void> {
  await tx.update(mailControl).set({ pausedAt: sql`coalesce(paused_at, now())`, pausedBy: by });
}

export async function resumeMail(tx: Transaction): Promise<void> {
  await tx.update(mailControl).set({ pausedAt: null, pausedBy: null });
}

const noSuchMessage = (id: string): NotFound => new NotFound(`There is no message ${id}.`);

export const KIND_NAMES = Object.keys(KINDS) as KindName[];
