/**
 * What is decided about a request before its body is read, from what its route says (`operation.ts`): the client's rate
 * limit, the size, and who may call. A caller without the right learns nothing of what the body should be.
 */
import { Elysia } from "elysia";
import type { Caller } from "../accounts/caller.ts";
import type { Config } from "../config.ts";
import { Forbidden, NotFound, TooManyRequests, Unauthenticated } from "../errors.ts";
import type { AccessTokens } from "./access-tokens.ts";
import { hasBearerToken } from "./bearer.ts";
import { checkBody } from "./body-checks.ts";
import { readBody, requireMediaType, saysTooLarge, tooLarge } from "./body.ts";
import { clientAddressOf } from "./client-address.ts";
import { foreignForms } from "./foreign-forms.ts";
import { createLimits, LIMITS } from "./limits.ts";
import type { RouteFacts } from "./operation.ts";
import { pathOf } from "./path.ts";
import type { FoundRoute, RouteTable } from "./route-table.ts";

/** Pages in place of problems. */
export interface RefusalPages {
  /** For a browser that is refused by a rate limit. */
  readonly tooMany: (request: Request, retryAfterSeconds: number) => Response;
  /** For a form of one of our pages that another site's page has sent. */
  readonly foreignForm: (request: Request) => Response;
}

export interface AdmissionOptions {
  readonly config: Pick<
    Config,
    "rateLimit" | "trustProxy" | "idleTimeoutSeconds" | "metrics" | "publicUrl" | "corsOrigins"
  >;
  readonly table: RouteTable;
  readonly tokens: AccessTokens;
  readonly pages: RefusalPages;
}

/**
 * From the end of a request's head until its body is read, however slowly the body arrives (R55). Between two requests
 * a connection lives for `IDLE_TIMEOUT_SECONDS`.
 */
const BODY_TIMEOUT_SECONDS = 20;

interface Admitted {
  readonly route: string;
  readonly facts: RouteFacts;
  caller: Caller | null;
  /** Why the body could not be read, where a token in the body decides who calls. */
  unreadable?: unknown;
}

const admissions = new WeakMap<Request, Admitted>();

/** The pattern of a request's route; null where there is none, and before the route is known. */
export const routeOf = (request: Request): string | null => admissions.get(request)?.route ?? null;

/** The facts of a request's route; null before the route is known and where there is none. */
export const routeFactsOf = (request: Request): RouteFacts | null => admissions.get(request)?.facts ?? null;

export const admission = ({ config, table, tokens, pages }: AdmissionOptions) => {
  const addressOf = clientAddressOf(config.trustProxy);
  const isForeignForm = foreignForms(config);
  const take = config.rateLimit ? createLimits() : null;
  return (
    new Elysia({ name: "admission" })
      .onRequest(async ({ request, server, set }) => {
        const route = table.find(request.method, pathOf(request));
        if (!route) return;
        const { facts } = route;
        const admitted: Admitted = { route: route.route, facts, caller: null };
        admissions.set(request, admitted);
        if (take && facts.limit !== "none") {
          const peer = server?.requestIP(request)?.address ?? null;
          const { allowed, remaining, seconds } = take(facts.limit, addressOf(request, peer));
          const { quota, windowSeconds } = LIMITS[facts.limit];
          // draft-ietf-httpapi-ratelimit-headers-10 §3, as structured fields.
          set.headers["ratelimit-policy"] = `"${facts.limit}";q=${quota};w=${windowSeconds}`;
          set.headers["ratelimit"] = `"${facts.limit}";r=${remaining};t=${seconds}`;
          if (!allowed && request.headers.get("accept")?.includes("text/html")) return pages.tooMany(request, seconds);
          if (!allowed) throw new TooManyRequests(`Too many requests: try again in ${seconds} s.`, seconds);
        }
        if (isForeignForm(request, facts)) {
          if (!facts.oauthErrors) return pages.foreignForm(request);
          throw new Forbidden("A page of another site sent this form.", "foreign-form");
        }
        if (saysTooLarge(request, facts.maxBodyBytes)) {
          server?.timeout(request, BODY_TIMEOUT_SECONDS);
          tooLarge(facts.maxBodyBytes);
        }
        if (facts.superuserSeesMore) {
          set.headers["vary"] = [set.headers["vary"], "Authorization"].filter(Boolean).join(", ");
          admitted.caller = await superuserOf(tokens, request);
          if (request.headers.has("authorization")) set.headers["cache-control"] = "no-store";
        }
        if (facts.access === "public") return;
        // What one account may see is not for shared caches.
        set.headers["cache-control"] = "no-store";
        if (facts.access === "owner-or-link") return;
        if (facts.access === "metrics") return requireMetricsToken(request, config.metrics.token);
        admitted.caller = await authenticate(tokens, request);
        requireRight(route, admitted.caller);
      })
      .onParse({ as: "global" }, async ({ request, server }) => {
        const admitted = admissions.get(request);
        const kind = admitted?.facts.body ?? "none";
        if (!admitted || kind === "none") return {};
        server?.timeout(request, BODY_TIMEOUT_SECONDS);
        try {
          requireMediaType(request, kind);
          const body = await readBody(request, kind, admitted.facts.maxBodyBytes);
          checkBody(body);
          return body;
        } catch (error) {
          if (admitted.facts.access !== "owner-or-link") throw error;
          admitted.unreadable = error;
          return {};
        } finally {
          server?.timeout(request, config.idleTimeoutSeconds);
        }
      })
      // A path that Elysia routes and the table does not know would be served without any of these checks.
      .onTransform({ as: "global" }, ({ request }) => {
        if (!admissions.has(request)) throw new NotFound("There is nothing at this address.");
      })
  );
};

