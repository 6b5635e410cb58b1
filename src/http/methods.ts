/** What a path answers, from the app's own table: `OPTIONS` and 405 with `Allow` (RFC 9110 §9.3.7, §15.5.6). */
import { Elysia } from "elysia";
import { pathOf } from "./path.ts";
import { problemResponse } from "./problem.ts";

interface Route {
  readonly method: string;
  readonly path: string;
}

/** @param routes read at the first use, when everything is mounted. */
export const methods = (routes: () => readonly Route[]) => {
  let table: readonly (readonly [RegExp, string])[] | undefined;
  const allowed = (request: Request): string[] => {
    table ??= routes().map(({ method, path }) => [patternOf(path), method]);
    const path = pathOf(request);
    const found = new Set(table.filter(([pattern]) => pattern.test(path)).map(([, method]) => method));
    // Elysia answers HEAD wherever it answers GET; OPTIONS is answered here.
    return found.size === 0
      ? []
      : [...new Set([...found, ...(found.has("GET") ? ["HEAD"] : []), "OPTIONS"])].toSorted();
  };
  return new Elysia({ name: "methods" })
    .onRequest(({ request }) => {
      if (request.method !== "OPTIONS") return;
      const allow = allowed(request);
      // Nothing there: the 404 of every other method.
      return allow.length === 0 ? undefined : new Response(null, { status: 204, headers: { allow: allow.join(", ") } });
    })
    .onError({ as: "global" }, ({ code, request, set }) => {
      if (code !== "NOT_FOUND") return;
      const allow = allowed(request);
      if (allow.length === 0 || allow.includes(request.method)) return;
      set.status = 405;
      const headers = { allow: allow.join(", ") };
      return problemResponse({ status: 405, detail: `This takes ${headers.allow}.`, headers });
    });
};

/** As Elysia matches: parameters are one segment, a last slash may be there or not. */
function patternOf(path: string): RegExp {
  const segments = path
    .replace(/\/$/, "")
    .split("/")
    .map((segment) =>
      segment === "*" ? ".*" : segment.startsWith(":") ? "[^/]+" : segment.replace(/[.+?^${}()|[\]\\]/g, "\\$&"),
    );
  return new RegExp(`^${segments.join("/")}/?$`);
}
