/**
 * The checker. Its facts are the client's log and the SMTP server's log; by them it judges the outbox, which may be
 * wrong about itself. Pure.
 */
import type { HostileEvent } from "./hostile.ts";

/** One line of the client's log. Times are milliseconds since the epoch. */
export interface Asked {
  readonly email: string;
  readonly at: number;
  /** From the question to the whole answer, in milliseconds. */
  readonly tookMs: number;
  /** HTTP's; 0: no answer. */
  readonly status: number;
  /** The answer's `X-Request-Id`, by which the outbox knows the request. */
  readonly requestId: string | null;
}

/** A message as the outbox has it, at the end. */
export interface Outcome {
  readonly id: string;
  readonly requestId: string | null;
  readonly email: string | null;
  readonly state: string;
  readonly reason: string | null;
  readonly endedAt: number | null;
}

/** A time in which a process or a backend of the database was killed, or a process could not read what it was sent. */
export interface Disturbance {
  readonly what: string;
  readonly from: number;
  readonly until: number;
}

export interface Facts {
  readonly asked: readonly Asked[];
  readonly smtp: readonly HostileEvent[];
  readonly outbox: readonly Outcome[];
  readonly disturbances: readonly Disturbance[];
  /** When the last fault was over: the process was started again, the server behaved again. */
  readonly faultsEndedAt: number;
  /** Ends that the scenario provokes, by address; the address `*` stands for any. Each other letter must be mailed. */
  readonly provoked: ReadonlyMap<string, ReadonlySet<string>>;
  /** How long a link lives, in seconds. */
  readonly linkSeconds: number;
}

export interface Verdict {
  /** Requests answered 200. */
  readonly promised: number;
  /** Promised, and accepted by the SMTP server. */
  readonly mailed: number;
  /** Promised, and ended otherwise, as the scenario provokes it: how many by reason. */
  readonly ended: Readonly<Record<string, number>>;
  /** Promised, and neither; each with what became of it. */
  readonly lost: readonly string[];
  /** Where the outbox and the SMTP server say different things. */
  readonly lied: readonly string[];
  /** Copies of one message that the server has taken whole, or may have, beyond the first. */
  readonly explained: number;
  readonly unexplained: readonly string[];
  /** Copies that are not the same letter to the byte. */
  readonly differing: readonly string[];
  /** Letters whose link was dead when they were accepted. */
  readonly dead: readonly string[];
  /** The longest time from the end of the faults to the end of what was pending, in seconds; null: nothing was. */
  readonly worstRecovery: number | null;
}

/** A letter that the server has taken whole and not refused. */
interface Copy {
  readonly messageId: string;
  readonly recipient: string;
  readonly dotAt: number;
  /** When the reply went out; null: it never did. */
  readonly answeredAt: number | null;
  /** Whether the server had said 250, and whether all of it was handed over. */
  readonly accepted: boolean;
  readonly delivered: boolean;
  readonly digest: string;
  readonly link: string | null;
  readonly date: string;
}

/**
 * From the 250 to the record of it. Milliseconds on an idle machine; this long, so that a busy one does not turn a
 * kill in that window into an unexplained copy.
 */
const SETTLE_WINDOW_MS = 2_000;
/** What a process had handed to the kernel before it was struck reaches the server after that. */
const IN_FLIGHT_MS = 500;

export function check(facts: Facts): Verdict {
  const copies = copiesOf(facts.smtp);
  const outbox = Map.groupBy(facts.outbox, (row) => row.requestId ?? row.id);
  const promised = facts.asked.filter(({ status }) => status === 200);
  const ended: Record<string, number> = {};
  const lost: string[] = [];
  let mailed = 0;
  for (const request of promised) {
    const row = outbox.get(request.requestId ?? "none")?.[0];
    const fate = fateOf(request, row, row ? (copies.get(row.id) ?? []) : [], facts);
    if (fate.type === "mailed") mailed += 1;
    else if (fate.type === "ended") ended[fate.reason] = (ended[fate.reason] ?? 0) + 1;
    else lost.push(`${request.email}, asked at ${time(request.at)}: ${fate.why}`);
  }
  const duplicates = [...copies.values()].flatMap((copy) => duplicatesOf(copy, facts.disturbances));
  return {
    promised: promised.length,
    mailed,
    ended,
    lost,
    lied: [...lies(facts.outbox, copies), ...strangers(facts.outbox, copies), ...twins(outbox)],
    explained: duplicates.filter(({ explanation }) => explanation !== null).length,
    unexplained: duplicates.flatMap(({ explanation, words }) => (explanation === null ? [words] : [])),
    differing: [...copies.values()].flatMap(differences),
    dead: [...copies.values()].flat().flatMap((copy) => deadLink(copy, facts.linkSeconds)),
    worstRecovery: worstRecovery(promised, outbox, copies, facts.faultsEndedAt),
  };
}

