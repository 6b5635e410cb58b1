import { Elysia, t } from "elysia";
import { freezeAccount } from "../accounts/account-freeze.ts";
import type { Deps } from "../accounts/deps.ts";
import { requestEmailChange } from "../accounts/email-change.ts";
import { confirmEmail } from "../accounts/email-confirmation.ts";
import { publicFields } from "../accounts/users.ts";
import { requiredCaller } from "./admission.ts";
import { operation } from "./operation.ts";
import { requestContext } from "./request-context.ts";
import { addressField, currentPassword, linkToken, messageAnswer, problemsOf, UserSchema } from "./schemas.ts";

const CHANGE_ANSWER = { message: "If email reaches this address, a link to confirm it is on its way." } as const;
const FREEZE_ANSWER = { message: "The account is frozen, and every session of it has ended." } as const;

const LinkTokenSchema = t.Object({ token: linkToken }, { title: "LinkToken", additionalProperties: false });

/** The routes for the holder of an emailed link, who needs no login. */
const linkRoutes = (deps: Deps) =>
  new Elysia()
    .use(requestContext(deps.config))
    .post("/email/confirm/", async ({ body, context }) => publicFields(await confirmEmail(deps, body.token, context)), {
      body: LinkTokenSchema,
      response: { 200: UserSchema, ...problemsOf(403, 409, 422) },
      detail: operation({
        access: "public",
        limit: "link",
        body: "json",
        operationId: "confirmEmail",
        summary: "Confirm an email address",
        description:
          "With the token of a verification email or of an address change. It turns a registration into an account; " +
          "an address change ends every session. 409 when the address belongs to another account by now.",
      }),
    })
    .post(
      "/email/freeze/",
      async ({ body, context }) => {
        await freezeAccount(deps, body.token, context);
        return FREEZE_ANSWER;
      },
      {
        body: LinkTokenSchema,
        response: { 200: messageAnswer(FREEZE_ANSWER.message), ...problemsOf(403, 409, 422) },
        detail: operation({
          access: "public",
          limit: "link",
          body: "json",
          operationId: "freezeAccount",
          summary: "Freeze an account whose address is being changed",
          description:
            "With the token of the notice to the old address. A superuser's `enable` lifts it. 409 for the last superuser.",
        }),
      },
    );

const callerRoutes = (deps: Deps) =>
  new Elysia()
    .use(requestContext(deps.config))
    .use(requiredCaller())
    .post(
      "/user/me/email/",
      async ({ body, caller, context }) => {
        const change = { email: body.email, currentPassword: body.current_password };
        await requestEmailChange(deps, caller, change, context);
        return CHANGE_ANSWER;
      },
      {
        body: t.Object(
          { email: addressField, current_password: currentPassword },
          { title: "EmailChange", additionalProperties: false },
        ),
        response: { 200: messageAnswer(CHANGE_ANSWER.message), ...problemsOf(401, 403, 422, 429, 503) },
        detail: operation({
          access: "account",
          limit: "none",
          body: "json",
          operationId: "requestEmailChange",
          summary: "Change my email address",
          description:
            "A link goes to the new address, and a notice with a way to stop the change to the old one. Nothing changes " +
            "until the link is used. For the address that the account has already, the link verifies it.",
        }),
      },
    );

export const emailRoutes = (deps: Deps) =>
  new Elysia({ name: "emails", tags: ["Email addresses"], normalize: false })
    .use(linkRoutes(deps))
    .use(callerRoutes(deps));
