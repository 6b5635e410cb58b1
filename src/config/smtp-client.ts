import { isIP, isIPv6 } from "node:net";
import { canonicalHost, isLoopback } from "./hosts.ts";
import { Invalid, quote } from "./parsers.ts";
import { parseSmtpUrl } from "./smtp-server.ts";

/**
 * `required`: encrypted with a verified certificate, or not at all. `opportunistic`: encrypted where the server offers
 * it, with any certificate (RFC 7435). `off`: STARTTLS is not used.
 */
export const SMTP_TLS = ["required", "opportunistic", "off"] as const;
export type SmtpTls = (typeof SMTP_TLS)[number];

/** Why `tls` contradicts the server's URL, as the rest of a sentence that begins with SMTP_TLS. Null: it does not. */
export function tlsConflict(smtpUrl: string, tls: SmtpTls | null): string | null {
  const { implicitTls, login, host } = parseSmtpUrl(smtpUrl);
  if (tls === null || tls === "required") return null;
  if (implicitTls) return `must be required or not set where SMTP_URL starts with smtps://, not ${tls}`;
  if (tls === "opportunistic" && login && !isLoopback(host)) {
    return (
      "must be required where SMTP_URL has a password, because a certificate that is not verified protects none; " +
      "with off, the password is sent without encryption"
    );
  }
  return null;
}

/**
 * A host name, or an address as the literal that SMTP writes (RFC 5321 §4.1.3): `[192.0.2.1]`, `[IPv6:2001:db8::1]`.
 * @throws {Invalid}
 */
export function parseHelo(text: string): string {
  const name = canonicalHost(text.replace(/^\[(?:IPv6:)?(.+)\]$/i, "$1"));
  if (name === null) throw new Invalid(`must be a host name or an address, not ${quote(text)}`);
  return literal(name);
}

/**
 * What EHLO says where nothing is configured (RFC 5321 §4.1.4): the host by which people reach this server, or the
 * sender's domain where that host means something on this machine or network only.
 */
export function defaultHelo(publicUrl: string, sender: string): string {
  const host = canonicalHost(new URL(publicUrl).hostname) ?? "localhost";
  const local = isLoopback(host) || !/[.:]/.test(host) || /\.(localhost|local|internal|home\.arpa)$/.test(host);
  return local ? sender.slice(sender.lastIndexOf("@") + 1) : literal(host);
}

function literal(host: string): string {
  if (isIP(host) === 0) return host;
  return isIPv6(host) ? `[IPv6:${host}]` : `[${host}]`;
}