/** By message id, in the order they came. */
function copiesOf(events: readonly HostileEvent[]): Map<string, Copy[]> {
  const answers = new Map(
    events.flatMap((event) => (event.event === "answer" ? [[event.letter, event] as const] : [])),
  );
  const copies: Copy[] = [];
  for (const event of events) {
    if (event.event !== "dot") continue;
    const answer = answers.get(event.letter);
    // A whole "no" that was heard: there is no copy. One that may not have been heard is still a no.
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

function fateOf(request: Asked, row: Outcome | undefined, copies: readonly Copy[], facts: Facts): Fate {
  if (!row) return { type: "lost", why: "the outbox does not know it" };
  const mine = copies.filter(({ recipient }) => recipient === request.email);
  if (row.state === "sent") {
    return mine.some(({ accepted }) => accepted)
      ? { type: "mailed" }
      : { type: "lost", why: `message ${row.id} is "sent", and the server never accepted it` };
  }
  const reason = row.reason ?? row.state;
  if (reason === "superseded" && !facts.outbox.some((other) => supersedes(other, row))) {
    return { type: "lost", why: `message ${row.id} is superseded, and no newer one was sent` };
  }
  const provoked = facts.provoked.get(request.email) ?? facts.provoked.get("*");
  if (row.endedAt !== null && provoked?.has(reason)) return { type: "ended", reason };
  return { type: "lost", why: `message ${row.id} is ${row.reason ? `${row.state} (${row.reason})` : row.state}` };
}

const supersedes = (newer: Outcome, older: Outcome): boolean =>
  newer.email === older.email && newer.id > older.id && newer.state === "sent";

/** `sent` without a 250 that was handed over, and a 250 beyond doubt of which the outbox says anything else. */
function lies(outbox: readonly Outcome[], copies: ReadonlyMap<string, readonly Copy[]>): string[] {
  return outbox.flatMap((row) => {
    const mine = copies.get(row.id) ?? [];
    if (row.state === "sent" && !mine.some(({ delivered, accepted }) => accepted && delivered)) {
      return [`message ${row.id} is "sent", and the server's 250 never was`];
    }
    if (row.state === "dropped" && mine.length > 0 && row.reason !== "superseded" && row.reason !== "revoked") {
      return [`message ${row.id} is dropped (${row.reason}), and the server has it`];
    }
    return [];
  });
}

function strangers(outbox: readonly Outcome[], copies: ReadonlyMap<string, readonly Copy[]>): string[] {
  const known = new Set(outbox.map(({ id }) => id));
  return [...copies.keys()].flatMap((id) => (known.has(id) ? [] : [`the server has ${id}, which the outbox has not`]));
}

function twins(outbox: ReadonlyMap<string, readonly Outcome[]>): string[] {
  return [...outbox].flatMap(([requestId, rows]) => (rows.length > 1 ? [`request ${requestId} is there twice`] : []));
}

/** Each copy that another one followed must be one whose fate the courier could not know. */
function duplicatesOf(
  copies: readonly Copy[],
  disturbances: readonly Disturbance[],
): { words: string; explanation: string | null }[] {
  return copies.slice(0, -1).map((copy) => {
    const until = (copy.answeredAt ?? copy.dotAt) + SETTLE_WINDOW_MS;
    const disturbance = disturbances.find((d) => d.from <= until && d.until + IN_FLIGHT_MS >= copy.dotAt);
    const explanation = copy.delivered ? (disturbance?.what ?? null) : "the reply was lost";
    return { words: `${copy.messageId} to ${copy.recipient}, taken at ${time(copy.dotAt)}`, explanation };
  });
}

function differences(copies: readonly Copy[]): string[] {
  const [first, ...rest] = copies;
  return rest.flatMap((copy) => {
    if (copy.digest === first?.digest) return [];
    const what =
      copy.link !== first?.link ? "another link" : copy.date !== first?.date ? "another Date" : "other bytes";
    return [`${copy.messageId} came again with ${what}`];
  });
}

function deadLink(copy: Copy, linkSeconds: number): string[] {
  const end = Date.parse(copy.date) + linkSeconds * 1_000;
  return copy.dotAt <= end ? [] : [`${copy.messageId} came ${Math.round((copy.dotAt - end) / 1_000)} s after its link`];
}

function worstRecovery(
  promised: readonly Asked[],
  outbox: ReadonlyMap<string, readonly Outcome[]>,
  copies: ReadonlyMap<string, readonly Copy[]>,
  faultsEndedAt: number,
): number | null {
  let worst: number | null = null;
  for (const { requestId, at } of promised) {
    const row = outbox.get(requestId ?? "none")?.[0];
    const accepted = row && copies.get(row.id)?.find((copy) => copy.delivered)?.answeredAt;
    // Accepted, and on record: a 250 whose record was lost is pending until its copy has been accepted.
    const end = Math.max(accepted ?? 0, row?.endedAt ?? 0);
    if (end <= faultsEndedAt) continue;
    worst = Math.max(worst ?? 0, (end - Math.max(faultsEndedAt, at)) / 1_000);
  }
  return worst;
}

const time = (at: number): string => new Date(at).toISOString().slice(11, 23);
