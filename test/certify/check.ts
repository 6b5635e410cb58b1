/**
 * The checker. Its facts are the client's log and the SMTP server's log. It judges the outbox by them, because the
 * outbox may be wrong about itself. Pure.
 */
import type { SmtpEvent } from "./faulty-smtp.ts";

/** One line of the client's log. Times are milliseconds since the epoch. */
export interface Request {
  readonly email: string;
  readonly at: number;
  /** From the request to the end of the answer, in milliseconds. */
  readonly tookMs: number;
  /** The HTTP status; 0 when no answer came. */
  readonly status: number;
  /** The answer's `X-Request-Id`, which the outbox stores with the message. */
  readonly requestId: string | null;
}

/** A message as the outbox shows it when the scenario is over. */
export interface OutboxRow {
  readonly id: string;
  readonly requestId: string | null;
  readonly email: string | null;
  readonly state: string;
  readonly reason: string | null;
  readonly endedAt: number | null;
  /** How many attempts the outbox has recorded. */
  readonly attempts: number;
}

/** A time in which a process or a database connection was killed, or a process could not read what it was sent. */
export interface Disturbance {
  readonly what: string;
  readonly from: number;
  readonly until: number;
}

export interface Facts {
  readonly requests: readonly Request[];
  readonly smtp: readonly SmtpEvent[];
  readonly outbox: readonly OutboxRow[];
  readonly disturbances: readonly Disturbance[];
  /** When the last fault was over: the process had been started again, the server behaved again. */
  readonly faultsEndedAt: number;
  /**
   * Reasons with which the scenario lets messages end instead of being mailed, by address. The address `*` stands for
   * every address, and the reason `*` for every reason.
   */
  readonly allowedEnds: ReadonlyMap<string, ReadonlySet<string>>;
  /**
   * Addresses whose messages the fault touches; all others must not wait. Null: a message counts as untouched when its
   * first attempt sent it.
   */
  readonly touched: ReadonlySet<string> | null;
  /** How long a link lives, in seconds. */
  readonly linkSeconds: number;
}

export interface Verdict {
  /** Requests answered 200. */
  readonly promised: number;
  /** Promised, and accepted by the SMTP server. */
  readonly mailed: number;
  /** Promised, and ended otherwise, as the scenario allows: how many by reason. */
  readonly ended: Readonly<Record<string, number>>;
  /** Promised, and neither mailed nor ended as allowed: one sentence each. */
  readonly lost: readonly string[];
  /** Where the outbox and the SMTP server's log contradict each other. */
  readonly falseRecords: readonly string[];
  /** Copies of one message beyond the first which the server has, or may have, accepted. */
  readonly explained: number;
  readonly unexplained: readonly string[];
  /** Copies that differ from the first in any byte. */
  readonly differing: readonly string[];
  /** Emails whose link had expired when they were accepted. */
  readonly expiredLinks: readonly string[];
  /** The longest time from the end of the faults to the end of a pending message, in seconds; null: none was pending. */
  readonly worstRecovery: number | null;
  /**
   * The longest time from the answer to the server's 250 of a message that the fault does not touch, in seconds; null:
   * there was none.
   */
  readonly othersWaited: number | null;
}

/** An email that the server has received whole and not refused. */
interface Copy {
  readonly messageId: string;
  readonly recipient: string;
  readonly dotAt: number;
  /** When the reply was sent; null: it never was. */
  readonly answeredAt: number | null;
  /** Whether the server's reply was 250. */
  readonly accepted: boolean;
  /** Whether the whole reply was handed to an open connection. */
  readonly delivered: boolean;
  readonly digest: string;
  readonly link: string | null;
  readonly date: string;
}

/**
 * From the 250 to the record of it. An idle machine needs milliseconds. The window is this long so that a busy machine
 * does not turn a kill between the two into an unexplained copy.
 */
const SETTLE_WINDOW_MS = 2_000;
/** What a process had handed to the kernel before it was killed reaches the server within this time. */
const IN_FLIGHT_MS = 500;

