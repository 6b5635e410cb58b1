/**
 * Tells a recipient who cannot be reached from a relay that refuses our mail, and decides what becomes of the message:
 * a wrong "rejected" loses an email that would go out once an operator has mended the configuration.
 *
 * 1. What the server says is about the recipient: the message ends as rejected.
 * 2. It is about us: the message stays queued.
 * 3. It says neither: the recipient is at fault when the relay has accepted email under the present settings; else
 *    the message stays queued.
 *
 * A message that stays queued is tried again after its backoff, and others go out meanwhile. When another recipient is
 * refused as well, with nothing accepted in between, the relay refuses us: the breaker opens. When an email to another
 * recipient that began after the refusal is accepted, the next refusal ends the message as rejected.
 */
import type { Sql } from "../../db/client.ts";
import type { Log } from "../../log.ts";
import type { Outcome } from "../outcome.ts";
import type { RelayRecord } from "./relay-record.ts";
import { refusalSubject } from "./smtp/reply.ts";

type Rejected = Extract<Outcome, { type: "rejected" }>;

/** When this many different recipients are refused in a row, the server refuses us, even if its words say otherwise. */
const STREAK = 5;
/** The same where the server says that it is about us, or has never accepted anything. */
const SUSPICIOUS_STREAK = 2;
/** How long a rejection waits for its neighbours before it is believed. */
const HOLD_MS = 5_000;

export interface RefusedMessage {
  readonly id: string;
  readonly recipient: string;
}

export interface Refusals {
  /**
   * @param record called once with the outcome to record: `rejected`, or `deferred` when the message stays queued.
   * @returns whether the relay can be used at all.
   */
  judge(
    message: RefusedMessage,
    outcome: Rejected,
    record: (final: Outcome) => void,
  ): Promise<"relay works" | "relay refuses us">;
  /** The relay has accepted an email: rejections that are held are believed, and the streak ends. */
  accepted(): void;
  /** There is no time to wait: rejections that are held are believed. */
  flush(): void;
}

export interface RefusalsOptions {
  readonly sql: Sql;
  readonly relay: RelayRecord;
  readonly log: Log;
}

export function createRefusals({ sql, relay, log }: RefusalsOptions): Refusals {
  const recipients = new Set<string>();
  /** Rejections that wait for their neighbours, each with its timer. */
  const held = new Map<() => void, ReturnType<typeof setTimeout>>();
  const allRefused = (): boolean => recipients.size >= STREAK;

  const flush = (): void => {
    for (const [decide, timer] of held) {
      clearTimeout(timer);
      decide();
    }
    held.clear();
  };

  const hold = (outcome: Rejected, record: (final: Outcome) => void): void => {
    const decide = (): void => record(allRefused() ? { ...outcome, type: "deferred" } : outcome);
    const timer = setTimeout(() => {
      held.delete(decide);
      decide();
    }, HOLD_MS);
    held.set(decide, timer);
    if (allRefused()) flush();
  };

  return {
    async judge(message, outcome, record) {
      const subject = refusalSubject(outcome.reply);
      recipients.add(message.recipient);
      if (subject === "recipient" || (subject === "unclear" && relay.accepts)) {
        hold(outcome, record);
        return allRefused() ? "relay refuses us" : "relay works";
      }
      const othersGoThrough = await othersAcceptedSince(sql, message).catch((error: unknown) => {
        log.warn({ event: "refusal_unclear", messageId: message.id, err: error }, "could not look what others got");
        return false;
      });
      record(othersGoThrough ? outcome : { ...outcome, type: "deferred" });
      return othersGoThrough || recipients.size < SUSPICIOUS_STREAK ? "relay works" : "relay refuses us";
    },
    accepted() {
      relay.accepted();
      recipients.clear();
      flush();
    },
    flush,
  };
}

/** Whether an attempt that began after the first refusal of this message took an email to another recipient. */
async function othersAcceptedSince(sql: Sql, { id, recipient }: RefusedMessage): Promise<boolean> {
  const [row] = await sql<{ accepted: boolean }[]>`
    select exists (
      select 1 from message m join attempt a on a.message_id = m.id and a.outcome = 'sent'
      where m.state = 'sent' and m.ended_at > refused.at and a.started_at > refused.at and a.started_at <= now()
        and m.recipient <> ${recipient}
    ) as accepted
    from (select min(ended_at) as at from attempt 
          where message_id = ${id} and outcome = 'deferred' and code >= 500) refused`;
  return row?.accepted ?? false;
}
