/** Records what became of each message, many in one statement, and keeps trying while the database is away. */
import { createIncident } from "../../incident.ts";
import type { Sql } from "../../db/client.ts";
import type { Log } from "../../log.ts";
import { faultOf } from "../../db/errors.ts";
import { groupCommit, RowLocked } from "../group-commit.ts";
import type { Outcome } from "../outcome.ts";
import { endUnrecordable, UNCLEAR_PATIENCE_MS } from "../transitions/end.ts";
import { settle, type Ended, type Lease } from "../transitions/settle.ts";

/**
 * Waits 10 ms to batch outcomes. The database plans and commits a tenth as often, at the price of up to 10 ms more of
 * unknown outcomes after a crash.
 */
const SPACING_MS = 10;
const MAX_BATCH = 500;
const RETRY_MS = 250;

export interface Recorder {
  /** Resolves when the outcome is recorded, when another courier's outcome stands, or when it cannot be recorded. */
  record(lease: Lease, outcome: Outcome): Promise<void>;
  /** For how long outcomes have waited while no statement that records any has ended, in milliseconds. */
  stuckMs(): number;
}

export interface RecorderOptions {
  readonly sql: Sql;
  readonly log: Log;
  /** How long an outcome that is refused for an unclear cause is tried again, in ms. @default UNCLEAR_PATIENCE_MS */
  readonly patienceMs?: number;
}

export function createRecorder({ sql, log, patienceMs = UNCLEAR_PATIENCE_MS }: RecorderOptions): Recorder {
  let waiting = 0;
  /** When a statement last ended, well or not, or when the first outcome came to an idle recorder. */
  let movedAt = 0;
  const noRecords = createIncident(log, "recording_failed", "no outcome can be recorded; it is tried again");
  const commit = groupCommit<Ended>({
    maxBatch: MAX_BATCH,
    maxWaiting: Number.POSITIVE_INFINITY,
    timeoutMs: Number.POSITIVE_INFINITY,
    spacingMs: SPACING_MS,
    write: async (batch) => {
      const { recorded, locked } = await settle(sql, batch);
      for (const { lease } of batch) {
        if (!recorded.has(lease.id) && !locked.has(lease.id))
          log.warn({ event: "lease_lost", messageId: lease.id }, "settled by another courier");
      }
      return batch.filter(({ lease }) => locked.has(lease.id));
    },
  });

  /**
   * The database refuses to store this outcome: it is recorded without the server's words, or else without its attempt.
   * What refuses even that keeps its lease until another courier finds it expired.
   * @returns false when it is to be tried again, because the database is at fault after all or the row is locked, or
   *   because the server accepted the email and it is not clear that this row is at fault.
   */
  const recordBare = async (lease: Lease, outcome: Outcome): Promise<boolean> => {
    const bare = outcome.type === "released" ? outcome : { ...outcome, phase: null, code: null, reply: "" };
    const ways = [
      () => settle(sql, [{ lease, outcome: bare }]),
      () => endUnrecordable(sql, lease, outcome.type === "sent"),
    ];
    let fault: ReturnType<typeof faultOf> = "row";
    for (const way of ways) {
      try {
        const settled = await way();
        return !settled?.locked.has(lease.id);
      } catch (error) {
        fault = faultOf(error);
        if (fault === "database") return false;
      }
    }
    if (fault === "unclear" && outcome.type === "sent") return false;
    log.error({ event: "outcome_lost", messageId: lease.id }, "an outcome cannot be recorded");
    return true;
  };

  return {
    async record(lease, outcome) {
      const words =
        outcome.type === "released" ? {} : { phase: outcome.phase, code: outcome.code, reply: outcome.reply };
      log.info({ event: "attempt", messageId: lease.id, kind: lease.kind, outcome: outcome.type, ...words });
      // It is tried for as long as the database is away, so that a 250 does not become an unknown outcome. A late record
      // does no harm: the lease fences it, and what waits to be recorded keeps the courier from claiming more.
      if (waiting === 0) movedAt = performance.now();
      waiting += 1;
      let unclearSince: number | null = null;
      try {
        for (let tries = 1; ; tries += 1) {
          try {
            await commit({ lease, outcome });
            return noRecords.end();
          } catch (error) {
            const fault = error instanceof RowLocked ? "locked" : faultOf(error);
            const words = "an outcome cannot be recorded for now";
            // A fault of its own row is this message's alone. Any other would be logged for each message in flight.
            if (fault === "database") noRecords.begin(error);
            else if (tries === 1) log.error({ event: "settle_failed", messageId: lease.id, err: error }, words);
            // Time in which the database was away does not count.
            unclearSince = fault === "unclear" ? (unclearSince ?? performance.now()) : null;
            // What was released has not been tried: it ends for a fault of its own row only.
            const patience = outcome.type === "released" ? Number.POSITIVE_INFINITY : patienceMs;
            const givenUp = fault === "row" || (unclearSince !== null && performance.now() - unclearSince >= patience);
            if (givenUp && (await recordBare(lease, outcome))) return;
            await Bun.sleep(RETRY_MS);
          } finally {
            movedAt = performance.now();
          }
        }
      } finally {
        waiting -= 1;
      }
    },
    stuckMs: () => (waiting > 0 ? performance.now() - movedAt : 0),
  };
}
