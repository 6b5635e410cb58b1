import { Elysia, t } from "elysia";
import { requireAddress } from "../addresses.ts";
import type { Deps } from "../accounts/deps.ts";
import { BREAKER_STATES, MESSAGE_STATES, REASONS } from "../db/states.ts";
import { liftSuppression, pauseMail, resumeMail, suppressAddress } from "../accounts/mail-operations.ts";
import { DEGRADED_REASONS } from "../mail/operations/condition.ts";
import type { MailMonitor } from "../mail/operations/monitor.ts";
import type { MailStats } from "../mail/operations/stats.ts";
import { listSuppressions } from "../mail/operations/suppression.ts";
import { requiredCaller } from "./admission.ts";
import { operation } from "./operation.ts";
import { requestContext } from "./request-context.ts";
import { addressField, moment, nullable, problemsOf } from "./schemas.ts";

const seconds = (description: string) => nullable(t.Number({ description }));
const StatsSchema = t.Object(
  {
    read_at: moment("When these figures were read: while a great many messages wait, up to a minute ago."),
    queued: t.Record(t.String(), t.Integer(), { description: "By lane." }),
    sending: t.Integer(),
    orphaned: t.Integer({ description: "Their courier stopped while it prepared, rendered or handed them over." }),
    oldest_due_seconds: seconds("Age of the oldest message that is due; null when none is."),
    oldest_due_seconds_by_lane: t.Record(t.String(), nullable(t.Number())),
    oldest_unsent_seconds_by_lane: t.Record(t.String(), nullable(t.Number()), {
      description: "Age since it was accepted of the oldest message that is queued or being sent.",
    }),
    recent_attempts: t.Object(
      {
        seconds: t.Integer({ description: "How far back these figures go." }),
        total: t.Integer(),
        deferred: t.Integer({ description: "Those that the SMTP server asked to try again later." }),
        last_deferral: nullable(t.String({ description: "The reply of the SMTP server to the last of them." })),
      },
      { description: "Of the couriers that run now." },
    ),
    degraded: t.Array(t.Object({ reason: t.UnionEnum([...DEGRADED_REASONS]), text: t.String() }), {
      description: "Why email does not go out as it should; empty when it does.",
    }),
    latency_seconds: t.Object(
      { p50: nullable(t.Number()), p99: nullable(t.Number()) },
      { description: "From the commit to the SMTP server's acceptance, in the last hour." },
    ),
    ended: t.Array(
      t.Object({
        state: t.UnionEnum([...MESSAGE_STATES]),
        reason: nullable(t.UnionEnum([...REASONS])),
        count: t.Integer(),
      }),
      {
        description: "In the last 24 hours.",
      },
    ),
    minutes: t.Array(t.Object({ at: moment("The start of the minute."), accepted: t.Integer(), sent: t.Integer() }), {
      description: "The last 60, oldest first.",
    }),
    paused: nullable(t.Object({ at: moment("When mail was paused."), by: nullable(t.String()) })),
    couriers: t.Array(
      t.Object({
        id: t.String({ format: "uuid" }),
        host: t.String(),
        pid: t.Integer(),
        breaker: t.UnionEnum([...BREAKER_STATES]),
        last_reply: nullable(t.String({ description: "The last reply of the SMTP server." })),
        seen_at: moment("When it last reported."),
        until: nullable(moment("The end of the breaker's pause.")),
      }),
    ),
  },
  { title: "MailStats" },
);

/** Addresses are suppressed by hand, so that there are few. */
const MAX_SUPPRESSIONS = 1_000;

const PauseSchema = t.Object({ paused: t.Boolean() }, { title: "MailPause" });
const SuppressionStateSchema = t.Object({ email: t.String(), suppressed: t.Boolean() }, { title: "SuppressionState" });
const SuppressionSchema = t.Object(
  {
    email: t.String(),
    note: nullable(t.String()),
    created_by: t.String({ description: "Who suppressed it." }),
    created_at: moment("When it was suppressed."),
  },
  { title: "Suppression" },
);

