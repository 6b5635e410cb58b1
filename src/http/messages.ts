import { Elysia, t } from "elysia";
import { normaliseAddress } from "../accounts/addresses.ts";
import type { Deps } from "../accounts/deps.ts";
import { cancelMessage, retryMessage } from "../accounts/mail-operations.ts";
import {
  findMessage,
  KIND_NAMES,
  listMessages,
  type MessageTimeline,
  type MessageSummary,
} from "../mail/operations/messages.ts";
import type { Courier } from "../mail/courier/handle.ts";
import { LANES } from "../mail/kinds.ts";
import { NotFound, Unavailable } from "../errors.ts";
import { callerOnly, superuserOnly } from "./access-tokens.ts";
import { instantOf } from "./instants.ts";
import { requestContext } from "./request-context.ts";
import { afterId, limitOf, linkNext } from "./paging.ts";
import { bearer, idParams, moment, nullable, ProblemSchema, usernameFilter } from "./schemas.ts";

const laneNames = Object.keys(LANES);
const STATES = ["queued", "sending", "sent", "failed", "dropped"] as const;

const summaryFields = {
  id: t.String({ format: "uuid" }),
  kind: t.String({ examples: ["password_reset"] }),
  lane: t.UnionEnum(laneNames as [string, ...string[]]),
  state: t.UnionEnum([...STATES]),
  reason: nullable(t.String({ description: "Why it failed or was dropped." })),
  recipient: nullable(t.String({ description: "Where it went, or the address that was asked for." })),
  username: nullable(t.String()),
  attempts: t.Integer(),
  created_at: moment("When the request was committed."),
  due_at: nullable(moment("When the next attempt may start, while it is queued.")),
  ended_at: nullable(moment("When it reached its last state.")),
  retry_of: nullable(t.String({ format: "uuid" })),
};
const SummarySchema = t.Object(summaryFields);

const timeline = t.Array(
  t.Object({
    at: moment("When."),
    event: t.String({ examples: ["attempt"] }),
    text: t.String({ examples: ["attempt 1: deferred at rcpt “451 4.7.1 Greylisted, try again later”"] }),
  }),
  { description: "The story of this letter, oldest first." },
);
const operatorTimeline = t.Array(
  t.Composite([
    timeline.items,
    t.Object({
      attempt: nullable(
        t.Object(
          {
            number: t.Integer(),
            started_at: moment("When it started; `at` is when it ended."),
            outcome: nullable(t.String({ description: "Null: under way.", examples: ["deferred"] })),
            phase: nullable(t.String({ description: "Where the SMTP conversation ended.", examples: ["rcpt"] })),
            reply: nullable(t.String({ description: "The server's words." })),
          },
          { description: "Of an attempt: its parts." },
        ),
      ),
    }),
  ]),
  { description: "The story of this letter, oldest first." },
);
const StorySchema = t.Object({
  ...summaryFields,
  request_id: nullable(t.String()),
  expires_at: moment("The end of its lifetime: after it no attempt starts."),
  link_expires_at: nullable(moment("The end of its link.")),
  last_reply: nullable(t.String({ description: "The SMTP server's last words." })),
  timeline: operatorTimeline,
});

const MessageParams = idParams("message");
const refusals = { 401: ProblemSchema, 403: ProblemSchema, 404: ProblemSchema, 409: ProblemSchema, 422: ProblemSchema };

export interface MessageDeps extends Deps {
  readonly courier: Courier | null;
}

