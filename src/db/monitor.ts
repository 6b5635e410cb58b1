import { createIncident } from "../incident.ts";
import type { Log } from "../log.ts";

/** Whether the database takes writes, as those who write see it. */
export interface DatabaseMonitor {
  /** A write was committed. */
  succeeded(): void;
  /** The database could not serve. It is tried every second from now on, until it does. */
  failed(error: unknown): void;
  /** Whether a write was committed within the last second, or one that is tried now is within 5 s. */
  check(): Promise<boolean>;
}

/** A check that is younger stands for the next: checks must not become a load. */
const FRESH_MS = 1_000;
const RETRY_MS = 1_000;
/** What a request waits for its commit before it is answered 503. */
const CHECK_TIMEOUT_MS = 5_000;

/** @param write commits something on the way that requests take. */
export function createDatabaseMonitor(write: () => Promise<void>, log: Log): DatabaseMonitor {
  const incident = createIncident(log, "database_away", "the database does not take writes");
  let succeededAt = Number.NEGATIVE_INFINITY;
  let trying: Promise<boolean> | undefined;
  let retry: ReturnType<typeof setTimeout> | undefined;

  const succeeded = (): void => {
    succeededAt = performance.now();
    if (incident.open) incident.end();
  };
  const failed = (error: unknown): void => {
    succeededAt = Number.NEGATIVE_INFINITY;
    incident.begin(error);
    retry ??= setTimeout(() => {
      retry = undefined;
      void attempt();
    }, RETRY_MS).unref();
  };
  const attempt = (): Promise<boolean> => {
    trying ??= write()
      .then(
        () => (succeeded(), true),
        (error: unknown) => (failed(error), false),
      )
      .finally(() => (trying = undefined));
    return trying;
  };
  return {
    succeeded,
    failed,
    async check() {
      if (performance.now() - succeededAt < FRESH_MS) return true;
      const timeout = Promise.withResolvers<boolean>();
      const timer = setTimeout(() => timeout.resolve(false), CHECK_TIMEOUT_MS);
      try {
        return await Promise.race([attempt(), timeout.promise]);
      } finally {
        clearTimeout(timer);
      }
    },
  };
}
