/**
 * The states of a message, the reasons for its end, what becomes of an attempt, the states of an account and of a
 * courier's breaker, written once: types, columns, the constraint of the table, the OpenAPI schemas and the outbox page are derived from
 * these lists.
 */

export const MESSAGE_STATES = ["queued", "sending", "sent", "failed", "dropped"] as const;
export type MessageState = (typeof MESSAGE_STATES)[number];

/** It was to be sent, and was not, or not for certain. */
export const FAIL_REASONS = [
  /** The SMTP server refused it for good. */
  "rejected",
  /** Its lifetime, or its link's, ended before the SMTP server accepted it. */
  "expired",
  /** Three attempts ended without a reply: it may have arrived. */
  "unconfirmed",
  /** It could not be rendered, three times. */
  "render_error",
  /** The key of its link is not configured any more. */
  "key_retired",
  /** Two couriers stopped while they prepared, rendered or handed over this message. */
  "crashed",
  /** The database refuses to store what became of it. */
  "unrecordable",
] as const;
export type FailReason = (typeof FAIL_REASONS)[number];

/** It was not to be sent. */
export const DROP_REASONS = [
  "no_account",
  "account_disabled",
  /** A newer message of the same kind took its place. */
  "superseded",
  /** Its account has been sent its share of this kind. */
  "rate_limited",
  /** An operator suppressed the address. */
  "suppressed",
  /** The account's credentials changed after it was requested. */
  "revoked",
  /** An operator cancelled it. */
  "cancelled",
] as const;
export type DropReason = (typeof DROP_REASONS)[number];

export const REASONS = [...FAIL_REASONS, ...DROP_REASONS] as const;
export type Reason = FailReason | DropReason;

/** What became of an attempt: see `Outcome` in `mail/outcome.ts`. */
export const ATTEMPT_OUTCOMES = [
  "sent",
  "deferred",
  "rejected",
  "unknown",
  "transport_down",
  "render_error",
  "released",
] as const;
export type AttemptOutcome = (typeof ATTEMPT_OUTCOMES)[number];

/** Where the SMTP conversation of an attempt stands. */
export const SMTP_PHASES = [
  "connect",
  "greeting",
  "ehlo",
  "starttls",
  "auth",
  "mail",
  "rcpt",
  "data",
  "reply",
] as const;
export type Phase = (typeof SMTP_PHASES)[number];

/** The states of an account, in the order in which they are looked for: the first that holds is the state. */
export const ACCOUNT_STATES = [
  /** Its owner froze it, because a stranger was changing its address. */
  "frozen",
  "disabled",
  /** Its owner has not chosen a password yet. */
  "invited",
  /** It can log in, and no link that was sent to its address has been used. */
  "unverified",
  "active",
] as const;
export type AccountState = (typeof ACCOUNT_STATES)[number];

export const BREAKER_STATES = ["closed", "open", "probing"] as const;
export type BreakerPosition = (typeof BREAKER_STATES)[number];