/** The letters as superusers see and steer them; what holds for all mail is `http/mail-control.ts`. */
const operatorRoutes = (deps: MessageDeps) =>
  new Elysia({ tags: ["Outbox"] })
    .use(requestContext(deps.config.trustProxy))
    .use(superuserOnly(deps))
    .get(
      "/message/",
      async ({ query, set }) => {
        const page = await listMessages(deps.db, {
          ...query,
          recipient: query.recipient && (normaliseAddress(query.recipient) ?? query.recipient),
          since: instantOf(query.since, "since"),
          until: instantOf(query.until, "until"),
        });
        linkNext(set.headers, "/message/", query, page.next);
        return page.items.map(summaryJson);
      },
      {
        query: t.Object(
          {
            // Elysia gives an enum a default, its first value: a filter that is not given would filter.
            state: t.Optional(t.UnionEnum([...STATES], { default: undefined })),
            reason: t.Optional(t.String({ maxLength: 32, pattern: "^[a-z_]+$", description: "Such as `rejected`." })),
            kind: t.Optional(
              t.UnionEnum(KIND_NAMES as [(typeof KIND_NAMES)[number], ...typeof KIND_NAMES], { default: undefined }),
            ),
            recipient: t.Optional(t.String({ maxLength: 320, pattern: "^[^\\u0000]*$" })),
            username: usernameFilter("Whose letters."),
            since: t.Optional(moment("Committed at or after.")),
            until: t.Optional(moment("Committed at or before.")),
            limit: limitOf("Messages", { usual: 50, most: 1000 }),
            after: afterId,
          },
          { additionalProperties: false },
        ),
        response: { 200: t.Array(SummarySchema), ...refusals },
        detail: {
          summary: "List messages",
          description: 'Newest first, by keyset: `Link: rel="next"` leads on.',
          security: bearer,
        },
      },
    )
    .get("/message/:id/", async ({ params }) => storyJson(await findMessage(deps.db, params.id)), {
      params: MessageParams,
      response: { 200: StorySchema, ...refusals },
      detail: {
        summary: "Read the story of a message",
        description: "From the request, attempt by attempt, to the use of its link.",
        security: bearer,
      },
    })
    .get(
      "/message/:id/preview",
      async ({ params }) => {
        await findMessage(deps.db, params.id);
        if (!deps.courier) throw new Unavailable("This process has no courier to render it: ask one that has.", 60);
        const letter = await deps.courier.preview(params.id);
        if (!letter) throw new NotFound("There is nobody this message could be addressed to, so there is no letter.");
        return letter;
      },
      {
        params: MessageParams,
        response: {
          200: t.Object({ subject: t.String(), html: t.String(), text: t.String() }),
          ...refusals,
          503: ProblemSchema,
        },
        detail: {
          summary: "Preview a letter",
          description: "Rendered anew, with a link that opens nothing.",
          security: bearer,
        },
      },
    )
    .post(
      "/message/:id/retry/",
      async ({ params, caller, context, set }) => {
        const id = await retryMessage(deps, { caller, context }, params.id);
        set.status = 201;
        set.headers["location"] = `/message/${id}/`;
        return storyJson(await findMessage(deps.db, id));
      },
      {
        params: MessageParams,
        response: { 201: StorySchema, ...refusals },
        detail: {
          summary: "Send a failed message again",
          description:
            "Makes a new message, with a new token and lifetime. For failed and for cancelled ones; else 409.",
          security: bearer,
        },
      },
    )
    .post(
      "/message/:id/cancel/",
      async ({ params, caller, context }) => {
        await cancelMessage(deps, { caller, context }, params.id);
        return storyJson(await findMessage(deps.db, params.id));
      },
      {
        params: MessageParams,
        response: { 200: StorySchema, ...refusals },
        detail: {
          summary: "Cancel a queued message",
          description: "Only while it is queued; else 409.",
          security: bearer,
        },
      },
    );

/** What an account's owner may see: that there was a letter and how it went, never its content or others' words. */
const ownerRoutes = (deps: Deps) =>
  new Elysia({ tags: ["My account"] }).use(callerOnly(deps)).get(
    "/user/me/message/",
    async ({ query, caller, set }) => {
      const page = await listMessages(deps.db, { ...query, userId: caller.userId });
      linkNext(set.headers, "/user/me/message/", query, page.next);
      return await Promise.all(
        page.items.map(async (item) => {
          const {
            kind,
            state,
            created_at,
            timeline: story,
          } = storyJson(await findMessage(deps.db, item.id, caller.userId));
          const events = story.map(({ at, event, text }) => ({ at, event, text }));
          return { id: item.id, kind, state, created_at, timeline: events };
        }),
      );
    },
    {
      query: t.Object(
        { limit: limitOf("Messages", { usual: 20, most: 100 }), after: afterId },
        { additionalProperties: false },
      ),
      response: {
        200: t.Array(
          t.Object({
            id: summaryFields.id,
            kind: summaryFields.kind,
            state: summaryFields.state,
            created_at: summaryFields.created_at,
            timeline,
          }),
        ),
        401: ProblemSchema,
        422: ProblemSchema,
      },
      detail: { summary: "Read the stories of my mails", security: bearer },
    },
  );

export const messageRoutes = (deps: MessageDeps) =>
  new Elysia({ name: "messages", normalize: false }).use(operatorRoutes(deps)).use(ownerRoutes(deps));

const summaryJson = (item: MessageSummary) => ({
  id: item.id,
  kind: item.kind,
  lane: item.lane,
  state: item.state,
  reason: item.reason,
  recipient: item.recipient,
  username: item.username,
  attempts: item.attempts,
  created_at: item.createdAt.toISOString(),
  due_at: item.dueAt?.toISOString() ?? null,
  ended_at: item.endedAt?.toISOString() ?? null,
  retry_of: item.retryOf,
});

const storyJson = (story: MessageTimeline) => ({
  ...summaryJson(story),
  request_id: story.requestId,
  expires_at: story.expiresAt.toISOString(),
  link_expires_at: story.linkExpiresAt?.toISOString() ?? null,
  last_reply: story.lastReply,
  timeline: story.timeline.map(({ at, event, text, attempt }) => ({
    at: at.toISOString(),
    event,
    text,
    attempt: attempt && {
      number: attempt.number,
      started_at: attempt.startedAt.toISOString(),
      outcome: attempt.outcome,
      phase: attempt.phase,
      reply: attempt.reply,
    },
  })),
});
