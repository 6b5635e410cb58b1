import { Elysia } from "elysia";

const EXPOSED_HEADERS =
  "device-token, etag, link, location, ratelimit, ratelimit-policy, retry-after, www-authenticate, x-request-id";
const ALLOWED_METHODS = "DELETE, GET, HEAD, PATCH, POST";
const ALLOWED_HEADERS = "authorization, content-type, if-match, if-none-match";
/** A list of header names (RFC 9110 §5.6.2). */
const HEADER_NAMES = /^[\w!#$%&'*+.^`|~-]+(\s*,\s*[\w!#$%&'*+.^`|~-]+)*$/;
/** How long a browser may remember a preflight. Chromium's maximum is two hours; a changed list should work sooner. */
const MAX_AGE_SECONDS = "600";

/**
 * Lets pages of the listed origins call the API. An origin is compared whole and never reflected. Credentials are not
 * allowed: there are no cookies, a page sends its token itself. Such a page may send every header that it asks for,
 * since tracing libraries add headers of their own. It is mounted first, so that every answer carries these headers,
 * errors included; the answer to `OPTIONS` itself comes from `methods.ts`.
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
      const wanted = request.headers.get("access-control-request-headers") ?? "";
      set.headers["vary"] = "Origin, Access-Control-Request-Headers";
      set.headers["access-control-allow-methods"] = ALLOWED_METHODS;
      set.headers["access-control-allow-headers"] = HEADER_NAMES.test(wanted) ? wanted : ALLOWED_HEADERS;
      set.headers["access-control-max-age"] = MAX_AGE_SECONDS;
    } else {
      set.headers["access-control-expose-headers"] = EXPOSED_HEADERS;
    }
  });
};
