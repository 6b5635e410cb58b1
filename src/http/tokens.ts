import { Elysia, t } from "elysia";
import type { Deps } from "../accounts/deps.ts";
import { logOut, revokeByRefreshToken } from "../accounts/devices.ts";
import { logIn, refresh } from "../accounts/sessions.ts";
import { authentication, tokenIssuer } from "./access-tokens.ts";
import { requestContext } from "./request-context.ts";
import { passwordCheckErrors, PLAIN_TEXT, ProblemSchema } from "./schemas.ts";

const TokensSchema = t.Object({
  access_token: t.String({ description: "A JWT, for `Authorization: Bearer`." }),
  refresh_token: t.String({ description: "Opaque; good once, at `POST /refresh_token`." }),
  token_type: t.Literal("bearer"),
  expires_in: t.Integer({ description: "Seconds the access token lives.", examples: [900] }),
});

export const ignored = t.Optional(t.String({ description: "Tolerated and ignored.", examples: [""] }));

const NO_STORE = { "cache-control": "no-store", pragma: "no-cache" };

export const tokenRoutes = (deps: Deps) =>
  new Elysia({ name: "tokens", tags: ["Authentication"], normalize: false })
    .use(requestContext(deps.config.trustProxy))
    .use(tokenIssuer(deps))
    .post(
      "/token",
      async ({ body, context, issueTokens, set }) => {
        const grant = await logIn(deps, { login: body.username, password: body.password, context });
        Object.assign(set.headers, NO_STORE);
        return await issueTokens(grant);
      },
      {
        parse: "urlencoded",
        body: t.Object(
          {
            username: t.String({
              minLength: 1,
              maxLength: 320,
              pattern: PLAIN_TEXT,
              description: "Username or e-mail address.",
              examples: ["mscott@dm.com"],
            }),
            password: t.String({
              minLength: 1,
              maxLength: 1024,
              description: "The demo staff's stands where `bun start` runs.",
              examples: ["as bun start says"],
            }),
            grant_type: ignored,
            scope: ignored,
            client_id: ignored,
            client_secret: ignored,
          },
          { additionalProperties: false },
        ),
        response: { 200: TokensSchema, 401: ProblemSchema, 422: ProblemSchema, ...passwordCheckErrors },
        detail: { summary: "Log in", description: "A form login in the shape of the OAuth2 password form." },
      },
    )
    .post(
      "/refresh_token",
      async ({ body, context, issueTokens, set }) => {
        const grant = await refresh(deps, body.refresh_token, context);
        Object.assign(set.headers, NO_STORE);
        return await issueTokens(grant);
      },
      {
        parse: "json",
        body: t.Object({ refresh_token: t.String({ minLength: 1, maxLength: 512 }) }, { additionalProperties: false }),
        response: { 200: TokensSchema, 401: ProblemSchema, 422: ProblemSchema },
        detail: {
          summary: "Refresh the tokens",
          description: "Spends the refresh token for a new pair. A spent one that comes back ends its session.",
        },
      },
    )
    .use(authentication(deps))
    .post(
      "/revoke",
      async ({ body, context, readToken }) => {
        const access = await readToken(body.token);
        if (access) await logOut(deps, access.caller, context);
        else await revokeByRefreshToken(deps, body.token, context);
        return {};
      },
      {
        parse: "urlencoded",
        body: t.Object(
          {
            token: t.String({ minLength: 1, maxLength: 4096, description: "A refresh or an access token." }),
            // RFC 7009 §2.1 lets the server find out by itself.
            token_type_hint: ignored,
            client_id: ignored,
            client_secret: ignored,
          },
          { additionalProperties: false },
        ),
        response: { 200: t.Object({}), 422: ProblemSchema },
        detail: {
          summary: "Revoke a token",
          description:
            "RFC 7009: ends the session that the token belongs to, for whoever holds it. 200 for any other token too.",
        },
      },
    );
