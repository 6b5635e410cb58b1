/**
 * Which requests come from this machine's own browser, for what is meant for development only.
 *
 * A page of a foreign site reaches a server on loopback by DNS rebinding: its name is made to point at 127.0.0.1, and
 * the browser takes both for one site. The browser still sends the foreign name as Host.
 */
import { isLoopback } from "../config/hosts.ts";

/** True when the Host header names this machine: `localhost:8000`, `127.0.0.1`, `[::1]:8000`. */
export function hasLoopbackHost({ headers, url }: Request): boolean {
  // A request that did not cross a socket (app.handle) has no Host header, only a URL.
  const host = headers.get("host") ?? new URL(url).host;
  return isLoopback(host.replace(/:\d{1,5}$/, "").replace(/^\[(.*)\]$/, "$1"));
}

/** Headers that proxies add, in all spellings in use. */
const FORWARDING =
  /^(forwarded|via|x-forwarded(-.+)?|x-original-.+|x-real-ip|x-(cluster-)?client-ip|true-client-ip|cf-.+|fastly-client-ip)$/;

/** True when a proxy passed the request on: its client may be on any machine, even when the Host names this one. */
export const isForwarded = ({ headers }: Request): boolean => [...headers.keys()].some((name) => FORWARDING.test(name));
