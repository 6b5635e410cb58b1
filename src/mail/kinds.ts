/**
 * The kinds of mail, as a pure table: which lane, how long we try, how attempts are spaced, how long a link lives.
 * What a kind says and to whom is its mailer's (`mailers/`).
 */

export const LANES = { security: 0, account: 1, bulk: 2 } as const;
export type Lane = keyof typeof LANES;

export const LOCALES = ["en", "pt-BR"] as const;
export type Locale = (typeof LOCALES)[number];

/** A locale as people and files write it: `pt_br` is `pt-BR`. @returns undefined for any other text. */
export function localeOf(text: string): Locale | undefined {
  const wanted = text.trim().replace("_", "-").toLowerCase();
  return LOCALES.find((locale) => locale.toLowerCase() === wanted);
}

export interface Backoff {
  /** The first pause is drawn from 0 to this many seconds. */
  readonly firstSeconds: number;
  /** No pause is longer than this. */
  readonly maxSeconds: number;
}

export interface Kind {
  readonly lane: Lane;
  /** Counted from the request. After it no attempt starts, and the message ends as `expired`. */
  readonly lifetimeSeconds: number;
  readonly backoff: Backoff;
  /** Emails an account may get in a burst, and how often one more is allowed; null: its use case or its mailbox limits it. */
  readonly limit: { readonly burst: number; readonly refillSeconds: number } | null;
  /** True: it goes to an address that was typed and is not confirmed, so it counts towards `MAILBOX_LIMIT`. */
  readonly unprovedAddress?: true;
  /** What the link in it may do, and for how long from the start of the attempt; null: no link. */
  readonly link: Link | null;
}

export interface Link {
  readonly purpose: Purpose;
  readonly lifetimeSeconds: number | "reset";
  /** It undoes a change of the credentials, so that change must not end it. */
  readonly outlivesCredentials?: true;
}

/** What a one-time token may be used for: each has a key of its own. */
export type Purpose =
  | "password_reset"
  | "invitation"
  | "registration"
  | "email_verification"
  | "email_change"
  | "account_freeze";

/**
 * Emails to one mailbox, of all kinds with `unprovedAddress` together. Sub-addresses count as their mailbox
 * (`mailboxOf`), so that a stranger cannot flood a mailbox through them. The links that did arrive keep working.
 */
export const MAILBOX_LIMIT = { emails: 3, seconds: 3600 } as const;

const HOUR = 3600;
const DAY = 24 * HOUR;
/** Someone waits at a screen: try again within seconds, and never rarer than every 5 minutes. */
const AWAITED: Backoff = { firstSeconds: 5, maxSeconds: 300 };
/** For emails that no one waits for at a screen: a struggling server is left alone for longer. */
const UNATTENDED: Backoff = { firstSeconds: 15, maxSeconds: 900 };

export const KINDS = {
  password_reset: {
    lane: "security",
    // A reset that comes later than this is of no use: the request has long been made again, or forgotten.
    lifetimeSeconds: 2 * HOUR,
    backoff: AWAITED,
    limit: { burst: 3, refillSeconds: 300 },
    link: { purpose: "password_reset", lifetimeSeconds: "reset" },
  },
  password_changed: {
    lane: "security",
    lifetimeSeconds: 72 * HOUR,
    backoff: UNATTENDED,
    // Each tells of another change: the use case, or the limit of resets, limits how often there is one.
    limit: null,
    link: null,
  },
  invitation: {
    lane: "account",
    lifetimeSeconds: 72 * HOUR,
    backoff: UNATTENDED,
    limit: null,
    link: { purpose: "invitation", lifetimeSeconds: 72 * HOUR },
  },
  welcome: {
    lane: "account",
    lifetimeSeconds: 72 * HOUR,
    backoff: UNATTENDED,
    limit: null,
    link: null,
  },
  /** It goes to an address that has no account; its link creates one. */
  registration: {
    lane: "account",
    lifetimeSeconds: DAY,
    backoff: AWAITED,
    limit: null,
    unprovedAddress: true,
    link: { purpose: "registration", lifetimeSeconds: DAY },
  },
  /** To the address of an account whose owner asks for it: proves the address. */
  email_verification: {
    lane: "account",
    lifetimeSeconds: DAY,
    backoff: AWAITED,
    limit: { burst: 3, refillSeconds: 300 },
    link: { purpose: "email_verification", lifetimeSeconds: DAY },
  },
  /** To the new address: it becomes the account's when this link is used. */
  email_change_confirmation: {
    lane: "account",
    lifetimeSeconds: 2 * HOUR,
    backoff: AWAITED,
    limit: { burst: 3, refillSeconds: 300 },
    unprovedAddress: true,
    link: { purpose: "email_change", lifetimeSeconds: HOUR },
  },
  /** To the old address, which may be all that its owner still has. */
  email_change_notice: {
    lane: "security",
    lifetimeSeconds: 72 * HOUR,
    backoff: UNATTENDED,
    // Each tells of another request: the use case limits how often an account asks.
    limit: null,
    link: { purpose: "account_freeze", lifetimeSeconds: 7 * DAY, outlivesCredentials: true },
  },
  /** To the old and to the new address, when a superuser has changed it. */
  email_changed: {
    lane: "security",
    lifetimeSeconds: 72 * HOUR,
    backoff: UNATTENDED,
    // Each tells of another change: the use case limits how often an account's address is changed.
    limit: null,
    link: null,
  },
  /** To all superusers and to the account: who may administer is different now. */
  superuser_changed: {
    lane: "security",
    lifetimeSeconds: 72 * HOUR,
    backoff: UNATTENDED,
    // A later notice must not take the place of an earlier one, which tells of another account: the use case limits it.
    limit: null,
    link: null,
  },
  /** For a registration with an address that has an account: its owner learns of it, the caller does not. */
  registration_duplicate: {
    lane: "account",
    lifetimeSeconds: DAY,
    backoff: UNATTENDED,
    limit: { burst: 3, refillSeconds: 300 },
    link: null,
  },
} as const satisfies Record<string, Kind>;

export type KindName = keyof typeof KINDS;

export const isKindName = (name: string): name is KindName => Object.hasOwn(KINDS, name);
