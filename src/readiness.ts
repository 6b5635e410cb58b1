/** Whether this process is to be sent requests, for load balancers and for the platform that runs it. */
import type { Database } from "./db/client.ts";
import { compareSchema } from "./db/migrate.ts";
import type { DatabaseMonitor } from "./db/monitor.ts";
import type { Courier } from "./mail/courier/handle.ts";
import { DEGRADED_REASONS } from "./mail/operations/condition.ts";
import type { MailMonitor } from "./mail/operations/monitor.ts";

/** Why a process is to be sent no requests. */
export const UNREADY_REASONS = [
  /** It was told to stop. */
  "stopping",
  /** The database does not commit within 5 s what a password reset commits. */
  "database_unavailable",
  /** The schema lacks migrations of this version. */
  "schema_outdated",
  /** The courier thread has not loaded yet. */
  "courier_not_loaded",
] as const;

/** What an operator should know of a process that answers requests as ever. */
export const READY_WARNINGS = [
  ...DEGRADED_REASONS,
  /** The courier thread has died, and is being started again. */
  "courier_restarting",
  /** A later version has migrated the schema, as happens while an upgrade is rolled out. */
  "schema_newer",
] as const;

export interface ReadinessReport {
  readonly status: "ready" | "degraded" | "unready";
  readonly reasons: readonly ((typeof UNREADY_REASONS)[number] | (typeof READY_WARNINGS)[number])[];
}

export interface Readiness {
  check(): Promise<ReadinessReport>;
  /** Whether `refuse` has been called. */
  readonly stopping: boolean;
  /** From now on the process is not ready, because it is about to stop. */
  refuse(): void;
}

export interface ReadinessOptions {
  readonly db: Database;
  readonly database: Pick<DatabaseMonitor, "check">;
  /** Null: this process has no courier; others send. */
  readonly courier: Pick<Courier, "health"> | null;
  readonly monitor: Pick<MailMonitor, "degraded">;
}

type SchemaState = Awaited<ReturnType<typeof compareSchema>>;

/** A look at the schema stands for this long, so that probes of many load balancers are no load. */
const SCHEMA_FRESH_MS = 1_000;

export function createReadiness({ db, database, courier, monitor }: ReadinessOptions): Readiness {
  let stopping = false;
  let schema: SchemaState | null = null;
  let schemaReadAt = Number.NEGATIVE_INFINITY;
  let reading: Promise<SchemaState> | null = null;

  /** The last answer stands until there is another, so that a pool whose connections are all busy delays no probe. */
  const readSchema = async (): Promise<SchemaState> => {
    if (performance.now() - schemaReadAt >= SCHEMA_FRESH_MS) {
      reading ??= compareSchema(db)
        .then((found) => {
          schemaReadAt = performance.now();
          return (schema = found);
        })
        .finally(() => (reading = null));
      // It is asked again at the next probe.
      reading.catch(() => {});
    }
    return schema ?? (await reading) ?? "same";
  };

  const unready = (...reasons: ReadinessReport["reasons"]): ReadinessReport => ({ status: "unready", reasons });

  return {
    async check() {
      const state = courier?.health.state ?? "off";
      if (stopping || state === "draining" || state === "stopped") return unready("stopping");
      if (state === "starting") return unready("courier_not_loaded");
      if (!(await database.check())) return unready("database_unavailable");
      const found = await readSchema().catch(() => null);
      // When the database does not answer this query it is away, even if the last write succeeded.
      if (found === null) return unready("database_unavailable");
      if (found === "outdated") return unready("schema_outdated");
      const reasons = [
        ...new Set(monitor.degraded.map(({ reason }) => reason)),
        ...(state === "restarting" ? (["courier_restarting"] as const) : []),
        ...(found === "newer" ? (["schema_newer"] as const) : []),
      ];
      return { status: reasons.length === 0 ? "ready" : "degraded", reasons };
    },
    get stopping() {
      return stopping;
    },
    refuse() {
      stopping = true;
    },
  };
}
