import { Elysia, t } from "elysia";
import { normaliseAddress } from "../addresses.ts";
import type { Deps } from "../accounts/deps.ts";
import { changePassword, resetPassword } from "../accounts/password-change.ts";
import { requestPasswordReset } from "../accounts/password-reset.ts";
import { publicFields } from "../accounts/users.ts";
import { InvalidInput } from "../errors.ts";
import type { AccessTokens } from "./access-tokens.ts";
import { callerOrToken } from "./admission.ts";
import { operation } from "./operation.ts";
import { requestContext } from "./request-context.ts";
import {
  currentPassword,
  linkToken,
  messageAnswer,
  newPasswordFields,
  problemsOf,
  UsernameParams,
  UserSchema,
} from "./schemas.ts";

/** The same for every address, byte for byte as the course's application answers. */
const RESET_ANSWER = { message: "If we found a user with that email, we sent a password reset token to it." } as const;

const BAD_ADDRESS = "Give one email address, such as pam@example.com.";

const publicRoutes = (deps: Deps) =>
  new Elysia()
    .use(requestContext(deps.config))
    .post(
      "/user/pwd_reset_token/",
      async ({ body, context }) => {
        const email = normaliseAddress(body.email);
        if (!email) throw new InvalidInput(BAD_ADDRESS, "email", "invalid-address");
        await requestPasswordReset(deps, email, context);
        return RESET_ANSWER;
      },
      {
        body: t.Object(
          { email: t.String({ minLength: 3, maxLength: 320, error: BAD_ADDRESS, examples: ["pam@example.com"] }) },
          { title: "PasswordResetRequest", additionalProperties: false },
        ),
        response: { 200: messageAnswer(RESET_ANSWER.message), ...problemsOf(422, 503) },
        detail: operation({
          access: "public",
          limit: "reset",
          body: "json",
          operationId: "requestPasswordReset",
          summary: "Ask for a password reset email",
          description: "Answers when the request is committed, and the same for every well-formed address.",
        }),
      },
    )
    .post(
      "/user/password/",
      async ({ body, context }) => {
        const input = { password: body.password, passwordConfirm: body.password_confirm };
        return publicFields(await resetPassword(deps, body.pwd_reset_token, null, input, context));
      },
      {
        body: t.Object(
          { ...newPasswordFields(deps.config), pwd_reset_token: linkToken },
          { title: "PasswordReset", additionalProperties: false },
        ),
        response: { 200: UserSchema, ...problemsOf(400, 403, 422, 503) },
        detail: operation({
          access: "public",
          limit: "link",
          body: "json",
          operationId: "resetPassword",
          summary: "Set a password with an emailed link",
          description: "For pages that hold only the token. Only a success uses the token up.",
        }),
      },
    );

const changeRoute = (deps: Deps, tokens: AccessTokens) =>
  new Elysia()
    .use(requestContext(deps.config))
    // This runs before the body is validated, so that a caller without a token and without a login gets a 401 even when
    // something else is wrong as well.
    .derive(({ request, body, query, params }) => callerOrToken(tokens, { request, body, query, params }))
    .post(
      "/user/:username/password/",
      async ({ params, body, context, caller, token }) => {
        const input = { password: body.password, passwordConfirm: body.password_confirm };
        if (caller === null) {
          return publicFields(await resetPassword(deps, token, params.username, input, context));
        }
        const change = { ...input, currentPassword: body.current_password };
        return publicFields(await changePassword(deps, caller, params.username, change, context));
      },
      {
        params: UsernameParams,
        query: t.Object({ pwd_reset_token: t.Optional(linkToken) }),
        body: t.Object(
          {
            ...newPasswordFields(deps.config),
            current_password: t.Optional(currentPassword),
            pwd_reset_token: t.Optional(linkToken),
          },
          // This form of the body is the one that a superuser sends.
          {
            title: "PasswordChange",
            additionalProperties: false,
            examples: [{ password: "seven blue lanterns at dusk", password_confirm: "seven blue lanterns at dusk" }],
          },
        ),
        response: { 200: UserSchema, ...problemsOf(400, 401, 403, 404, 422, 429, 503) },
        detail: operation({
          access: "owner-or-link",
          limit: "link",
          body: "json",
          operationId: "changePassword",
          summary: "Set an account's password",
          description:
            "By its owner with the current password, by a superuser, or with the token of an emailed link. The owner's " +
            "other sessions end. For the account of another superuser, log in within the last 5 minutes or send your own " +
            "`current_password`.",
        }),
      },
    );

export const passwordRoutes = (deps: Deps, tokens: AccessTokens) =>
  new Elysia({ name: "passwords", tags: ["Passwords"], normalize: false })
    .use(publicRoutes(deps))
    .use(changeRoute(deps, tokens));