export function check(facts: Facts): Verdict {
  const copies = copiesOf(facts.smtp);
  const outbox = Map.groupBy(facts.outbox, (row) => row.requestId ?? row.id);
  const promised = facts.requests.filter(({ status }) => status === 200);
  const ended: Record<string, number> = {};
  const lost: string[] = [];
  let mailed = 0;
  for (const request of promised) {
    const row = outbox.get(request.requestId ?? "none")?.[0];
    const fate = fateOf(request, row, row ? (copies.get(row.id) ?? []) : [], facts);
    if (fate.type === "mailed") mailed += 1;
    else if (fate.type === "ended") ended[fate.reason] = (ended[fate.reason] ?? 0) + 1;
    else lost.push(`${request.email}, requested at ${time(request.at)}: ${fate.why}`);
  }
  const duplicates = [...copies.values()].flatMap((copy) => duplicatesOf(copy, facts.disturbances));
  return {
    promised: promised.length,
    mailed,
    ended,
    lost,
    falseRecords: [
      ...contradictions(facts.outbox, copies),
      ...unknownEmails(facts.outbox, copies),
      ...duplicateRows(outbox),
    ],
    explained: duplicates.filter(({ explanation }) => explanation !== null).length,
    unexplained: duplicates.flatMap(({ explanation, words }) => (explanation === null ? [words] : [])),
    differing: [...copies.values()].flatMap(differences),
    expiredLinks: [...copies.values()].flat().flatMap((copy) => expiredLink(copy, facts.linkSeconds)),
    worstRecovery: worstRecovery(promised, outbox, copies, facts.faultsEndedAt),
    othersWaited: othersWaited(promised, outbox, copies, facts.touched),
  };
}

/** By message id, in the order of arrival. */
function copiesOf(events: readonly SmtpEvent[]): Map<string, Copy[]> {
  const answers = new Map(events.flatMap((event) => (event.event === "answer" ? [[event.email, event] as const] : [])));
  const copies: Copy[] = [];
  for (const event of events) {
    if (event.event !== "dot") continue;
    const answer = answers.get(event.email);
    // A refusal leaves no copy at the server, whether or not the courier has read it.
    if (answer?.reply && !answer.reply.startsWith("250")) continue;
    const { recipient, digest, link, date } = event;
    const accepted = answer?.reply?.startsWith("250") ?? false;
    copies.push({
      ...{ recipient, digest, link, date, accepted },
      messageId: /^<([^@>]+)@/.exec(event.messageId)?.[1] ?? event.messageId,
      dotAt: event.at,
      answeredAt: accepted ? (answer?.at ?? null) : null,
      delivered: answer?.delivered ?? false,
    });
  }
  return Map.groupBy(copies, ({ messageId }) => messageId);
}

type Fate = { type: "mailed" } | { type: "ended"; reason: string } | { type: "lost"; why: string };

function fateOf(request: Request, row: OutboxRow | undefined, copies: readonly Copy[], facts: Facts): Fate {
  if (!row) return { type: "lost", why: "the outbox has no row for it" };
  const own = copies.filter(({ recipient }) => recipient === request.email);
  if (row.state === "sent") {
    return own.some(({ accepted }) => accepted)
      ? { type: "mailed" }
      : { type: "lost", why: `message ${row.id} is "sent", and the server never accepted it` };
  }
  const reason = row.reason ?? row.state;
  if (reason === "superseded" && !facts.outbox.some((other) => supersedes(other, row))) {
    return { type: "lost", why: `message ${row.id} is superseded, and no newer one was sent` };
  }
  const allowed = facts.allowedEnds.get(request.email) ?? facts.allowedEnds.get("*");
  if (row.endedAt !== null && (allowed?.has(reason) || allowed?.has("*"))) return { type: "ended", reason };
  return { type: "lost", why: `message ${row.id} is ${row.reason ? `${row.state} (${row.reason})` : row.state}` };
}

const supersedes = (newer: OutboxRow, older: OutboxRow): boolean =>
  newer.email === older.email && newer.id > older.id && newer.state === "sent";

