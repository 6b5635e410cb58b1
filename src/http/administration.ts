/** What a superuser does for another account. */
import { Elysia, t } from "elysia";
import { changeAddress, endSessionsOf, resendInvitation } from "../accounts/administration.ts";
import type { Deps } from "../accounts/deps.ts";
import { listDevicesOf } from "../accounts/devices.ts";
import { findMessage } from "../mail/operations/messages.ts";
import { requiredCaller } from "./admission.ts";
import { detailsJson, MessageDetailsSchema } from "./message-schemas.ts";
import { operation } from "./operation.ts";
import { basePath } from "./path.ts";
import { requestContext } from "./request-context.ts";
import { addressField, problemsOf, UsernameParams, UserSchema } from "./schemas.ts";
import { deviceJson, SessionSchema } from "./sessions.ts";
import { ownPassword } from "./user-schemas.ts";

export const administrationRoutes = (deps: Deps) =>
  new Elysia({ name: "administration", tags: ["Accounts"], normalize: false })
    .use(requestContext(deps.config))
    .use(requiredCaller())
    .post(
      "/user/:username/invitation/",
      async ({ params, caller, context, set }) => {
        const id = await resendInvitation(deps, caller, params.username, context);
        set.status = 201;
        set.headers["location"] = `${basePath(deps.config)}/message/${id}/`;
        return detailsJson(await findMessage(deps.db, id));
      },
      {
        params: UsernameParams,
        response: { 201: MessageDetailsSchema, ...problemsOf(401, 403, 404, 409, 422, 429) },
        detail: operation({
          access: "superuser",
          limit: "administer",
          operationId: "retryInvitation",
          summary: "Send an invitation again",
          description:
            "The invitation has a new link. An invitation that is still queued is superseded, so that one waits however often this is " +
            "called. 409 for an account that is not invited; 429 after 3 in 15 minutes.",
          headers: { 201: { location: "The path of the message." } },
        }),
      },
    )
    .post(
      "/user/:username/email/",
      async ({ params, body, caller, context }) => {
        const change = { email: body.email, currentPassword: body.current_password };
        return await changeAddress(deps, caller, params.username, change, context);
      },
      {
        params: UsernameParams,
        body: t.Object(
          { email: addressField, current_password: t.Optional(ownPassword) },
          { title: "AddressChange", additionalProperties: false, examples: [{ email: "pam@example.com" }] },
        ),
        response: { 200: UserSchema, ...problemsOf(401, 403, 404, 409, 422, 429, 503) },
        detail: operation({
          access: "superuser",
          limit: "administer",
          body: "json",
          operationId: "changeAddress",
          summary: "Change the address of another account",
          description:
            "At once, for an owner who has lost the old mailbox. Both addresses are notified by email, sessions and links end, and the " +
            "new address gets a link that confirms it, or the invitation. Log in within the last 5 minutes or send your own " +
            "`current_password`. 409 when the address is taken, for your own account, and for a disabled one.",
        }),
      },
    )
    .get(
      "/user/:username/session/",
      async ({ params, caller }) => (await listDevicesOf(deps.db, params.username, caller)).map(deviceJson),
      {
        params: UsernameParams,
        response: { 200: t.Array(SessionSchema), ...problemsOf(401, 403, 404, 422) },
        detail: operation({
          access: "superuser",
          limit: "administer",
          operationId: "listSessionsOf",
          summary: "List the sessions of an account",
          description: "One session for each login, the most recently used first.",
        }),
      },
    )
    .delete(
      "/user/:username/session/",
      async ({ params, caller, context, set }) => {
        await endSessionsOf(deps, caller, params.username, context);
        set.status = 204;
      },
      {
        params: UsernameParams,
        response: { 204: t.Void(), ...problemsOf(401, 403, 404, 422) },
        detail: operation({
          access: "superuser",
          limit: "administer",
          operationId: "endSessionsOf",
          summary: "End every session of an account",
          description: "Its tokens stop working at once. The password stays.",
        }),
      },
    );
