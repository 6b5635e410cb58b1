import { Elysia, t } from "elysia";
import type { Courier } from "../mail/courier/handle.ts";
import type { Outbox } from "../mail/outbox.ts";
import { operation } from "./operation.ts";

export interface HealthDeps {
  readonly outbox: Pick<Outbox, "database">;
  /** Null: this process has no courier; others send. */
  readonly courier: Courier | null;
}

const HealthSchema = t.Object(
  {
    status: t.UnionEnum(["ok", "unavailable"]),
    database: t.UnionEnum(["up", "down"]),
    courier: t.UnionEnum(["off", "starting", "running", "restarting", "draining", "stopped"]),
    breaker: t.UnionEnum(["closed", "open", "probing"], {
      description: "Whether the courier of this process is using SMTP.",
    }),
  },
  { title: "Health" },
);

/** 200 as long as requests can be answered: a courier in trouble delays mail, and nobody's request. */
export const healthRoutes = ({ outbox, courier }: HealthDeps) =>
  new Elysia({ name: "health", tags: ["Operations"] }).get(
    "/health",
    async ({ set }) => {
      const up = await outbox.database.check();
      set.status = up ? 200 : 503;
      set.headers["cache-control"] = "no-store";
      const health = courier?.health ?? null;
      return {
        status: up ? ("ok" as const) : ("unavailable" as const),
        database: up ? ("up" as const) : ("down" as const),
        courier: health?.state ?? ("off" as const),
        breaker: health?.breaker ?? ("closed" as const),
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
          "503 when the database does not commit within 5 s what a password reset commits. The courier and SMTP never cause one.",
      }),
    },
  );
