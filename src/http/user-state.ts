import { Elysia, t } from "elysia";
import type { Deps } from "../accounts/deps.ts";
import { deleteUser, disableUser, enableUser } from "../accounts/user-state.ts";
import { callerOnly, superuserOnly } from "./access-tokens.ts";
import { requestContext } from "./request-context.ts";
import {
  addressField,
  bearer,
  currentPassword,
  passwordCheckErrors,
  ProblemSchema,
  PublicUserSchema,
  UsernameParams,
} from "./schemas.ts";

const refusals = { 401: ProblemSchema, 403: ProblemSchema, 404: ProblemSchema, 409: ProblemSchema, 422: ProblemSchema };

const superuserRoutes = (deps: Deps) =>
  new Elysia()
    .use(requestContext(deps.config.trustProxy))
    .use(superuserOnly(deps))
    .post(
      "/user/:username/disable/",
      async ({ params, caller, context }) => await disableUser(deps, caller, params.username, context),
      {
        params: UsernameParams,
        response: { 200: PublicUserSchema, ...refusals },
        detail: {
          summary: "Disable an account",
          description: "Its sessions and links end at once. Not the last superuser (409).",
          security: bearer,
        },
      },
    )
    .post(
      "/user/:username/enable/",
      async ({ params, body, caller, context }) =>
        await enableUser(deps, caller, params.username, body?.email, context),
      {
        parse: "json",
        params: UsernameParams,
        body: t.Optional(
          t.Object({ email: t.Optional(addressField) }, { additionalProperties: false, examples: [{}] }),
        ),
        response: { 200: PublicUserSchema, ...refusals },
        detail: {
          summary: "Enable an account",
          description:
            "Lifts a freeze too: its password is forgotten then, so its owner asks for a reset. `email` sets the " +
            "address of an account that was being moved to a stranger's.",
          security: bearer,
        },
      },
    );

const callerRoutes = (deps: Deps) =>
  new Elysia()
    .use(requestContext(deps.config.trustProxy))
    .use(callerOnly(deps))
    .delete(
      "/user/:username/",
      async ({ params, body, caller, context, set }) => {
        await deleteUser(deps, caller, params.username, body?.current_password, context);
        set.status = 204;
      },
      {
        parse: "json",
        params: UsernameParams,
        body: t.Optional(
          t.Object({ current_password: t.Optional(currentPassword) }, { additionalProperties: false, examples: [{}] }),
        ),
        response: { 204: t.Void(), ...refusals, ...passwordCheckErrors },
        detail: {
          summary: "Delete an account",
          description:
            "By its owner, with `current_password`, or by a superuser. Not the last superuser (409). Its sessions and " +
            "links go with it; the stories of its mails stay for `MESSAGE_RETENTION`, the audit stays.",
          security: bearer,
        },
      },
    );

export const userStateRoutes = (deps: Deps) =>
  new Elysia({ name: "user-state", tags: ["Accounts"], normalize: false })
    .use(superuserRoutes(deps))
    .use(callerRoutes(deps));
