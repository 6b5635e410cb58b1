import { t } from "elysia";
import { ATTEMPT_OUTCOMES, MESSAGE_STATES, REASONS, SMTP_PHASES } from "../db/states.ts";
import { LANES } from "../mail/kinds.ts";
import type { MessageSummary, MessageTimeline } from "../mail/operations/messages.ts";
import { moment, nullable } from "./schemas.ts";

const laneNames = Object.keys(LANES);

const summaryFields = {
  id: t.String({ format: "uuid" }),
  kind: t.String({ examples: ["password_reset"] }),
  lane: t.UnionEnum(laneNames as [string, ...string[]]),
  state: t.UnionEnum([...MESSAGE_STATES]),
  reason: nullable(t.UnionEnum([...REASONS], { description: "Why it failed or was dropped." })),
  recipient: nullable(t.String({ description: "The address it went to, or that was asked for." })),
  username: nullable(t.String()),
  attempts: t.Integer(),
  created_at: moment("When the request was committed."),
  due_at: nullable(moment("When the next attempt may start, while it is queued.")),
  ended_at: nullable(moment("When it reached its last state.")),
  retry_of: nullable(t.String({ format: "uuid" })),
};

/** A message in a list. */
export const MessageSchema = t.Object(summaryFields, { title: "Message" });

const eventFields = {
  at: moment("When it happened."),
  event: t.String({ examples: ["attempt"] }),
  text: t.String({ examples: ["attempt 1: deferred at rcpt “451 4.7.1 Greylisted, try again later”"] }),
};

const AttemptSchema = t.Object(
  {
    number: t.Integer(),
    started_at: moment("When it started; `at` is when it ended."),
    outcome: nullable(t.UnionEnum([...ATTEMPT_OUTCOMES], { description: "null while it is being sent." })),
    phase: nullable(t.UnionEnum([...SMTP_PHASES], { description: "Where the SMTP conversation ended, or waits." })),
    reply: nullable(t.String({ description: "The reply of the SMTP server." })),
  },
  { title: "Attempt" },
);

/** One message, with its timeline. */
export const MessageDetailsSchema = t.Object(
  {
    ...summaryFields,
    request_id: nullable(t.String()),
    expires_at: moment("The end of its lifetime, after which no attempt starts."),
    link_expires_at: nullable(moment("When its link expires.")),
    last_reply: nullable(t.String({ description: "The last reply of the SMTP server." })),
    timeline: t.Array(t.Object({ ...eventFields, attempt: nullable(AttemptSchema) }, { title: "TimelineEvent" }), {
      description: "What happened to the message, oldest first.",
    }),
  },
  { title: "MessageDetails" },
);

/** As the owner of the account sees a message: its course, never its content or the server's replies in parts. */
export const OwnMessageSchema = t.Object(
  {
    id: summaryFields.id,
    kind: summaryFields.kind,
    state: summaryFields.state,
    created_at: summaryFields.created_at,
    timeline: t.Array(t.Object(eventFields), { description: "What happened to the message, oldest first." }),
  },
  { title: "AccountMessage" },
);

export const summaryJson = (item: MessageSummary) => ({
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

export const detailsJson = (details: MessageTimeline) => ({
  ...summaryJson(details),
  request_id: details.requestId,
  expires_at: details.expiresAt.toISOString(),
  link_expires_at: details.linkExpiresAt?.toISOString() ?? null,
  last_reply: details.lastReply,
  timeline: details.timeline.map(({ at, event, text, attempt }) => ({
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
