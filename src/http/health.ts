import { sql } from "drizzle-orm";
import { Elysia, t } from "elysia";
import type { Database } from "../db/client.ts";
import type { Courier } from "../mail/courier/handle.ts";
import { operation } from "./operation.ts";

export interface HealthDeps {
  readonly db: Database;
  /** Null: this process has no courier; others send. */
  readonly courier: Courier | null;
}

/** A database that takes longer is as good as none to whoever balances load. */
const DATABASE_TIMEOUT_MS = 2_000;

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
export const healthRoutes = ({ db, courier }: HealthDeps) =>
  new Elysia({ name: "health", tags: ["Operations"] }).get(
    "/health",
    async ({ set }) => {
      const up = await answers(db);
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
        description: "503 when the database does not answer. The courier and SMTP never cause one.",
      }),
    },
  );

async function answers(db: Database): Promise<boolean> {
  const { promise: timeout, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(new Error("no answer")), DATABASE_TIMEOUT_MS);
  try {
    await Promise.race([db.orm.execute(sql`select 1`), timeout]);
    return true;
  } catch {
    return false;
  } finally {
    clearTimeout(timer);
  }
}
