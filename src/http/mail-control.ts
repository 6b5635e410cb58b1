import { Elysia, t } from "elysia";
import { requireAddress } from "../accounts/addresses.ts";
import type { Deps } from "../accounts/deps.ts";
import { liftSuppression, pauseMail, resumeMail, suppressAddress } from "../accounts/mail-operations.ts";
import { readStats } from "../mail/operations/stats.ts";
import { listSuppressions } from "../mail/operations/suppression.ts";
import { superuserOnly } from "./access-tokens.ts";
import { requestContext } from "./request-context.ts";
import { bearer, moment, nullable, ProblemSchema } from "./schemas.ts";

const seconds = (description: string) => nullable(t.Number({ description }));
const StatsSchema = t.Object({
  queued: t.Record(t.String(), t.Integer(), { description: "By lane." }),
  sending: t.Integer(),
  orphaned: t.Integer({ description: "Their courier died with them in hand." }),
  oldest_due_seconds: seconds("Of what waits and is due; null: nothing does."),
  oldest_due_seconds_by_lane: t.Record(t.String(), nullable(t.Number())),
  latency_seconds: t.Object(
    { p50: nullable(t.Number()), p99: nullable(t.Number()) },
    { description: "From commit to acceptance, of what was sent in the last hour." },
  ),
  ended: t.Array(t.Object({ state: t.String(), reason: nullable(t.String()), count: t.Integer() }), {
    description: "In the last 24 hours.",
  }),
  minutes: t.Array(t.Object({ at: moment("Its start."), accepted: t.Integer(), sent: t.Integer() }), {
    description: "The last 60, oldest first.",
  }),
  paused: nullable(t.Object({ at: moment("Since when."), by: nullable(t.String()) })),
  couriers: t.Array(
    t.Object({
      id: t.String({ format: "uuid" }),
      host: t.String(),
      pid: t.Integer(),
      breaker: t.UnionEnum(["closed", "open", "probing"]),
      last_reply: nullable(t.String({ description: "The SMTP server's last words." })),
      seen_at: moment("When it last gave a sign of life."),
      until: nullable(moment("The end of the breaker's pause.")),
    }),
  ),
});

/** Addresses that were suppressed by hand: more is a case for SQL. */
const MAX_SUPPRESSIONS = 1_000;

const refusals = { 401: ProblemSchema, 403: ProblemSchema };
const addressRefusals = { ...refusals, 404: ProblemSchema, 409: ProblemSchema, 422: ProblemSchema };

/** What holds for all mail: how it goes, whether it goes, and where to it never goes. */
export const mailControlRoutes = (deps: Deps) =>
  new Elysia({ name: "mail-control", tags: ["Outbox"], normalize: false })
    .use(requestContext(deps.config.trustProxy))
    .use(superuserOnly(deps))
    .get("/message/stats", async () => statsJson(await readStats(deps.db)), {
      response: { 200: StatsSchema, ...refusals },
      detail: {
        summary: "Read the state of the mail",
        description: "Depth, age, rates, latency, failures, couriers, pause.",
        security: bearer,
      },
    })
    .post(
      "/message/pause/",
      async ({ caller, context }) => {
        await pauseMail(deps, { caller, context });
        return { paused: true };
      },
      {
        response: { 200: t.Object({ paused: t.Boolean() }), ...refusals },
        detail: {
          summary: "Pause all mail",
          description: "No courier claims until it is resumed; requests are accepted as ever.",
          security: bearer,
        },
      },
    )
    .post(
      "/message/resume/",
      async ({ caller, context }) => {
        await resumeMail(deps, { caller, context });
        return { paused: false };
      },
      {
        response: { 200: t.Object({ paused: t.Boolean() }), ...refusals },
        detail: { summary: "Resume mail", security: bearer },
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
        parse: "json",
        body: t.Object(
          {
            email: t.String({ maxLength: 320, examples: ["pbeesly@dm.com"] }),
            note: t.Optional(t.String({ maxLength: 500, pattern: "^[^\\u0000]*$", examples: ["On leave."] })),
          },
          { additionalProperties: false },
        ),
        response: { 200: t.Object({ email: t.String(), suppressed: t.Boolean() }), ...addressRefusals },
        detail: { summary: "Send no more mail to an address", security: bearer },
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
        response: {
          200: t.Array(
            t.Object({
              email: t.String(),
              note: nullable(t.String()),
              created_by: t.String({ description: "Who suppressed it." }),
              created_at: moment("When."),
            }),
          ),
          ...refusals,
        },
        detail: {
          summary: "List the suppressed addresses",
          description: "The last first, at most 1,000.",
          security: bearer,
        },
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
        parse: "json",
        body: t.Object(
          { email: t.String({ maxLength: 320, examples: ["pbeesly@dm.com"] }) },
          { additionalProperties: false },
        ),
        response: { 200: t.Object({ email: t.String(), suppressed: t.Boolean() }), ...addressRefusals },
        detail: { summary: "Lift a suppression", security: bearer },
      },
    );

const statsJson = (stats: Awaited<ReturnType<typeof readStats>>) => ({
  queued: stats.queued,
  sending: stats.sending,
  orphaned: stats.orphaned,
  oldest_due_seconds: stats.oldestDueSeconds,
  oldest_due_seconds_by_lane: stats.oldestDueSecondsByLane,
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
