/** What a path supports: `OPTIONS`, and 405 with `Allow` (RFC 9110 §9.3.7, §15.5.6). */
import { Elysia } from "elysia";
import { pathOf } from "./path.ts";
import { problemResponse } from "./problem.ts";
import type { RouteTable } from "./route-table.ts";

export const methods = (table: RouteTable) =>
  new Elysia({ name: "methods" })
    .onRequest(({ request }) => {
      if (request.method !== "OPTIONS") return;
      const allow = table.methodsOf(pathOf(request));
      // Where nothing is mounted, every method gets the same 404.
      return allow.length === 0 ? undefined : new Response(null, { status: 204, headers: { allow: allow.join(", ") } });
    })
    .onError({ as: "global" }, ({ code, request, set }) => {
      if (code !== "NOT_FOUND") return;
      const allow = table.methodsOf(pathOf(request));
      if (allow.length === 0 || allow.includes(request.method)) return;
      set.status = 405;
      const headers = { allow: allow.join(", ") };
      return problemResponse(request, {
        type: "method-not-allowed",
        detail: `This path supports ${headers.allow}.`,
        headers,
      });
    });
