import { Elysia } from "elysia";

/** What a page may send, and read of an answer, beside what the Fetch standard allows without asking. */
const ALLOWED_HEADERS = "authorization, content-type, if-match";
const EXPOSED_HEADERS =
  "etag, link, location, ratelimit, ratelimit-policy, retry-after, www-authenticate, x-request-id";
const ALLOWED_METHODS = "DELETE, GET, HEAD, PATCH, POST";
/** Seconds a browser may remember a preflight: Chromium's cap is two hours, a changed list should be felt sooner. */
const MAX_AGE_SECONDS = "600";

/**
 * Lets pages of the listed origins call the API: compared whole, never reflected. Without credentials: there are no
 * cookies, a page sends its token itself. The answer to `OPTIONS` is `http/methods.ts`'s; this adds to its headers.
 */
export const cors = (origins: readonly string[]) => {
  const listed: ReadonlySet<string> = new Set(origins);
  return new Elysia({ name: "cors" }).onRequest(({ request, set }) => {
    if (listed.size === 0) return;
    set.headers["vary"] = "Origin";
    const origin = request.headers.get("origin");
    if (origin === null || !listed.has(origin)) return;
    set.headers["access-control-allow-origin"] = origin;
    if (request.method === "OPTIONS" && request.headers.has("access-control-request-method")) {
      set.headers["access-control-allow-methods"] = ALLOWED_METHODS;
      set.headers["access-control-allow-headers"] = ALLOWED_HEADERS;
      set.headers["access-control-max-age"] = MAX_AGE_SECONDS;
    } else {
      set.headers["access-control-expose-headers"] = EXPOSED_HEADERS;
    }
  });
};
