/** Access tokens: JWTs after RFC 9068 by `@elysiajs/jwt`, bound to a session that is looked up at every use. */
import { jwt } from "@elysiajs/jwt";
import { Elysia } from "elysia";
import type { Deps } from "../accounts/deps.ts";
import { findCaller, type Grant } from "../accounts/sessions.ts";
import { Forbidden, Unauthenticated } from "../errors.ts";

export const AUDIENCE = "dundie";
/** RFC 9068 §2.1: says at first sight that this is neither a refresh token nor a link's. */
const TYPE = "at+jwt";
const CLOCK_TOLERANCE_SECONDS = 5;

/** Adds `issueTokens` to the context. */
export const tokenIssuer = (deps: Deps) =>
  new Elysia({ name: "token-issuer" })
    .use(jwt({ name: "signer", secret: deps.keyring.current.derive("access-token"), alg: "HS256", typ: TYPE }))
    .derive({ as: "scoped" }, ({ signer }) => ({
      issueTokens: async (grant: Grant) => ({
        access_token: await signer.sign({
          iss: deps.config.publicUrl,
          aud: AUDIENCE,
          sub: grant.userId,
          sid: grant.sessionId,
          jti: crypto.randomUUID(),
          exp: `${deps.config.accessTokenMinutes}m`,
        }),
        refresh_token: grant.refreshToken,
        token_type: "bearer" as const,
        expires_in: deps.config.accessTokenMinutes * 60,
      }),
    }));

/**
 * Adds to the context `authenticate`: it returns the caller, null when nobody claims to be anybody, and throws
 * `Unauthenticated` when the claim is false; and `readToken`: what an access token says, null when it is not good.
 */
export const authentication = (deps: Deps) => {
  const [current, previous] = deps.keyring.all;
  const options = {
    issuer: deps.config.publicUrl,
    audience: AUDIENCE,
    algorithms: ["HS256"],
    typ: TYPE,
    clockTolerance: CLOCK_TOLERANCE_SECONDS,
    requiredClaims: ["exp", "sub", "sid"],
  };
  return new Elysia({ name: "authentication" })
    .use(jwt({ name: "verifier", secret: (current ?? deps.keyring.current).derive("access-token") }))
    .use(jwt({ name: "previousVerifier", secret: (previous ?? deps.keyring.current).derive("access-token") }))
    .derive({ as: "scoped" }, ({ verifier, previousVerifier, headers }) => {
      const readToken = async (token: string) => {
        const claims = (await verifier.verify(token, options)) || (await previousVerifier.verify(token, options));
        if (!claims || !isUuid(claims.sub) || !isUuid(claims["sid"])) return null;
        const caller = await findCaller(deps.db, claims.sub, claims["sid"]);
        return caller && { caller, claims };
      };
      const authenticate = async () => {
        const [scheme = "", token = "", ...rest] = headers["authorization"]?.split(" ") ?? [];
        // Swagger UI sends an empty Basic with the login form: that is nobody.
        if (scheme.toLowerCase() !== "bearer") return null;
        const read = rest.length === 0 ? await readToken(token) : null;
        if (!read) throw new Unauthenticated("The access token is not valid, or its session has ended.");
        return read.caller;
      };
      return { authenticate, readToken };
    });
};

/** Adds `caller`, before the body is validated: who is not logged in learns nothing of what a body should be. */
export const callerOnly = (deps: Deps) =>
  new Elysia({ name: "caller-only" })
    .use(authentication(deps))
    .derive(async ({ authenticate, set }) => {
      const caller = await authenticate();
      if (!caller) throw new Unauthenticated("Log in first: this needs an access token.");
      // What one account may see is for no cache that others share.
      set.headers["cache-control"] = "no-store";
      return { caller };
    })
    .as("scoped");

/** Adds `caller`, who is a superuser. */
export const superuserOnly = (deps: Deps) =>
  new Elysia({ name: "superuser-only" })
    .use(callerOnly(deps))
    .derive(({ caller }) => {
      if (!caller.superuser) throw new Forbidden("Only a superuser may do this.");
      return {};
    })
    .as("scoped");

const isUuid = (value: unknown): value is string =>
  typeof value === "string" && /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(value);
