import { Elysia, t } from "elysia";
import type { Deps } from "../accounts/deps.ts";
import { completeRegistration, requestRegistration } from "../accounts/registration.ts";
import { publicFields } from "../accounts/users.ts";
import { operation } from "./operation.ts";
import { basePath } from "./path.ts";
import { requestContext } from "./request-context.ts";
import { addressField, linkToken, messageAnswer, newPasswordFields, problemsOf, UserSchema } from "./schemas.ts";
import { userFields } from "./user-schemas.ts";

const ANSWER = { message: "We sent an email to this address. Use the link in it to continue." } as const;

/** What sign-up forms ask for; the link asks for it again, because only there it comes from the owner of the address. */
const ignored = t.Optional(
  t.String({ description: "Accepted and ignored: it is chosen at the link.", maxLength: 1024, examples: [""] }),
);

/** Mounted only with `REGISTRATION=on`. */
export const registrationRoutes = (deps: Deps) =>
  new Elysia({ name: "registration", tags: ["Accounts"], normalize: false })
    .use(requestContext(deps.config))
    .post(
      "/register/",
      async ({ body, context }) => {
        await requestRegistration(deps, body.email, context);
        return ANSWER;
      },
      {
        body: t.Object(
          { email: addressField, name: ignored, username: ignored, password: ignored },
          { title: "RegistrationRequest", additionalProperties: false, examples: [{ email: "kelly@example.com" }] },
        ),
        response: { 200: messageAnswer(ANSWER.message), ...problemsOf(422, 503) },
        detail: operation({
          access: "public",
          limit: "register",
          body: "json",
          operationId: "register",
          summary: "Ask for an account",
          description:
            "Answers the same whether the address is taken or not; the email tells its owner. Name, username and " +
            "password are chosen at the link in the email: nothing that is sent here becomes part of the account.",
        }),
      },
    )
    .post(
      "/register/complete/",
      async ({ body, context, set }) => {
        const { token, password_confirm: passwordConfirm, ...chosen } = body;
        const account = await completeRegistration(deps, token, { ...chosen, passwordConfirm }, context);
        set.status = 201;
        set.headers["location"] = `${basePath(deps.config)}/user/${account.username}/`;
        return publicFields(account);
      },
      {
        body: t.Object(
          {
            token: linkToken,
            name: userFields.name,
            username: t.Optional(userFields.username),
            ...newPasswordFields(deps.config),
          },
          { title: "Registration", additionalProperties: false },
        ),
        response: { 201: UserSchema, ...problemsOf(400, 403, 409, 422, 503) },
        detail: operation({
          access: "public",
          limit: "link",
          body: "json",
          operationId: "completeRegistration",
          summary: "Create an account with an emailed link",
          description:
            "The account exists from here on, and its address is verified. Every other registration link of the address " +
            "ends. 409 for a username that is taken, because usernames are public, and for an address that has an account " +
            "by now. A request that is refused does not use the link up.",
          headers: { 201: { location: "The path of the account." } },
        }),
      },
    );
