/**
 * What an input says in place of what is only known when the request is sent: `«owner.reset»` is a reset token of the
 * account `owner`. So inputs are plain values: they can be made from a seed, changed, and printed.
 */

/** Two accounts that are nobody's superior, and a superuser. */
export type AccountName = "owner" | "other" | "boss";

/** Who sends the request; `self` acts on its own account most of the time, which is `owner`. */
export const ROLES = ["anonymous", "self", "other", "superuser"] as const;
export type Role = (typeof ROLES)[number];

/** What an account's owner knows, or reads in a letter. */
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
  | "freeze";

/** What allows whoever has it to do something. */
export const SECRETS: ReadonlySet<Possession> = new Set([
  "password",
  "access",
  "refresh",
  "reset",
  "verify",
  "change",
  "freeze",
]);

export interface Ref {
  readonly account: AccountName;
  readonly what: Possession;
}

/** @param account `caller`: of whoever sends the request. */
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

/** Nobody's own is the first account's: an anonymous attacker who has found it. */
const nameOf = (account: string, role: Role): AccountName =>
  account === "caller" ? (accountOf(role) ?? "owner") : (account as AccountName);
