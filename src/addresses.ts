import { domainToASCII } from "node:url";
import { InvalidInput } from "./errors.ts";

/** An email address in its canonical form. Only {@link normaliseAddress} makes one, and the database holds no other. */
export type Address = string & { readonly [canonical]: true };
declare const canonical: unique symbol;

/**
 * The canonical form of an email address. It is unique and stored, and emails go to it.
 *
 * The local part is ASCII and in lower case. RFC 5321 §2.4 lets servers tell cases apart, but no common one does, and two
 * accounts that differ in case only would let an attacker imitate an owner. The domain becomes A-labels (RFC 5890). Quoted
 * local parts, comments, address literals and dotless domains are refused. Spaces around the address are ignored, because
 * the keyboards of phones add one.
 *
 * @returns null when the text is not such an address.
 */
export function normaliseAddress(text: string): Address | null {
  const typed = withoutSpaces(text);
  const at = typed.lastIndexOf("@");
  if (at < 1) return null;
  const local = typed.slice(0, at);
  const typedDomain = typed.slice(at + 1);
  // RFC 5322 §3.2.3, dot-atom; lengths from RFC 5321 §4.5.3.1.
  if (local.length > 64 || !/^[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*$/.test(local))
    return null;
  // domainToASCII would drop a port and accept an IPv4 number, so that other characters are refused first.
  if (!/^[\p{L}\p{M}\p{N}.-]+$/u.test(typedDomain)) return null;
  const domain = domainToASCII(typedDomain).toLowerCase();
  if (!/^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+(xn--[a-z0-9-]{1,59}|[a-z]{2,63})$/.test(domain)) return null;
  const address = `${local.toLowerCase()}@${domain}`;
  return address.length <= 254 ? (address as Address) : null;
}

/** Domains that ignore dots in the local part, and the domain that all of their addresses belong to, as Google documents. */
const DOTLESS: ReadonlyMap<string, string> = new Map([
  ["gmail.com", "gmail.com"],
  ["googlemail.com", "gmail.com"],
]);

/**
 * The mailbox that an address is delivered to, for counting what a mailbox gets: without a sub-address (`pam+news@`,
 * RFC 5233) and without dots where the domain is known to ignore them. Emails never go to this form.
 */
export function mailboxOf(address: Address): string {
  const at = address.lastIndexOf("@");
  const domain = address.slice(at + 1);
  const local = address.slice(0, at).replace(/(?<=.)\+.*$/, "");
  const dotless = DOTLESS.get(domain);
  return dotless === undefined ? `${local}@${domain}` : `${local.replaceAll(".", "")}@${dotless}`;
}

/**
 * A login in the form by which the account is found: a canonical address, or a username. The throttle counts the same
 * form.
 */
export const canonicalLogin = (login: string): string => normaliseAddress(login) ?? withoutSpaces(login).toLowerCase();

/** Removes spaces at both ends. A line break stays, so that it is refused. */
const withoutSpaces = (text: string): string => text.replace(/^[\p{Zs}\t]+|[\p{Zs}\t]+$/gu, "");

/** @throws {InvalidInput} */
export function requireAddress(text: string): Address {
  const email = normaliseAddress(text);
  if (!email)
    throw new InvalidInput("This is not an email address that mail can be sent to.", "email", "invalid-address");
  return email;
}

/** `pam@example.com` -> `p…@example.com`: an email to one address of an account names the other one like this. */
export const masked = (email: Address): string => `${email.slice(0, 1)}…${email.slice(email.lastIndexOf("@"))}`;
