/** Access tokens: JWTs after RFC 9068 by `@elysiajs/jwt`, bound to a session that is looked up at every use. */
import { jwt, type JWTPayloadSpec } from "@elysiajs/jwt";
import type { Caller } from "../accounts/caller.ts";
import type { Deps } from "../accounts/deps.ts";
import { findCaller, type Grant } from "../accounts/sessions.ts";

export const AUDIENCE = "dundie";
/** RFC 9068 §2.1: tells an access token apart from every other JWT. */
const TYPE = "at+jwt";
const CLOCK_TOLERANCE_SECONDS = 5;

export interface AccessTokens {
  /** The answer of `POST /token` and `POST /refresh_token`. */
  issue(grant: Grant): Promise<{
    access_token: string;
    refresh_token: string;
    token_type: "bearer";
    expires_in: number;
  }>;
  /** What a token says and whose it is; null when it is not valid or its session has ended. */
  read(token: string): Promise<{ readonly caller: Caller; readonly claims: JWTPayloadSpec } | null>;
}

export function createAccessTokens({ config, db, keyring }: Deps): AccessTokens {
  const [current = keyring.current, previous = keyring.current] = keyring.all;
  const secretOf = (key: typeof current) => key.derive("access-token");
  const { signer } = jwt({ name: "signer", secret: secretOf(current), alg: "HS256", typ: TYPE }).decorator;
  const { verifier } = jwt({ name: "verifier", secret: secretOf(current) }).decorator;
  const { previousVerifier } = jwt({ name: "previousVerifier", secret: secretOf(previous) }).decorator;
  const options = {
    issuer: config.publicUrl,
    audience: AUDIENCE,
    algorithms: ["HS256"],
    typ: TYPE,
    clockTolerance: CLOCK_TOLERANCE_SECONDS,
    requiredClaims: ["exp", "sub", "sid"],
  };
  return {
    async issue({ userId, sessionId, refreshToken }) {
      const token = await signer.sign({
        iss: config.publicUrl,
        aud: AUDIENCE,
        sub: userId,
        sid: sessionId,
        jti: crypto.randomUUID(),
        exp: `${config.accessTokenMinutes}m`,
      });
      return {
        access_token: token,
        refresh_token: refreshToken,
        token_type: "bearer",
        expires_in: config.accessTokenMinutes * 60,
      };
    },
    async read(token) {
      const claims = (await verifier.verify(token, options)) || (await previousVerifier.verify(token, options));
      if (!claims || !isUuid(claims.sub) || !isUuid(claims["sid"])) return null;
      const caller = await findCaller(db, claims.sub, claims["sid"]);
      return caller && { caller, claims };
    },
  };
}

const isUuid = (value: unknown): value is string =>
  typeof value === "string" && /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(value);
