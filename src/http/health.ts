import { Elysia, t } from "elysia";
import { BREAKER_STATES } from "../db/states.ts";
import type { Courier } from "../mail/courier/handle.ts";
import type { Outbox } from "../mail/outbox.ts";
import { DEGRADED_REASONS } from "../mail/operations/condition.ts";
import type { MailMonitor } from "../mail/operations/monitor.ts";
import { READY_WARNINGS, UNREADY_REASONS, type Readiness } from "../readiness.ts";
import { operation } from "./operation.ts";

export interface HealthDeps {
  readonly outbox: Pick<Outbox, "database">;
  /** Null: this process has no courier; others send. */
  readonly courier: Courier | null;
  readonly monitor: Pick<MailMonitor, "degraded">;
  readonly readiness: Pick<Readiness, "check">;
}

const HealthSchema = t.Object(
  {
    status: t.UnionEnum(["ok", "degraded", "unavailable"]),
    database: t.UnionEnum(["up", "down"]),
    courier: t.UnionEnum(["off", "starting", "running", "restarting", "draining", "stopped"]),
    breaker: t.UnionEnum([...BREAKER_STATES], {
      description: "Whether the courier of this process is using SMTP.",
    }),
    reasons: t.Array(t.UnionEnum([...DEGRADED_REASONS]), {
      description: "Why email does not go out as it should, seen from any process; `GET /message/stats` has the words.",
    }),
  },
  { title: "Health" },
);

const LiveSchema = t.Object({ status: t.Literal("live") }, { title: "Liveness" });

const ReadySchema = t.Object(
  {
    status: t.UnionEnum(["ready", "degraded", "unready"]),
    reasons: t.Array(t.UnionEnum([...UNREADY_REASONS, ...READY_WARNINGS])),
  },
  { title: "Readiness" },
);

/**
 * 200 as long as requests can be answered: a courier in trouble delays emails and no request. Everyone may read it, so it
 * shows neither the SMTP server's replies nor the age of a message.
 */
export const healthRoutes = ({ outbox, courier, monitor, readiness }: HealthDeps) =>
  new Elysia({ name: "health", tags: ["Operations"] })
    .get(
      "/health",
      async ({ set }) => {
        const up = await outbox.database.check();
        set.status = up ? 200 : 503;
        if (!up) set.headers["retry-after"] = "5";
        set.headers["cache-control"] = "no-store";
        const health = courier?.health ?? null;
        const reasons = [...new Set(monitor.degraded.map(({ reason }) => reason))];
        const mail = reasons.length === 0 ? ("ok" as const) : ("degraded" as const);
        return {
          status: up ? mail : ("unavailable" as const),
          database: up ? ("up" as const) : ("down" as const),
          courier: health?.state ?? ("off" as const),
          breaker: health?.breaker ?? ("closed" as const),
          reasons,
        };
      },
      {
        response: { 200: HealthSchema, 503: HealthSchema },
        detail: operation({
          access: "public",
          limit: "none",
          operationId: "checkHealth",
          summary: "Health check",
          description:
            "503 when the database does not commit within 5 s what a password reset commits. The courier and SMTP never cause one: when email does not go out as it should, the status is `degraded`.",
        }),
      },
    )
    .get(
      "/health/live",
      ({ set }) => {
        set.headers["cache-control"] = "no-store";
        return { status: "live" as const };
      },
      {
        response: LiveSchema,
        detail: operation({
          access: "public",
          limit: "none",
          operationId: "checkLiveness",
          summary: "Liveness check",
          description: "200 as long as this process answers. Restart it when it does not: nothing else is looked at.",
        }),
      },
    )
    .get(
      "/health/ready",
      async ({ set }) => {
        const report = await readiness.check();
        set.status = report.status === "unready" ? 503 : 200;
        if (report.status === "unready") set.headers["retry-after"] = "5";
        set.headers["cache-control"] = "no-store";
        return { status: report.status, reasons: [...report.reasons] };
      },
      {
        response: { 200: ReadySchema, 503: ReadySchema },
        detail: operation({
          access: "public",
          limit: "none",
          operationId: "checkReadiness",
          summary: "Readiness check",
          description:
            "503 when this process should not receive requests: it is about to stop, its courier has not loaded, the database takes no writes, or the schema lacks migrations. `degraded` is 200: requests are answered as usual, and `reasons` says why email does not go out as it should.",
        }),
      },
    );
