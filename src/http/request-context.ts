/** What a request says about its sender: the client's address, its browser family and its language. */
import { BlockList, isIP } from "node:net";
import { Elysia } from "elysia";
import type { RequestContext } from "../accounts/caller.ts";
import type { IpRange } from "../config/ip-ranges.ts";
import { LOCALES, type Locale } from "../mail/kinds.ts";
import { requestIdOf } from "./request-id.ts";

/**
 * Adds `context`, a `RequestContext`, to the handlers of the routes that use it.
 * @param trustProxy peers whose `X-Forwarded-For` is believed.
 */
export const requestContext = (trustProxy: readonly IpRange[]) => {
  const trusted = blockListOf(trustProxy);
  return new Elysia({ name: "request-context", seed: trustProxy }).derive({ as: "scoped" }, ({ request, server }) => {
    const peer = server?.requestIP(request)?.address ?? null;
    const context: RequestContext = {
      client: {
        ip: clientAddress(peer, request.headers.get("x-forwarded-for"), trusted),
        browser: browserFamily(request.headers.get("user-agent")),
      },
      locale: preferredLocale(request.headers.get("accept-language")),
      requestId: requestIdOf(request),
    };
    return { context };
  });
};

/** The right-most address of the chain that is not one of our proxies; the peer itself unless it is one. */
export function clientAddress(peer: string | null, forwardedFor: string | null, trusted: BlockList): string | null {
  let client = peer === null ? null : unmapped(peer);
  if (client === null || !isTrusted(client, trusted) || !forwardedFor) return client;
  for (const hop of forwardedFor.split(",").toReversed()) {
    const address = unmapped(hop.trim());
    if (!isIP(address)) break;
    client = address;
    if (!isTrusted(address, trusted)) break;
  }
  return client;
}

const BROWSER_FAMILIES: readonly (readonly [RegExp, string])[] = [
  [/\bEdgA?\//, "Edge"],
  [/\bOPR\//, "Opera"],
  [/\bSamsungBrowser\//, "Samsung Internet"],
  [/\b(Firefox|FxiOS)\//, "Firefox"],
  [/\b(Chrome|CriOS|Chromium)\//, "Chrome"],
  [/\bSafari\//, "Safari"],
  [/^curl\//, "curl"],
  [/^python-(requests|httpx)\//, "Python"],
  [/^(node|undici|Bun)\b/, "a script"],
];

/** A family from this list, never the header's own text: it goes into letters. */
export function browserFamily(userAgent: string | null): string | null {
  if (!userAgent) return null;
  return BROWSER_FAMILIES.find(([pattern]) => pattern.test(userAgent))?.[1] ?? null;
}

/** RFC 9110 §12.5.4, as far as two languages need it: the first listed range that we speak. */
export function preferredLocale(acceptLanguage: string | null): Locale {
  if (!acceptLanguage) return LOCALES[0];
  const ranges = acceptLanguage
    .split(",")
    .slice(0, 20)
    .map((part) => {
      const [tag = "", ...parameters] = part.trim().toLowerCase().split(";");
      const quality = Number(
        parameters
          .find((p) => p.trim().startsWith("q="))
          ?.trim()
          .slice(2) ?? 1,
      );
      return { language: tag.split("-")[0], quality: Number.isFinite(quality) ? quality : 0 };
    })
    .filter(({ quality }) => quality > 0)
    .toSorted((a, b) => b.quality - a.quality);
  for (const { language } of ranges) {
    const locale = LOCALES.find((l) => l.toLowerCase().split("-")[0] === language);
    if (locale) return locale;
  }
  return LOCALES[0];
}

export function blockListOf(ranges: readonly IpRange[]): BlockList {
  const list = new BlockList();
  for (const { address, prefix, family } of ranges) list.addSubnet(address, prefix, family);
  return list;
}

const isTrusted = (address: string, trusted: BlockList): boolean =>
  isIP(address) !== 0 && trusted.check(address, isIP(address) === 6 ? "ipv6" : "ipv4");

/** `::ffff:192.0.2.1` is `192.0.2.1`: one client, one spelling. */
const unmapped = (address: string): string => address.replace(/^::ffff:(?=\d+\.\d+\.\d+\.\d+$)/i, "");
