import { Elysia, t } from "elysia";
import type { Deps } from "../accounts/deps.ts";
import { register } from "../accounts/registration.ts";
import { operation } from "./operation.ts";
import { requestContext } from "./request-context.ts";
import { addressField, messageAnswer, newPassword, problemsOf } from "./schemas.ts";
import { userFields } from "./user-schemas.ts";

const ANSWER = { message: "We sent a mail to this address: follow it to go on." } as const;

/** Mounted only with `REGISTRATION=on`. */
export const registrationRoutes = (deps: Deps) =>
  new Elysia({ name: "registration", tags: ["Accounts"], normalize: false }).use(requestContext(deps.config)).post(
    "/register/",
    async ({ body, context }) => {
      await register(deps, body, context);
      return ANSWER;
    },
    {
      body: t.Object(
        {
          name: userFields.name,
          email: addressField,
          password: newPassword(deps.config),
          username: t.Optional(userFields.username),
        },
        {
          title: "Registration",
          additionalProperties: false,
          examples: [{ name: "Kelly Kapoor", email: "kelly@example.com", password: "seven blue lanterns at dusk" }],
        },
      ),
      response: { 200: messageAnswer(ANSWER.message), ...problemsOf(409, 422, 503) },
      detail: operation({
        access: "public",
        limit: "register",
        body: "json",
        operationId: "register",
        summary: "Register an account",
        description:
          "Answers the same whether the address is taken or not; the email tells its owner. The account exists once " +
          "the email's link is used. 409 for a username that is taken, because usernames are public.",
      }),
    },
  );
