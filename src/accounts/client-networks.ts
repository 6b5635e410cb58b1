/** The networks that a client's address belongs to: what is limited by client is counted for each of them. */
import { isIPv6 } from "node:net";

export interface Network {
  /** One spelling for each network, such as `2001:db8:1:200::/56`. */
  readonly key: string;
  /** How many times the allowance of one client the whole network has. */
  readonly share: number;
}

/**
 * The narrowest network stands for the client itself: an IPv4 address, or an IPv6 /64, which is what one household or one
 * phone gets (R8). The wider ones have larger allowances. A site gets a /56 or a /48 (RFC 6177 §2, RIPE-690), and phones of
 * one operator share a /48; an IPv4 /24 is the smallest network that is routed on its own.
 */
const IPV6_SHARES = { 64: 1, 56: 4, 48: 16 };
const IPV4_SHARES = { 32: 1, 24: 16 };

/**
 * @param address null for a connection that closed before its address was read.
 * @returns the narrowest network first.
 */
export function networksOf(address: string | null): readonly [Network, ...Network[]] {
  if (address === null) return [{ key: "no address", share: 1 }];
  const groups = isIPv6(address) ? groupsOf(address) : null;
  const ipv4 = groups === null ? address : embeddedIpv4(groups, IPV4_PREFIXES);
  if (groups === null || ipv4 !== null) {
    const [first = "", second = "", third = ""] = (ipv4 ?? address).split(".");
    return [
      { key: ipv4 ?? address, share: IPV4_SHARES[32] },
      { key: `${first}.${second}.${third}.0/24`, share: IPV4_SHARES[24] },
    ];
  }
  const site = groups.slice(0, 3).map(hex).join(":");
  const subnet = groups[3] ?? 0;
  return [
    { key: `${site}:${hex(subnet)}::/64`, share: IPV6_SHARES[64] },
    { key: `${site}:${hex(subnet & 0xff00)}::/56`, share: IPV6_SHARES[56] },
    { key: `${site}::/48`, share: IPV6_SHARES[48] },
  ];
}

/** One key for each client: the narrowest of its networks. */
export const clientKey = (address: string | null): string => networksOf(address)[0].key;

const hex = (group: number): string => group.toString(16);

/** The eight groups of an IPv6 address in any of its spellings (RFC 5952 §2). */
function groupsOf(address: string): number[] {
  // The URL parser writes every IPv6 address the same way; a zone (`%eth0`) is local to this machine.
  const canonical = new URL(`http://[${address.replace(/%.*$/, "")}]`).hostname.slice(1, -1);
  const [head = "", tail] = canonical.split("::");
  const numbers = (part: string): number[] => (part === "" ? [] : part.split(":").map((group) => parseInt(group, 16)));
  const [before, after] = [numbers(head), numbers(tail ?? "")];
  return [...before, ...Array.from({ length: 8 - before.length - after.length }, () => 0), ...after];
}

/** How IPv4 clients look on an IPv6 socket: `::ffff:0:0/96` (RFC 4291 §2.5.5.2). */
const MAPPED_PREFIX = "0:0:0:0:0:ffff";
/** `64:ff9b::/96` is how they look behind a translator (RFC 6052 §2.1). */
const IPV4_PREFIXES = [MAPPED_PREFIX, "64:ff9b:0:0:0:0"];

/** @returns null when none of the prefixes stands before the last 32 bits. */
function embeddedIpv4(groups: readonly number[], prefixes: readonly string[]): string | null {
  if (!prefixes.includes(groups.slice(0, 6).map(hex).join(":"))) return null;
  const [high = 0, low = 0] = groups.slice(6);
  return [high >> 8, high & 0xff, low >> 8, low & 0xff].join(".");
}

/** `::ffff:192.0.2.1` is `192.0.2.1`, however it is spelt: one client has one spelling. */
export function unmapped(address: string): string {
  const plain = address.toLowerCase();
  return isIPv6(plain) ? (embeddedIpv4(groupsOf(plain), [MAPPED_PREFIX]) ?? plain) : plain;
}
