import { Elysia, t, type Static } from "elysia";
import type { Deps } from "../accounts/deps.ts";
import { findRefreshToken } from "../accounts/devices.ts";
import { AUDIENCE, type AccessTokens } from "./access-tokens.ts";
import { requiredCaller } from "./admission.ts";
import { operation } from "./operation.ts";
import { problemsOf } from "./schemas.ts";
import { ignored } from "./tokens.ts";

const INACTIVE = { active: false } as const;

export const TokenStateSchema = t.Object(
  {
    active: t.Boolean({ description: "Whether the token could be used now. If not, the answer has no other field." }),
    token_type: t.Optional(t.String({ examples: ["bearer"] })),
    sub: t.Optional(t.String({ description: "The account's id, as in the access token." })),
    username: t.Optional(t.String()),
    iss: t.Optional(t.String()),
    aud: t.Optional(t.String()),
    iat: t.Optional(t.Integer()),
    exp: t.Optional(t.Integer()),
  },
  { title: "TokenState" },
);
export type TokenState = Static<typeof TokenStateSchema>;

/** RFC 7662. A resource server asks as a superuser; for every other caller another account's token is not active. */
export const introspectionRoutes = (deps: Deps, tokens: AccessTokens) =>
  new Elysia({ name: "introspection", tags: ["Authentication"], normalize: false }).use(requiredCaller()).post(
    "/introspect",
    async ({ body, caller }): Promise<TokenState> => {
      const maySee = (userId: string): boolean => caller.superuser || userId === caller.userId;
      const access = await tokens.read(body.token);
      if (access) {
        const { userId, username } = access.caller;
        if (!maySee(userId)) return INACTIVE;
        const { iat, exp } = access.claims;
        return stateOf(deps, { userId, username, issued: Number(iat), expires: Number(exp) });
      }
      const refresh = await findRefreshToken(deps, body.token);
      if (!refresh || !maySee(refresh.userId)) return INACTIVE;
      const { userId, username, issuedAt, expiresAt } = refresh;
      return stateOf(deps, { userId, username, issued: secondsOf(issuedAt), expires: secondsOf(expiresAt) });
    },
    {
      body: t.Object(
        { token: t.String({ minLength: 1, maxLength: 4096 }), token_type_hint: ignored },
        { title: "TokenQuestion", additionalProperties: true },
      ),
      response: { 200: TokenStateSchema, ...problemsOf(401, 422) },
      detail: operation({
        access: "account",
        limit: "refresh",
        body: "form",
        oauthErrors: true,
        operationId: "introspectToken",
        summary: "Read the state of a token",
        description:
          "RFC 7662, for refresh and access tokens. A superuser asks about every token, another account about its own.",
      }),
    },
  );

const stateOf = (
  { config }: Deps,
  token: { readonly userId: string; readonly username: string; readonly issued: number; readonly expires: number },
): TokenState => ({
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