/** What holds for all mail: its state, its pause, and the addresses that get none. */
export const mailControlRoutes = (deps: Deps & { readonly monitor: Pick<MailMonitor, "stats"> }) =>
  new Elysia({ name: "mail-control", tags: ["Outbox"], normalize: false })
    .use(requestContext(deps.config))
    .use(requiredCaller())
    .get("/message/stats", async () => statsJson(await deps.monitor.stats()), {
      response: { 200: StatsSchema, ...problemsOf(401, 403) },
      detail: operation({
        access: "superuser",
        limit: "none",
        operationId: "getMailStats",
        summary: "Read the state of the mail",
        description: "Depth, age, rates, latency, failures, couriers and pause.",
      }),
    })
    .post(
      "/message/pause/",
      async ({ caller, context }) => {
        await pauseMail(deps, { caller, context });
        return { paused: true };
      },
      {
        response: { 200: PauseSchema, ...problemsOf(401, 403) },
        detail: operation({
          access: "superuser",
          limit: "none",
          operationId: "pauseMail",
          summary: "Pause all mail",
          description: "No courier claims messages until mail is resumed. Requests are accepted as before.",
        }),
      },
    )
    .post(
      "/message/resume/",
      async ({ caller, context }) => {
        await resumeMail(deps, { caller, context });
        return { paused: false };
      },
      {
        response: { 200: PauseSchema, ...problemsOf(401, 403) },
        detail: operation({ access: "superuser", limit: "none", operationId: "resumeMail", summary: "Resume mail" }),
      },
    )
    .post(
      "/message/suppress/",
      async ({ body, caller, context }) => {
        const email = requireAddress(body.email);
        await suppressAddress(deps, { caller, context }, email, body.note ?? null);
        return { email, suppressed: true };
      },
      {
        body: t.Object(
          {
            email: addressField,
            note: t.Optional(t.String({ maxLength: 500, pattern: "^[^\\u0000]*$", examples: ["On leave."] })),
          },
          { title: "SuppressionRequest", additionalProperties: false },
        ),
        response: { 200: SuppressionStateSchema, ...problemsOf(401, 403, 404, 409, 422) },
        detail: operation({
          access: "superuser",
          limit: "none",
          body: "json",
          operationId: "suppressAddress",
          summary: "Suppress an address",
        }),
      },
    )
    .get(
      "/message/suppressed/",
      async () =>
        (await listSuppressions(deps.db, MAX_SUPPRESSIONS)).map(({ email, note: words, createdBy, createdAt }) => ({
          email,
          note: words,
          created_by: createdBy,
          created_at: createdAt.toISOString(),
        })),
      {
        response: { 200: t.Array(SuppressionSchema), ...problemsOf(401, 403) },
        detail: operation({
          access: "superuser",
          limit: "none",
          operationId: "listSuppressions",
          summary: "List the suppressed addresses",
          description: "Newest first, at most 1,000.",
        }),
      },
    )
    .post(
      "/message/lift/",
      async ({ body, caller, context }) => {
        const email = requireAddress(body.email);
        await liftSuppression(deps, { caller, context }, email);
        return { email, suppressed: false };
      },
      {
        body: t.Object({ email: addressField }, { title: "SuppressionLift", additionalProperties: false }),
        response: { 200: SuppressionStateSchema, ...problemsOf(401, 403, 404, 409, 422) },
        detail: operation({
          access: "superuser",
          limit: "none",
          body: "json",
          operationId: "liftSuppression",
          summary: "Lift a suppression",
        }),
      },
    );

const statsJson = (stats: MailStats) => ({
  read_at: stats.readAt.toISOString(),
  queued: stats.queued,
  sending: stats.sending,
  orphaned: stats.orphaned,
  oldest_due_seconds: stats.oldestDueSeconds,
  oldest_due_seconds_by_lane: stats.oldestDueSecondsByLane,
  oldest_unsent_seconds_by_lane: stats.oldestUnsentSecondsByLane,
  recent_attempts: {
    seconds: stats.recentAttempts.seconds,
    total: stats.recentAttempts.total,
    deferred: stats.recentAttempts.deferred,
    last_deferral: stats.recentAttempts.lastDeferral,
  },
  degraded: [...stats.degraded],
  latency_seconds: stats.latencySeconds,
  ended: [...stats.ended],
  minutes: stats.minutes.map(({ at, accepted, sent }) => ({ at: at.toISOString(), accepted, sent })),
  paused: stats.paused && { at: stats.paused.at.toISOString(), by: stats.paused.by },
  couriers: stats.couriers.map((c) => ({
    id: c.id,
    host: c.host,
    pid: c.pid,
    breaker: c.breaker,
    last_reply: c.lastReply,
    seen_at: c.seenAt.toISOString(),
    until: c.until?.toISOString() ?? null,
  })),
});
