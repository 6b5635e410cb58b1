/**
 * References to values that are known only when the request is sent: `«owner.reset»` stands for a reset token of the
 * account `owner`. With them inputs are plain values that can be made from a seed, changed, and printed.
 */

/** Two ordinary accounts and a superuser. */
export type AccountName = "owner" | "other" | "boss";

/** Who sends the request; `self` acts on its own account most of the time, which is `owner`. */
export const ROLES = ["anonymous", "self", "other", "superuser"] as const;
export type Role = (typeof ROLES)[number];

/** What an account's owner knows, or reads in an email. */
export type Possession =
  | "username"
  /** The username of another account, which is invited. */
  | "invited"
  | "email"
  | "password"
  | "access"
  | "refresh"
  | "session"
  | "message"
  | "cancelled"
  | "event"
  | "etag"
  | "reset"
  | "verify"
  | "change"
  | "freeze"
  | "registration";

/** Possessions that give their holder access to an account. */
export const SECRETS: ReadonlySet<Possession> = new Set([
  "password",
  "access",
  "refresh",
  "reset",
  "verify",
  "change",
  "freeze",
  "registration",
]);

export interface Ref {
  readonly account: AccountName;
  readonly what: Possession;
}

/** @param account `caller` is the account that sends the request. */
export const ref = (account: AccountName | "caller", what: Possession): string => `«${account}.${what}»`;

const REF = /«(owner|other|boss|caller)\.([a-z]+)»/g;

export const accountOf = (role: Role): AccountName | null =>
  role === "anonymous" ? null : role === "self" ? "owner" : role === "other" ? "other" : "boss";

export function refsIn(text: string, role: Role): Ref[] {
  return [...text.matchAll(REF)].map(([, account, what]) => ({
    account: nameOf(account ?? "", role),
    what: what as Possession,
  }));
}

export function fill(text: string, role: Role, valueOf: (ref: Ref) => string): string {
  return text.replace(REF, (_, account: string, what: Possession) => valueOf({ account: nameOf(account, role), what }));
}

/** An anonymous caller has no account: the reference is to `owner`, as if the attacker had found its values. */
const nameOf = (account: string, role: Role): AccountName =>
  account === "caller" ? (accountOf(role) ?? "owner") : (account as AccountName);
