/** Pages of a list: by keyset, so that what comes in meanwhile moves nothing; the next one in a `Link` (RFC 8288). */
import { t } from "elysia";
import { ID_PATTERN } from "./schemas.ts";

export const limitOf = (what: string, sizes: { readonly usual: number; readonly most: number }) =>
  t.Integer({ minimum: 1, maximum: sizes.most, default: sizes.usual, description: `${what} a page.` });

export const afterId = t.Optional(t.String({ pattern: ID_PATTERN, description: "The last id of the page before." }));

/** @param query of this page: the next one is asked for in the same words. */
export function linkNext(
  headers: Record<string, unknown>,
  path: string,
  query: Readonly<Record<string, string | number | undefined>>,
  next: string | null,
): void {
  if (next === null) return;
  const words: Record<string, string | number | undefined> = { ...query, after: next };
  const entries = Object.entries(words).flatMap(([key, value]): [string, string][] =>
    value === undefined ? [] : [[key, String(value)]],
  );
  // Relative, so that no header decides its host.
  headers["link"] = `<${path}?${new URLSearchParams(entries)}>; rel="next"`;
}
