import { Elysia, t } from "elysia";
import type { Deps } from "../accounts/deps.ts";
import { findRefreshToken } from "../accounts/devices.ts";
import { AUDIENCE, callerOnly } from "./access-tokens.ts";
import { bearer, ProblemSchema } from "./schemas.ts";
import { ignored } from "./tokens.ts";

const INACTIVE = { active: false } as const;

const StateSchema = t.Object({
  active: t.Boolean({ description: "It could be used now. If not, nothing else is said." }),
  token_type: t.Optional(t.String({ examples: ["bearer"] })),
  sub: t.Optional(t.String({ description: "The account's id, as in the access token." })),
  username: t.Optional(t.String()),
  iss: t.Optional(t.String()),
  aud: t.Optional(t.String()),
  iat: t.Optional(t.Integer()),
  exp: t.Optional(t.Integer()),
});

/** RFC 7662. A resource server asks as a superuser; anybody else learns of own tokens only: another's is not active. */
export const introspectionRoutes = (deps: Deps) =>
  new Elysia({ name: "introspection", tags: ["Authentication"], normalize: false }).use(callerOnly(deps)).post(
    "/introspect",
    async ({ body, caller, readToken }) => {
      const maySee = (userId: string): boolean => caller.superuser || userId === caller.userId;
      const access = await readToken(body.token);
      if (access) {
        const { userId, username } = access.caller;
        if (!maySee(userId)) return INACTIVE;
        const { iat, exp } = access.claims;
        return stateOf(deps, { userId, username, issued: Number(iat), expires: Number(exp) });
      }
      const refresh = await findRefreshToken(deps.db, body.token);
      if (!refresh || !maySee(refresh.userId)) return INACTIVE;
      const { userId, username, issuedAt, expiresAt } = refresh;
      return stateOf(deps, { userId, username, issued: secondsOf(issuedAt), expires: secondsOf(expiresAt) });
    },
    {
      parse: "urlencoded",
      body: t.Object(
        { token: t.String({ minLength: 1, maxLength: 4096 }), token_type_hint: ignored },
        { additionalProperties: false },
      ),
      response: { 200: StateSchema, 401: ProblemSchema, 422: ProblemSchema },
      detail: {
        summary: "Read the state of a token",
        description:
          "RFC 7662, for refresh and access tokens: a superuser asks about any, everybody about the own ones.",
        security: bearer,
      },
    },
  );

const stateOf = (
  { config }: Deps,
  token: { readonly userId: string; readonly username: string; readonly issued: number; readonly expires: number },
) => ({
  active: true,
  token_type: "bearer",
  sub: token.userId,
  username: token.username,
  iss: config.publicUrl,
  aud: AUDIENCE,
  iat: token.issued,
  exp: token.expires,
});

const secondsOf = (date: Date): number => Math.floor(date.getTime() / 1000);
