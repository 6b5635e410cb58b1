/**
 * Tells a recipient who cannot be reached from a relay that refuses our mail, and decides what becomes of the message:
 * a wrong "rejected" loses an email that would go out once an operator has fixed the configuration.
 *
 * 1. What the server says is about the recipient: the message ends as rejected.
 * 2. It is about us: the message stays queued.
 * 3. It says neither: the recipient is at fault when the relay has accepted email under the present settings; else
 *    the message stays queued.
 *
 * A message that stays queued is tried again after its backoff, and others go out meanwhile. When another recipient is
 * refused as well, with nothing accepted in between, the relay refuses us: the breaker opens. When an email to another
 * recipient that began after the refusal is accepted, the next refusal ends the message as rejected; a refusal that asks
 * for a login or for encryption (530, 535, 538) never does.
 */
import type { Outcome } from "../outcome.ts";
import type { RelayRecord } from "./relay-record.ts";
import { asksForLogin, refusalSubject } from "./smtp/reply.ts";

type Rejected = Extract<Outcome, { type: "rejected" }>;

/** When this many different recipients are refused in a row, the server refuses us, even if its words say otherwise. */
const STREAK = 5;
/** The same number where the server says that the refusal is about us, or has never accepted anything. */
const SUSPICIOUS_STREAK = 2;
/** How long a rejection is held to see whether other recipients are rejected, too. */
const HOLD_MS = 5_000;

export interface SentMessage {
  readonly id: string;
  readonly recipient: string;
}

export interface Refusals {
  /**
   * @param record called once with the outcome to record: `rejected`, or `deferred` when the message stays queued.
   * @returns whether the relay can be used at all.
   */
  judge(message: SentMessage, outcome: Rejected, record: (final: Outcome) => void): "relay works" | "relay refuses us";
  /**
   * The relay has accepted an email: rejections that are held are believed, and the streak ends.
   * @param begunAt when that attempt began, on the clock of `now`.
   */
  accepted(message: SentMessage, begunAt: number): void;
  /** There is no time to wait: rejections that are held are believed. */
  flush(): void;
}

export interface RefusalsOptions {
  readonly relay: RelayRecord;
}

/** Messages whose first refusal is remembered. One that is forgotten is tried once more before it ends. */
const MAX_REMEMBERED = 10_000;

/**
 * What is remembered is of this courier alone and on a clock that only goes forward: after a restart, or when another
 * courier tries the message, it costs one more attempt.
 *
 * @param now in milliseconds. @default performance.now
 */
export function createRefusals({ relay }: RefusalsOptions, now: () => number = () => performance.now()): Refusals {
  const recipients = new Set<string>();
  /** Rejections that are held to see whether other recipients are rejected, each with its timer. */
  const held = new Map<() => void, ReturnType<typeof setTimeout>>();
  /** When each queued message was first refused, the oldest first. */
  const refusedAt = new Map<string, number>();
  /** When the youngest attempt of each of the last two recipients whose email was accepted began. */
  const acceptedAt = new Map<string, number>();
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

  /** Whether an attempt that began after the first refusal of this message took an email to another recipient. */
  const othersGoThrough = ({ id, recipient }: SentMessage): boolean => {
    const first = refusedAt.get(id);
    if (first === undefined) return false;
    return [...acceptedAt].some(([other, begunAt]) => other !== recipient && begunAt > first);
  };

  const remember = ({ id }: SentMessage): void => {
    if (refusedAt.has(id)) return;
    refusedAt.set(id, now());
    const [oldest] = refusedAt.keys();
    if (refusedAt.size > MAX_REMEMBERED && oldest !== undefined) refusedAt.delete(oldest);
  };

  return {
    judge(message, outcome, record) {
      const wantsLogin = asksForLogin(outcome.code);
      const subject = wantsLogin ? "us" : refusalSubject(outcome.reply);
      recipients.add(message.recipient);
      if (subject === "recipient" || (subject === "unclear" && relay.accepts)) {
        hold(outcome, record);
        return allRefused() ? "relay refuses us" : "relay works";
      }
      // The email goes out once SMTP_URL has the right login, however many others go out without one.
      if (!wantsLogin && othersGoThrough(message)) {
        refusedAt.delete(message.id);
        record(outcome);
        return "relay works";
      }
      remember(message);
      record({ ...outcome, type: "deferred" });
      return recipients.size < SUSPICIOUS_STREAK ? "relay works" : "relay refuses us";
    },
    accepted({ id, recipient }, begunAt) {
      relay.accepted();
      refusedAt.delete(id);
      const youngest = Math.max(begunAt, acceptedAt.get(recipient) ?? begunAt);
      acceptedAt.delete(recipient);
      acceptedAt.set(recipient, youngest);
      const [oldest] = acceptedAt.keys();
      if (acceptedAt.size > 2 && oldest !== undefined) acceptedAt.delete(oldest);
      recipients.clear();
      flush();
    },
    flush,
  };
}
