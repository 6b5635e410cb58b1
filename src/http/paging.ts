/** Pages of a list, by keyset: new entries do not move the pages after them. `Link` names the next one (RFC 8288). */
import { t } from "elysia";
import { ID_PATTERN } from "./schemas.ts";

export const limitOf = (what: string, sizes: { readonly usual: number; readonly most: number }) =>
  t.Integer({ minimum: 1, maximum: sizes.most, default: sizes.usual, description: `${what} on a page.` });

export const afterId = t.Optional(t.String({ pattern: ID_PATTERN, description: "The last id of the page before." }));

/** For the `headers` of a list's `operation`. */
export const LINK_HEADER = { link: 'The next page, with `rel="next"` (RFC 8288); absent on the last one.' } as const;

/**
 * @param path as the client sees it, with the path of `PUBLIC_URL`. It has no host, so that no header decides one.
 * @param query of this page, which the next page repeats.
 */
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
  headers["link"] = `<${path}?${new URLSearchParams(entries)}>; rel="next"`;
}
