/** From here Elysia looks for the path: `handler.standardHostname` in `app.ts`. */
const AFTER_SCHEME = "http://".length;

/**
 * The path that is routed, exactly: what is limited or refused by its path is what is then served. Not by the URL
 * parser, which throws where the client's `Host` is no host.
 */
export function pathOf({ url }: Request): string {
  const start = url.indexOf("/", AFTER_SCHEME);
  const end = url.indexOf("?", start + 1);
  return url.slice(start, end < 0 ? undefined : end);
}
