import { isIP } from "node:net";
import { Invalid, listOf, quote } from "./parsers.ts";

/** One address, or all whose first `prefix` bits are its own. */
export interface IpRange {
  readonly address: string;
  readonly prefix: number;
  readonly family: "ipv4" | "ipv6";
}

/** Addresses and CIDR ranges (RFC 4632 §3.1), separated by commas. */
export const parseIpRanges = (text: string): readonly IpRange[] => listOf(text).map(parseIpRange);

function parseIpRange(text: string): IpRange {
  const [, address = "", digits] = /^([0-9a-f:.]+)(?:\/(\d{1,3}))?$/i.exec(text) ?? [];
  const version = isIP(address);
  const bits = version === 6 ? 128 : 32;
  const prefix = digits === undefined ? bits : Number(digits);
  if (version === 0 || prefix > bits) {
    throw new Invalid(`must list addresses or ranges such as 10.0.0.1 or 10.0.0.0/8, not ${quote(text)}`);
  }
  // A peer's ::ffff:192.0.2.1 is read as 192.0.2.1, so a range of such addresses is one of IPv4.
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1];
  if (mapped && prefix >= 96) return { address: mapped, prefix: prefix - 96, family: "ipv4" };
  return { address, prefix, family: version === 6 ? "ipv6" : "ipv4" };
}
