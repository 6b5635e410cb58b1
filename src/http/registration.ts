import { Elysia, t } from "elysia";
import type { Deps } from "../accounts/deps.ts";
import { register } from "../accounts/registration.ts";
import { requestContext } from "./request-context.ts";
import { addressField, passwordHashErrors, ProblemSchema } from "./schemas.ts";
import { userFields } from "./users.ts";

const ANSWER = { message: "We sent a mail to this address: follow it to go on." } as const;

/** Mounted only with `REGISTRATION=on`. */
export const registrationRoutes = (deps: Deps) =>
  new Elysia({ name: "registration", tags: ["Accounts"], normalize: false })
    .use(requestContext(deps.config.trustProxy))
    .post(
      "/register/",
      async ({ body, context }) => {
        await register(deps, body, context);
        return ANSWER;
      },
      {
        parse: "json",
        body: t.Object(
          {
            name: userFields.name,
            email: addressField,
            password: t.String({ description: "At least 12 characters.", examples: ["a long enough one"] }),
            username: t.Optional(userFields.username),
          },
          {
            additionalProperties: false,
            examples: [{ name: "Kelly Kapoor", email: "kkapoor@dm.com", password: "a long enough one" }],
          },
        ),
        response: {
          200: t.Object({ message: t.Literal(ANSWER.message) }),
          409: ProblemSchema,
          422: ProblemSchema,
          ...passwordHashErrors,
        },
        detail: {
          summary: "Register an account for oneself",
          description:
            "Answers the same whether the address is taken or not; the mail tells its owner. The account exists once " +
            "the mail's link is used. 409 for a username that is taken: those are public.",
        },
      },
    );
