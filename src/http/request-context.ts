/** What a request says about its sender: the client's address, its browser family and its language. */
import { Elysia } from "elysia";
import type { RequestContext } from "../accounts/caller.ts";
import type { Config } from "../config.ts";
import { LOCALES, type Locale } from "../mail/kinds.ts";
import { clientAddressOf } from "./client-address.ts";
import { requestIdOf } from "./request-id.ts";
import { traceparentOf } from "./request-spans.ts";

/**
 * Adds `context`, a `RequestContext`, to the handlers of the routes that use it.
 * @param config `trustProxy`: the peers whose forwarding headers are believed.
 */
export const requestContext = ({ trustProxy, defaultLocale }: Pick<Config, "trustProxy" | "defaultLocale">) => {
  const addressOf = clientAddressOf(trustProxy);
  return new Elysia({ name: "request-context", seed: { trustProxy, defaultLocale } }).derive(
    { as: "scoped" },
    ({ request, server }) => {
      const peer = server?.requestIP(request)?.address ?? null;
      const context: RequestContext = {
        client: {
          ip: addressOf(request, peer),
          browser: browserFamily(request.headers.get("user-agent")),
        },
        locale: preferredLocale(request.headers.get("accept-language"), defaultLocale),
        requestId: requestIdOf(request),
        traceparent: traceparentOf(request),
      };
      return { context };
    },
  );
};

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

/** A family from this list, never the header's own text, because emails show it. */
export function browserFamily(userAgent: string | null): string | null {
  if (!userAgent) return null;
  return BROWSER_FAMILIES.find(([pattern]) => pattern.test(userAgent))?.[1] ?? null;
}

/**
 * The first listed language that we speak, by its quality (RFC 9110 §12.5.4). `pt_BR`, as Android's Java names locales,
 * counts as `pt-BR`.
 * @param fallback for a header that is absent or lists none of them.
 */
export function preferredLocale(acceptLanguage: string | null, fallback: Locale): Locale {
  if (!acceptLanguage) return fallback;
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
      return { language: tag.split(/[-_]/)[0], quality: Number.isFinite(quality) ? quality : 0 };
    })
    .filter(({ quality }) => quality > 0)
    .toSorted((a, b) => b.quality - a.quality);
  for (const { language } of ranges) {
    const locale = LOCALES.find((l) => l.toLowerCase().split("-")[0] === language);
    if (locale) return locale;
  }
  return fallback;
}
