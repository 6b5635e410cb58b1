import type { Config } from "../config.ts";

/** Elysia looks for the path from here on: see `handler.standardHostname` in `app.ts`. */
const AFTER_SCHEME = "http://".length;

/**
 * The path exactly as it is routed, so that what is limited or refused by its path is what is served. The URL parser is
 * not used: it throws where the client's `Host` is no host.
 */
export function pathOf({ url }: Request): string {
  const start = url.indexOf("/", AFTER_SCHEME);
  const end = url.indexOf("?", start + 1);
  return url.slice(start, end < 0 ? undefined : end);
}

/** The path of `PUBLIC_URL` without a slash at its end: a proxy may serve us under a path, which it removes. */
export const basePath = ({ publicUrl }: Pick<Config, "publicUrl">): string =>
  new URL(publicUrl).pathname.replace(/\/$/, "");
