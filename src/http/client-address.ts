/** The client's address, as far as proxies that are trusted vouch for it. */
import { BlockList, isIP } from "node:net";
import { unmapped } from "../accounts/client-networks.ts";
import type { IpRange } from "../config/ip-ranges.ts";

export type ClientAddress = (request: Request, peer: string | null) => string | null;

/** @param trustProxy peers whose `X-Forwarded-For` and `Forwarded` are believed. */
export function clientAddressOf(trustProxy: readonly IpRange[]): ClientAddress {
  const trusted = blockListOf(trustProxy);
  return ({ headers }, peer) => {
    const proxy = peer === null ? null : unmapped(peer);
    if (proxy === null || !isTrusted(proxy, trusted)) return proxy;
    const listed = headers.get("x-forwarded-for");
    const forwarded = headers.get("forwarded");
    const byList = listed === null ? null : lastUntrusted(proxy, listed.split(",").map(addressOf), trusted);
    const byForwarded = forwarded === null ? null : lastUntrusted(proxy, forwardedFor(forwarded), trusted);
    // A proxy writes one of the two and may pass on the other as the client sent it. When they disagree, one is forged
    // and nothing tells which: the client then counts as the proxy itself.
    if (byList !== null && byForwarded !== null && byList !== byForwarded) return proxy;
    return byList ?? byForwarded ?? proxy;
  };
}

/** The right-most hop that is not a trusted proxy. A hop that hides its address ends the search (RFC 7239 §6.2, §6.3). */
function lastUntrusted(proxy: string, hops: readonly (string | null)[], trusted: BlockList): string {
  let client = proxy;
  for (const hop of hops.toReversed()) {
    if (hop === null) break;
    client = hop;
    if (!isTrusted(hop, trusted)) break;
  }
  return client;
}

/** The `for` of each element, oldest first; null for one that has none or is no address (RFC 7239 §4). */
function forwardedFor(header: string): (string | null)[] {
  // Quoted strings may hold commas and semicolons.
  const elements = header.match(/(?:"(?:[^"\\]|\\.)*"|[^,"])+/g) ?? [];
  return elements.map((element) => {
    const [, value] = /(?:^|;)\s*for\s*=\s*("(?:[^"\\]|\\.)*"|[^;\s]*)/i.exec(element) ?? [];
    return value === undefined ? null : addressOf(value);
  });
}

/**
 * `192.0.2.1`, `192.0.2.1:54321`, `2001:db8::1`, `[2001:db8::1]`, `[2001:db8::1]:443`, each also in quotes (RFC 7239 §6).
 * @returns null for `unknown`, `_hidden` and everything else.
 */
function addressOf(text: string): string | null {
  const plain = text.trim().replace(/^"(.*)"$/, "$1");
  const [, bracketed] = /^\[([^\]]+)\](?::\d+)?$/.exec(plain) ?? [];
  const [, withPort] = /^(\d+\.\d+\.\d+\.\d+):\d+$/.exec(plain) ?? [];
  const address = unmapped(bracketed ?? withPort ?? plain);
  return isIP(address) === 0 ? null : address;
}

export function blockListOf(ranges: readonly IpRange[]): BlockList {
  const list = new BlockList();
  for (const { address, prefix, family } of ranges) list.addSubnet(address, prefix, family);
  return list;
}

const isTrusted = (address: string, trusted: BlockList): boolean =>
  isIP(address) !== 0 && trusted.check(address, isIP(address) === 6 ? "ipv6" : "ipv4");
