import { isIP, isIPv6 } from "node:net";
import { Invalid, quote } from "./parsers.ts";

/**
 * The one spelling of a host name or address, by the URL standard: lower case, A-labels, `127.1` as `127.0.0.1`, an
 * IPv6 address shortened and without brackets. Null when it is none.
 */
export function canonicalHost(host: string): string | null {
  const url = URL.parse(`http://${isIPv6(host) ? `[${host}]` : host}/`);
  if (!url || url.host !== url.hostname || url.href !== `http://${url.host}/`) return null;
  const name = url.hostname.replace(/^\[|\]$/g, "").replace(/\.$/, "");
  return isIP(name) !== 0 || /^[a-z0-9_-]{1,63}(\.[a-z0-9_-]{1,63})*$/.test(name) ? name : null;
}

export function parseHost(text: string): string {
  const host = canonicalHost(text);
  if (host === null) throw new Invalid(`must be a host name or an address to listen on, not ${quote(text)}`);
  return host;
}

/** True when nothing outside this machine reaches `host`. */
export function isLoopback(host: string): boolean {
  const name = canonicalHost(host);
  // An IPv4 address in IPv6 is spelled in hexadecimal there: 7f is 127.
  return name === "localhost" || name === "::1" || /^(127(\.\d+){3}|::ffff:7f[0-9a-f]{2}:[0-9a-f]+)$/.test(name ?? "");
}
