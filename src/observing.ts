/** What a process tells those who operate it: metrics, readiness and the state of its mail. */
import type { Config } from "./config.ts";
import { openDatabase, openSql, type Database } from "./db/client.ts";
import type { Finding } from "./doctor/finding.ts";
import { log } from "./log.ts";
import type { Courier } from "./mail/courier/handle.ts";
import { startMailMonitor, type MailMonitor } from "./mail/operations/monitor.ts";
import { createOutbox } from "./mail/outbox.ts";
import type { Metrics } from "./metrics/metrics.ts";
import { listenForOperations, type OperationsListenerOptions } from "./operations-listener.ts";
import { createReadiness } from "./readiness.ts";
import type { Closing } from "./starting.ts";

/** No query of a health check or a look at the outbox takes longer. */
const STATEMENT_TIMEOUT_MS = 15_000;

/** Loaded on demand, so that a process that nothing scrapes counts nothing. */
export async function loadMetrics({ metrics }: Config): Promise<Metrics | null> {
  return metrics.counted ? (await import("./metrics/metrics.ts")).createMetrics() : null;
}

export function listenForScrapes(
  { metrics: { port, ...rest } }: Config,
  parts: Omit<OperationsListenerOptions, "config">,
  closing: Closing,
): void {
  if (port === null) return;
  const listener = listenForOperations({ ...parts, config: { ...rest, port } });
  closing.first(() => listener.stop());
}

/** What a worker's health check and metrics ask the database takes two connections more. */
export async function openWorkerOperations(
  config: Config,
  databaseUrl: string,
  courier: Courier,
  closing: Closing,
): Promise<void> {
  const connection = { max: 1, schema: config.databaseSchema, statementTimeoutMs: STATEMENT_TIMEOUT_MS };
  const db = openDatabase(databaseUrl, { ...connection, name: "dundie operations" });
  const sql = openSql(databaseUrl, { ...connection, name: "dundie operations" });
  closing.first(async () => {
    await db.close();
    await sql.end({ timeout: 5 });
  });
  const monitor = watchMail(db, closing);
  const { database } = createOutbox(sql, () => {}, log);
  const readiness = createReadiness({ db, database, courier, monitor });
  const metrics = await loadMetrics(config);
  if (!metrics) return;
  metrics.watch({ hasher: null, pools: { operations: db.poolUse }, courier, monitor, readiness });
  listenForScrapes(config, { metrics, readiness }, closing);
}

export function watchMail(db: Database, closing: Closing): MailMonitor {
  const monitor = startMailMonitor(db, log);
  closing.first(async () => monitor[Symbol.dispose]());
  return monitor;
}

/** The doctor, loaded when it is asked for; who asks while it looks gets the same answer. */
export function examination(config: Config, databaseUrl: string): () => Promise<Finding[]> {
  let looking: Promise<Finding[]> | null = null;
  const look = async (): Promise<Finding[]> => {
    const [{ examine }, { createNames }] = await Promise.all([
      import("./doctor/doctor.ts"),
      import("./doctor/names.ts"),
    ]);
    return await examine({ config, databaseUrl, names: createNames(), dkimSelector: null });
  };
  return () => (looking ??= look().finally(() => (looking = null)));
}
