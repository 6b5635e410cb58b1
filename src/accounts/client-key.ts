/** Which requests come from one client, for what is counted by client (R8). */
import { isIPv4, isIPv6 } from "node:net";

/** All whose address is not known are one client: they cannot be told apart, and must not go free. */
const NO_ADDRESS = "no address";

/**
 * An IPv4 address as it is, and of an IPv6 address the /64, however it is spelt: one machine has a /64 to itself
 * (RFC 4291 §2.5.4), and 2^64 addresses in it. IPv4 in the clothes of IPv6 (`::ffff:192.0.2.1`) is IPv4.
 */
export function clientKey(address: string | null): string {
  const { v4, groups } = parse(address);
  if (groups) return `${groups.slice(0, 4).join(":")}::/64`;
  return v4?.join(".") ?? NO_ADDRESS;
}

/** The provider's network that an address is likely to be of: whoever commands very many addresses has them there. */
export function networkKey(address: string | null): string {
  const { v4, groups } = parse(address);
  if (groups) return `${groups.slice(0, 2).join(":")}::/32`;
  return v4 ? `${v4.slice(0, 2).join(".")}.0.0/16` : NO_ADDRESS;
}

interface Parsed {
  readonly v4?: readonly (string | number)[];
  /** Eight, hexadecimal, without leading zeros. */
  readonly groups?: readonly string[];
}

function parse(address: string | null): Parsed {
  if (address === null) return {};
  if (isIPv4(address)) return { v4: address.split(".") };
  if (!isIPv6(address)) return {};
  // The URL parser writes every IPv6 address in one way. A zone (`%eth0`) is this machine's own business.
  const canonical = new URL(`http://[${address.replace(/%.*$/s, "")}]`).hostname.slice(1, -1);
  const [head = [], tail] = canonical.split("::").map((side) => (side === "" ? [] : side.split(":")));
  const zeros = tail === undefined ? 0 : 8 - head.length - tail.length;
  const groups = [...head, ...Array.from({ length: zeros }, () => "0"), ...(tail ?? [])];
  return groups.slice(0, 6).join(":") === "0:0:0:0:0:ffff" ? { v4: groups.slice(6).flatMap(bytesOf) } : { groups };
}

const bytesOf = (group: string): number[] => {
  const value = Number.parseInt(group, 16);
  return [value >> 8, value & 0xff];
};
