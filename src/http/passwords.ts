import { Elysia, t } from "elysia";
import { normaliseAddress } from "../accounts/addresses.ts";
import type { Deps } from "../accounts/deps.ts";
import { changePassword, resetPassword } from "../accounts/password-change.ts";
import { requestPasswordReset } from "../accounts/password-reset.ts";
import { InvalidInput, Unauthenticated } from "../errors.ts";
import { authentication } from "./access-tokens.ts";
import { publicFields } from "../accounts/users.ts";
import { requestContext } from "./request-context.ts";
import {
  currentPassword,
  passwordCheckErrors,
  passwordHashErrors,
  linkToken,
  NewPasswordFields,
  ProblemSchema,
  PublicUserSchema,
  UsernameParams,
} from "./schemas.ts";

/** Byte for byte what the chapter answers, whoever exists. */
const RESET_ANSWER = { message: "If we found a user with that email, we sent a password reset token to it." } as const;

const BAD_ADDRESS = "Give one e-mail address, such as mscott@dm.com.";

export const passwordRoutes = (deps: Deps) =>
  new Elysia({ name: "passwords", tags: ["Passwords"], normalize: false })
    .use(requestContext(deps.config.trustProxy))
    .post(
      "/user/pwd_reset_token/",
      async ({ body, context }) => {
        const email = normaliseAddress(body.email);
        if (!email) throw new InvalidInput(BAD_ADDRESS, "email");
        await requestPasswordReset(deps, email, context);
        return RESET_ANSWER;
      },
      {
        parse: "json",
        body: t.Object(
          { email: t.String({ minLength: 3, maxLength: 320, error: BAD_ADDRESS, examples: ["mscott@dm.com"] }) },
          { additionalProperties: false },
        ),
        response: {
          200: t.Object({ message: t.Literal(RESET_ANSWER.message) }),
          422: ProblemSchema,
          429: ProblemSchema,
          503: ProblemSchema,
        },
        detail: {
          summary: "Ask for a password reset mail",
          description: "Answers as soon as the request is committed, the same for every well-formed address.",
        },
      },
    )
    .post(
      "/user/password/",
      async ({ body, context }) => {
        const input = { password: body.password, passwordConfirm: body.password_confirm };
        return publicFields(await resetPassword(deps, body.pwd_reset_token, null, input, context));
      },
      {
        parse: "json",
        body: t.Object(
          {
            ...NewPasswordFields,
            pwd_reset_token: linkToken,
          },
          { additionalProperties: false },
        ),
        response: {
          200: PublicUserSchema,
          400: ProblemSchema,
          403: ProblemSchema,
          422: ProblemSchema,
          ...passwordHashErrors,
        },
        detail: {
          summary: "Set the password of a link's account",
          description: "For pages that hold only the token. It is used up by success alone.",
        },
      },
    )
    .use(authentication(deps))
    // Before the body is validated: whoever has neither a token nor a login gets a 401, whatever else is wrong.
    .derive(async ({ body, query, authenticate, set }) => {
      set.headers["cache-control"] = "no-store";
      const token: unknown = ownField(body, "pwd_reset_token") ? body.pwd_reset_token : query["pwd_reset_token"];
      const caller = token === undefined ? await authenticate() : null;
      if (token === undefined && !caller) {
        throw new Unauthenticated("Log in, or send the token of a reset link as pwd_reset_token.");
      }
      return { caller, token };
    })
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
        parse: "json",
        params: UsernameParams,
        query: t.Object({ pwd_reset_token: t.Optional(linkToken) }),
        body: t.Object(
          {
            ...NewPasswordFields,
            current_password: t.Optional(currentPassword),
            pwd_reset_token: t.Optional(linkToken),
          },
          // As a superuser sends it.
          {
            additionalProperties: false,
            examples: [{ password: "a new and long one", password_confirm: "a new and long one" }],
          },
        ),
        response: {
          200: PublicUserSchema,
          400: ProblemSchema,
          401: ProblemSchema,
          403: ProblemSchema,
          404: ProblemSchema,
          422: ProblemSchema,
          ...passwordCheckErrors,
        },
        detail: {
          summary: "Set an account's password",
          description: "By its owner with the current password, by a superuser, or by whoever holds its reset token.",
          security: [{ bearerAuth: [] }, {}],
        },
      },
    );

/** Own keys only, and null counts as given: it is not a good token. */
const ownField = <K extends string>(body: unknown, name: K): body is Record<K, unknown> =>
  typeof body === "object" && body !== null && Object.hasOwn(body, name);
