import { Elysia, t } from "elysia";
import type { Deps } from "../accounts/deps.ts";
import { deleteUser, disableUser, enableUser } from "../accounts/user-state.ts";
import { requiredCaller } from "./admission.ts";
import { operation } from "./operation.ts";
import { requestContext } from "./request-context.ts";
import { addressField, currentPassword, problemsOf, UsernameParams, UserSchema } from "./schemas.ts";
import { ownPassword } from "./user-schemas.ts";

export const userStateRoutes = (deps: Deps) =>
  new Elysia({ name: "user-state", tags: ["Accounts"], normalize: false })
    .use(requestContext(deps.config))
    .use(requiredCaller())
    .post(
      "/user/:username/disable/",
      async ({ params, caller, context }) => await disableUser(deps, caller, params.username, context),
      {
        params: UsernameParams,
        response: { 200: UserSchema, ...problemsOf(401, 403, 404, 409, 422) },
        detail: operation({
          access: "superuser",
          limit: "none",
          operationId: "disableUser",
          summary: "Disable an account",
          description: "Its sessions and links end at once. The last superuser cannot be disabled (409).",
        }),
      },
    )
    .post(
      "/user/:username/enable/",
      async ({ params, body, caller, context }) =>
        await enableUser(
          deps,
          caller,
          params.username,
          { email: body?.email, currentPassword: body?.current_password },
          context,
        ),
      {
        params: UsernameParams,
        body: t.Optional(
          t.Object(
            { email: t.Optional(addressField), current_password: t.Optional(ownPassword) },
            { title: "UserEnabling", additionalProperties: false, examples: [{}] },
          ),
        ),
        response: { 200: UserSchema, ...problemsOf(401, 403, 404, 409, 422, 429, 503) },
        detail: operation({
          access: "superuser",
          limit: "none",
          body: "json",
          operationId: "enableUser",
          summary: "Enable an account",
          description:
            "Lifts a freeze as well: the account then has no password, and its owner asks for a reset. `email` sets the " +
            "address of an account whose address was being changed by a stranger. To set it, or to enable a superuser, log " +
            "in within the last 5 minutes or send your own `current_password`. All superusers are told of a superuser.",
        }),
      },
    )
    .delete(
      "/user/:username/",
      async ({ params, body, caller, context, set }) => {
        await deleteUser(deps, caller, params.username, body?.current_password, context);
        set.status = 204;
      },
      {
        params: UsernameParams,
        body: t.Optional(
          t.Object(
            { current_password: t.Optional(currentPassword) },
            { title: "UserDeletion", additionalProperties: false, examples: [{}] },
          ),
        ),
        response: { 204: t.Void(), ...problemsOf(401, 403, 404, 409, 422, 429, 503) },
        detail: operation({
          access: "owner",
          limit: "none",
          body: "json",
          operationId: "deleteUser",
          summary: "Delete an account",
          description:
            "By its owner, with `current_password`, or by a superuser. The last superuser cannot be deleted (409). The " +
            "sessions and links end. What is personal in its emails' timelines and in the audit log is blanked within minutes.",
        }),
      },
    );