/** A row that is `sent` without a 250 that was handed over, and a row that was dropped although the server has the email. */
function contradictions(outbox: readonly OutboxRow[], copies: ReadonlyMap<string, readonly Copy[]>): string[] {
  return outbox.flatMap((row) => {
    const own = copies.get(row.id) ?? [];
    if (row.state === "sent" && !own.some(({ delivered, accepted }) => accepted && delivered)) {
      return [`message ${row.id} is "sent", and the server never answered 250`];
    }
    if (row.state === "dropped" && own.length > 0 && row.reason !== "superseded" && row.reason !== "revoked") {
      return [`message ${row.id} is dropped (${row.reason}), and the server has accepted it`];
    }
    return [];
  });
}

function unknownEmails(outbox: readonly OutboxRow[], copies: ReadonlyMap<string, readonly Copy[]>): string[] {
  const known = new Set(outbox.map(({ id }) => id));
  return [...copies.keys()].flatMap((id) =>
    known.has(id) ? [] : [`the server has accepted ${id}, which is not in the outbox`],
  );
}

function duplicateRows(outbox: ReadonlyMap<string, readonly OutboxRow[]>): string[] {
  return [...outbox].flatMap(([requestId, rows]) => (rows.length > 1 ? [`request ${requestId} has two rows`] : []));
}

/** A copy that another one followed is explained when the courier could not know that the server had accepted it. */
function duplicatesOf(
  copies: readonly Copy[],
  disturbances: readonly Disturbance[],
): { words: string; explanation: string | null }[] {
  return copies.slice(0, -1).map((copy) => {
    const until = (copy.answeredAt ?? copy.dotAt) + SETTLE_WINDOW_MS;
    const disturbance = disturbances.find((d) => d.from <= until && d.until + IN_FLIGHT_MS >= copy.dotAt);
    const explanation = copy.delivered ? (disturbance?.what ?? null) : "the reply was lost";
    return { words: `${copy.messageId} to ${copy.recipient}, accepted at ${time(copy.dotAt)}`, explanation };
  });
}

function differences(copies: readonly Copy[]): string[] {
  const [first, ...rest] = copies;
  return rest.flatMap((copy) => {
    if (copy.digest === first?.digest) return [];
    const what =
      copy.link !== first?.link ? "another link" : copy.date !== first?.date ? "another Date" : "other bytes";
    return [`${copy.messageId} was sent again with ${what}`];
  });
}

function expiredLink(copy: Copy, linkSeconds: number): string[] {
  const end = Date.parse(copy.date) + linkSeconds * 1_000;
  return copy.dotAt <= end
    ? []
    : [`${copy.messageId} arrived ${Math.round((copy.dotAt - end) / 1_000)} s after its link had expired`];
}

function worstRecovery(
  promised: readonly Request[],
  outbox: ReadonlyMap<string, readonly OutboxRow[]>,
  copies: ReadonlyMap<string, readonly Copy[]>,
  faultsEndedAt: number,
): number | null {
  let worst: number | null = null;
  for (const { requestId, at } of promised) {
    const row = outbox.get(requestId ?? "none")?.[0];
    const accepted = row && copies.get(row.id)?.find((copy) => copy.delivered)?.answeredAt;
    // A message is pending until its 250 is recorded too: where the record was lost, until its copy has been accepted.
    const end = Math.max(accepted ?? 0, row?.endedAt ?? 0);
    if (end <= faultsEndedAt) continue;
    worst = Math.max(worst ?? 0, (end - Math.max(faultsEndedAt, at)) / 1_000);
  }
  return worst;
}

function othersWaited(
  promised: readonly Request[],
  outbox: ReadonlyMap<string, readonly OutboxRow[]>,
  copies: ReadonlyMap<string, readonly Copy[]>,
  touched: ReadonlySet<string> | null,
): number | null {
  let worst: number | null = null;
  for (const { requestId, email, at, tookMs } of promised) {
    const row = outbox.get(requestId ?? "none")?.[0];
    if (!row || (touched ? touched.has(email) : row.attempts !== 1)) continue;
    const accepted = copies.get(row.id)?.find((copy) => copy.accepted)?.answeredAt ?? null;
    if (accepted !== null) worst = Math.max(worst ?? 0, (accepted - at - tookMs) / 1_000);
  }
  return worst;
}

const time = (at: number): string => new Date(at).toISOString().slice(11, 23);
