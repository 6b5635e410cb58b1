import { Elysia, t, type Static } from "elysia";
import type { Deps } from "../accounts/deps.ts";
import { logOut, revokeByRefreshToken } from "../accounts/devices.ts";
import { logIn, refresh } from "../accounts/sessions.ts";
import { UnsupportedGrantType } from "../errors.ts";
import type { AccessTokens } from "./access-tokens.ts";
import { operation } from "./operation.ts";
import { requestContext } from "./request-context.ts";
import { PLAIN_TEXT, problemsOf } from "./schemas.ts";

export const TokensSchema = t.Object(
  {
    access_token: t.String({ description: "A JWT, for `Authorization: Bearer`." }),
    refresh_token: t.String({ description: "Opaque. Use it once, at `POST /refresh_token`." }),
    token_type: t.Literal("bearer"),
    expires_in: t.Integer({ description: "Lifetime of the access token in seconds.", examples: [900] }),
  },
  { title: "Tokens" },
);
export type Tokens = Static<typeof TokensSchema>;

/** A header, because the body of the answer has the fields of the course's clients and no other. */
const DEVICE_TOKEN_HEADER = "device-token";

export const ignored = t.Optional(t.String({ description: "Accepted and ignored.", examples: [""] }));

/** RFC 6749 §5.1. */
const NO_STORE = { "cache-control": "no-store", pragma: "no-cache" };

const REVOKED = t.Object({});

export const tokenRoutes = (deps: Deps, tokens: AccessTokens) =>
  new Elysia({ name: "tokens", tags: ["Authentication"], normalize: false })
    .use(requestContext(deps.config))
    .post(
      "/token",
      async ({ body, context, request, set }) => {
        requirePasswordGrant(body.grant_type);
        const deviceToken = request.headers.get(DEVICE_TOKEN_HEADER);
        const grant = await logIn(deps, { login: body.username, password: body.password, deviceToken, context });
        Object.assign(set.headers, NO_STORE, { [DEVICE_TOKEN_HEADER]: grant.deviceToken });
        return await tokens.issue(grant);
      },
      {
        // Parameters that the server does not know are ignored (RFC 6749 §3.2).
        body: t.Object(
          {
            username: t.String({
              minLength: 1,
              maxLength: 320,
              pattern: PLAIN_TEXT,
              description: "Username or email address.",
              examples: ["pam@example.com"],
            }),
            password: t.String({ minLength: 1, maxLength: 1024, examples: ["seven blue lanterns at dusk"] }),
            grant_type: t.Optional(t.String({ description: "`password`, or absent.", examples: ["password"] })),
            scope: ignored,
            client_id: ignored,
            client_secret: ignored,
          },
          { title: "Login", additionalProperties: true },
        ),
        headers: t.Object(
          {
            [DEVICE_TOKEN_HEADER]: t.Optional(
              t.String({
                description:
                  "The `Device-Token` of the last login of this device. With it, wrong guesses of strangers do not slow this " +
                  "device down. A token that is unknown, old or another account's is ignored.",
              }),
            ),
          },
          { additionalProperties: true },
        ),
        response: { 200: TokensSchema, ...problemsOf(400, 401, 422, 429, 503) },
        detail: operation({
          access: "public",
          limit: "login",
          body: "form",
          oauthErrors: true,
          operationId: "logIn",
          summary: "Log in",
          description:
            "A form login in the shape of the OAuth2 password form (RFC 6749 §4.3). After ten wrong passwords a client waits " +
            "for a minute and a half before its next guess for the same login. After fifty from anywhere, devices that have " +
            "not logged in before wait for one to five minutes: a 429 with `Retry-After`. A device that kept its " +
            "`Device-Token` does not wait for what others guessed, and a reset by email ends the waiting. When too many log in " +
            "at once, the answer is a 503 with `Retry-After`, and the password was not looked at.",
          headers: {
            200: {
              "device-token":
                "Keep it and send it with the next login: it says that this device has logged in to this account before. It " +
                "opens nothing and is valid for 365 days.",
            },
          },
        }),
      },
    )
    .post(
      "/refresh_token",
      async ({ body, context, set }) => {
        const grant = await refresh(deps, body.refresh_token, context);
        Object.assign(set.headers, NO_STORE);
        return await tokens.issue(grant);
      },
      {
        body: t.Object(
          { refresh_token: t.String({ minLength: 1, maxLength: 512 }) },
          { title: "RefreshRequest", additionalProperties: false },
        ),
        response: { 200: TokensSchema, ...problemsOf(401, 422) },
        detail: operation({
          access: "public",
          limit: "refresh",
          body: "json",
          oauthErrors: true,
          operationId: "refreshTokens",
          summary: "Refresh the tokens",
          description:
            "Exchanges the refresh token for a new pair. Sent again by the same client within 10 s, such as by a second " +
            "tab, it gets the same new refresh token; later or from elsewhere it counts as stolen and ends its session.",
        }),
      },
    )
    .post(
      "/revoke",
      async ({ body, context }) => {
        const access = await tokens.read(body.token);
        if (access) await logOut(deps, access.caller, context);
        else await revokeByRefreshToken(deps, body.token, context);
        return {};
      },
      {
        body: t.Object(
          {
            token: t.String({ minLength: 1, maxLength: 4096, description: "A refresh or an access token." }),
            // The server may find out by itself (RFC 7009 §2.1).
            token_type_hint: ignored,
            client_id: ignored,
            client_secret: ignored,
          },
          { title: "TokenRevocation", additionalProperties: true },
        ),
        response: { 200: REVOKED, ...problemsOf(422) },
        detail: operation({
          access: "public",
          limit: "refresh",
          body: "form",
          oauthErrors: true,
          operationId: "revokeToken",
          summary: "Revoke a token",
          description:
            "RFC 7009: ends the session that the token belongs to. Every holder of a token may revoke it. The answer is 200 " +
            "for an unknown token too.",
        }),
      },
    );

/** An empty one counts as absent: forms send it so. */
function requirePasswordGrant(grantType: string | undefined): void {
  if (!grantType || grantType === "password") return;
  throw new UnsupportedGrantType(
    "Only the grant type password is supported here; to refresh, use POST /refresh_token.",
  );
}
