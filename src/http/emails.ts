import { Elysia, t } from "elysia";
import { freezeAccount } from "../accounts/account-freeze.ts";
import type { Deps } from "../accounts/deps.ts";
import { requestEmailChange } from "../accounts/email-change.ts";
import { confirmEmail } from "../accounts/email-confirmation.ts";
import { publicFields } from "../accounts/users.ts";
import { callerOnly } from "./access-tokens.ts";
import { requestContext } from "./request-context.ts";
import {
  addressField,
  bearer,
  currentPassword,
  passwordCheckErrors,
  linkToken,
  ProblemSchema,
  PublicUserSchema,
} from "./schemas.ts";

const CHANGE_ANSWER = { message: "If mail reaches this address, a link to confirm it is on its way." } as const;
const FREEZE_ANSWER = { message: "The account is frozen, and every session of it has ended." } as const;

/** Whoever holds the link of a letter: no login. */
const linkRoutes = (deps: Deps) =>
  new Elysia()
    .use(requestContext(deps.config.trustProxy))
    .post("/email/confirm/", async ({ body, context }) => publicFields(await confirmEmail(deps, body.token, context)), {
      parse: "json",
      body: t.Object({ token: linkToken }, { additionalProperties: false }),
      response: { 200: PublicUserSchema, 403: ProblemSchema, 409: ProblemSchema, 422: ProblemSchema },
      detail: {
        summary: "Confirm an address",
        description:
          "With the token of a verification's or an address change's mail. A registration becomes an account by it; " +
          "an address change ends every session. 409 when the address has another account by now.",
      },
    })
    .post(
      "/email/freeze/",
      async ({ body, context }) => {
        await freezeAccount(deps, body.token, context);
        return FREEZE_ANSWER;
      },
      {
        parse: "json",
        body: t.Object({ token: linkToken }, { additionalProperties: false }),
        response: {
          200: t.Object({ message: t.Literal(FREEZE_ANSWER.message) }),
          403: ProblemSchema,
          422: ProblemSchema,
        },
        detail: {
          summary: "Freeze an account whose address somebody else is changing",
          description: "With the token of the notice to the old address. A superuser's `enable` lifts it.",
        },
      },
    );

const callerRoutes = (deps: Deps) =>
  new Elysia()
    .use(requestContext(deps.config.trustProxy))
    .use(callerOnly(deps))
    .post(
      "/user/me/email/",
      async ({ body, caller, context }) => {
        const change = { email: body.email, currentPassword: body.current_password };
        await requestEmailChange(deps, caller, change, context);
        return CHANGE_ANSWER;
      },
      {
        parse: "json",
        body: t.Object({ email: addressField, current_password: currentPassword }, { additionalProperties: false }),
        response: {
          200: t.Object({ message: t.Literal(CHANGE_ANSWER.message) }),
          401: ProblemSchema,
          403: ProblemSchema,
          422: ProblemSchema,
          ...passwordCheckErrors,
        },
        detail: {
          summary: "Ask for another address",
          description:
            "A link goes to the new address, and a notice with a way to stop it to the old one; nothing changes " +
            "until the link is used. The address that the account has already gets a link that verifies it.",
          security: bearer,
        },
      },
    );

export const emailRoutes = (deps: Deps) =>
  new Elysia({ name: "emails", tags: ["E-mail addresses"], normalize: false })
    .use(linkRoutes(deps))
    .use(callerRoutes(deps));