/** Adds `caller` to the handlers of routes that need a login. */
export const requiredCaller = () =>
  new Elysia({ name: "required-caller" }).derive({ as: "scoped" }, ({ request }) => {
    const caller = admissions.get(request)?.caller;
    if (!caller) throw new Error("A route takes its caller and is open to everyone.");
    return { caller };
  });

/** Adds `superuser` to the handlers of routes that show more to superusers: null for everyone else. */
export const superuserIfAny = () =>
  new Elysia({ name: "superuser-if-any" }).derive({ as: "scoped" }, ({ request }) => ({
    superuser: admissions.get(request)?.caller ?? null,
  }));

/**
 * Refuses a caller of a public route who asks for what only superusers see.
 * @throws {Unauthenticated} {Forbidden}
 */
export async function refuseOthers(tokens: AccessTokens, request: Request): Promise<never> {
  await authenticate(tokens, request, "Log in as a superuser to search the accounts.");
  throw new Forbidden("Only a superuser may do this.");
}

/**
 * For `owner-or-link`: adds `token`, what stands in the place of an emailed token, and `caller`, null where a token is
 * given. Call it after the body is parsed and before it is validated.
 * @throws {Unauthenticated} {Forbidden} {UnreadableBody}
 */
export async function callerOrToken(
  tokens: AccessTokens,
  {
    request,
    body,
    query,
    params,
  }: { request: Request; body: unknown; query: Record<string, unknown>; params: unknown },
): Promise<{ caller: Caller | null; token: unknown }> {
  const admitted = admissions.get(request);
  const token: unknown = ownField(body, "pwd_reset_token") ? body.pwd_reset_token : query["pwd_reset_token"];
  let caller: Caller | null = null;
  if (token === undefined) {
    caller = await authenticate(tokens, request, "Log in, or send the token of a reset link as pwd_reset_token.");
    requireOwner(caller, (params as { username?: string }).username ?? "");
  }
  if (admitted?.unreadable !== undefined) throw admitted.unreadable;
  return { caller, token };
}

/** Null without a login, and for an account that is no superuser: the route is public for them. */
async function superuserOf(tokens: AccessTokens, request: Request): Promise<Caller | null> {
  const { headers } = request;
  if (!headers.has("authorization")) return null;
  const caller = await authenticate(tokens, request).catch((error: unknown) => {
    if (error instanceof Unauthenticated) return null;
    throw error;
  });
  return caller?.superuser ? caller : null;
}

/** @throws {Unauthenticated} */
async function authenticate(
  tokens: AccessTokens,
  { headers }: Request,
  missing = "Log in first: this needs an access token.",
): Promise<Caller> {
  const [scheme = "", token = "", ...rest] = headers.get("authorization")?.split(" ") ?? [];
  // Swagger UI sends an empty Basic with the login form.
  if (scheme.toLowerCase() !== "bearer") throw new Unauthenticated(missing, "login-required");
  const read = rest.length === 0 ? await tokens.read(token) : null;
  if (!read) {
    throw new Unauthenticated("The access token is not valid, or its session has ended.", "invalid-access-token");
  }
  return read.caller;
}

/** @throws {Unauthenticated} */
function requireMetricsToken(request: Request, token: string | null): void {
  if (token === null || !hasBearerToken(request, token))
    throw new Unauthenticated("This needs METRICS_TOKEN as a bearer token.", "login-required");
}

/** @throws {Forbidden} */
function requireRight({ facts, params }: FoundRoute, caller: Caller): void {
  if (facts.access === "superuser" && !caller.superuser) throw new Forbidden("Only a superuser may do this.");
  if (facts.access === "owner") requireOwner(caller, decoded(params["username"] ?? ""));
}

/** @throws {Forbidden} */
function requireOwner(caller: Caller, username: string): void {
  if (!caller.superuser && caller.username !== username.toLowerCase()) {
    throw new Forbidden("Only its owner or a superuser may do this to an account.");
  }
}

const decoded = (segment: string): string => {
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
};

/** Own keys only. Null counts as given: it is not a valid token. */
const ownField = <K extends string>(body: unknown, name: K): body is Record<K, unknown> =>
  typeof body === "object" && body !== null && Object.hasOwn(body, name);
