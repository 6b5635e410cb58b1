import { Elysia, t } from "elysia";
import type { Deps } from "../accounts/deps.ts";
import { cancelMessage, retryMessage } from "../accounts/mail-operations.ts";
import { NotFound, Unavailable } from "../errors.ts";
import type { Courier } from "../mail/courier/handle.ts";
import { findMessage, listMessages, listOwnTimelines } from "../mail/operations/messages.ts";
import { requiredCaller } from "./admission.ts";
import { filterFields, filterOf } from "./message-filter.ts";
import { detailsJson, MessageDetailsSchema, MessageSchema, OwnMessageSchema, summaryJson } from "./message-schemas.ts";
import { operation } from "./operation.ts";
import { afterId, limitOf, LINK_HEADER, linkNext } from "./paging.ts";
import { basePath } from "./path.ts";
import { requestContext } from "./request-context.ts";
import { idParams, problemsOf } from "./schemas.ts";

const MessageParams = idParams("message");

export interface MessageDeps extends Deps {
  readonly courier: Courier | null;
}

/** Messages as superusers see and control them; what holds for all mail is in `mail-control.ts`. */
const operatorRoutes = (deps: MessageDeps) =>
  new Elysia({ tags: ["Outbox"] })
    .use(requestContext(deps.config))
    .use(requiredCaller())
    .get(
      "/message/",
      async ({ query, set }) => {
        const page = await listMessages(deps.db, filterOf(query), query);
        linkNext(set.headers, `${basePath(deps.config)}/message/`, query, page.next);
        return page.items.map(summaryJson);
      },
      {
        query: t.Object(
          {
            ...filterFields,
            limit: limitOf("Messages", { usual: 50, most: 1000 }),
            after: afterId,
          },
          { additionalProperties: false },
        ),
        response: { 200: t.Array(MessageSchema), ...problemsOf(401, 403, 422) },
        detail: operation({
          access: "superuser",
          limit: "none",
          operationId: "listMessages",
          summary: "List messages",
          description: "Newest first.",
          headers: { 200: LINK_HEADER },
        }),
      },
    )
    .get("/message/:id/", async ({ params }) => detailsJson(await findMessage(deps.db, params.id)), {
      params: MessageParams,
      response: { 200: MessageDetailsSchema, ...problemsOf(401, 403, 404, 422) },
      detail: operation({
        access: "superuser",
        limit: "none",
        operationId: "getMessage",
        summary: "Read a message and its timeline",
        description: "From the request, attempt by attempt, to the use of its link.",
      }),
    })
    .get(
      "/message/:id/preview",
      async ({ params }) => {
        await findMessage(deps.db, params.id);
        if (!deps.courier) throw new Unavailable("This process has no courier that could render it.", 60);
        const email = await deps.courier.preview(params.id);
        if (!email) throw new NotFound("The message has no recipient, so there is no email to show.");
        return email;
      },
      {
        params: MessageParams,
        response: {
          200: t.Object({ subject: t.String(), html: t.String(), text: t.String() }, { title: "EmailPreview" }),
          ...problemsOf(401, 403, 404, 422, 503),
        },
        detail: operation({
          access: "superuser",
          limit: "none",
          operationId: "previewMessage",
          summary: "Preview an email",
          description: "The email is rendered again, with a link that does not work.",
        }),
      },
    )
    .post(
      "/message/:id/retry/",
      async ({ params, caller, context, set }) => {
        const id = await retryMessage(deps, { caller, context }, params.id);
        set.status = 201;
        set.headers["location"] = `${basePath(deps.config)}/message/${id}/`;
        return detailsJson(await findMessage(deps.db, id));
      },
      {
        params: MessageParams,
        response: { 201: MessageDetailsSchema, ...problemsOf(401, 403, 404, 409, 422) },
        detail: operation({
          access: "superuser",
          limit: "none",
          operationId: "retryMessage",
          summary: "Send a failed message again",
          description:
            "Creates a new message with a new token and a new lifetime. 409 unless the message has failed or was cancelled.",
          headers: { 201: { location: "The path of the new message." } },
        }),
      },
    )
    .post(
      "/message/:id/cancel/",
      async ({ params, caller, context }) => {
        await cancelMessage(deps, { caller, context }, params.id);
        return detailsJson(await findMessage(deps.db, params.id));
      },
      {
        params: MessageParams,
        response: { 200: MessageDetailsSchema, ...problemsOf(401, 403, 404, 409, 422) },
        detail: operation({
          access: "superuser",
          limit: "none",
          operationId: "cancelMessage",
          summary: "Cancel a queued message",
          description: "409 unless the message is queued.",
        }),
      },
    );

const ownerRoutes = (deps: Deps) =>
  new Elysia({ tags: ["My account"] }).use(requiredCaller()).get(
    "/user/me/message/",
    async ({ query, caller, set }) => {
      const page = await listOwnTimelines(deps.db, caller.userId, query);
      linkNext(set.headers, `${basePath(deps.config)}/user/me/message/`, query, page.next);
      return page.items.map((item) => {
        const { id, kind, state, created_at, timeline } = detailsJson(item);
        return { id, kind, state, created_at, timeline: timeline.map(({ at, event, text }) => ({ at, event, text })) };
      });
    },
    {
      query: t.Object(
        { limit: limitOf("Messages", { usual: 20, most: 100 }), after: afterId },
        { additionalProperties: false },
      ),
      response: { 200: t.Array(OwnMessageSchema), ...problemsOf(401, 422) },
      detail: operation({
        access: "account",
        limit: "read",
        operationId: "listMyMessages",
        summary: "Read the timelines of my emails",
        headers: { 200: LINK_HEADER },
      }),
    },
  );

export const messageRoutes = (deps: MessageDeps) =>
  new Elysia({ name: "messages", normalize: false }).use(operatorRoutes(deps)).use(ownerRoutes(deps));
