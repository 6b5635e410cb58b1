import { hostname } from "node:os";
import type { Sql } from "../../db/client.ts";
import type { Log } from "../../log.ts";
import type { BreakerState } from "./breaker.ts";
import type { RecentAttempts } from "./recent-attempts.ts";

/** The courier's row in the table of couriers: what an operator looks at first during an outage. */
export interface Presence {
  /** Says that this courier lives, and how its breaker stands. Never rejects. */
  save(breaker: BreakerState): Promise<void>;
  /** Never rejects. */
  remove(): Promise<void>;
}

export interface PresenceOptions {
  readonly sql: Sql;
  readonly courierId: string;
  readonly recent: RecentAttempts;
  readonly log: Log;
}

export function createPresence({ sql, courierId, recent, log }: PresenceOptions): Presence {
  return {
    async save({ breaker, until, lastReply }) {
      const seconds = until === null ? null : (until - performance.now()) / 1000;
      const { total, deferred, lastDeferral } = recent.read();
      try {
        await sql`
          insert into courier (id, host, pid, breaker, until, last_reply, recent_attempts, recent_deferred, last_deferral)
          values (${courierId}, ${hostname()}, ${process.pid}, ${breaker}, now() + make_interval(secs => ${seconds}),
            ${lastReply}, ${total}, ${deferred}, ${lastDeferral})
          on conflict (id) do update set seen_at = now(), breaker = excluded.breaker, until = excluded.until,
            last_reply = excluded.last_reply, recent_attempts = excluded.recent_attempts,
            recent_deferred = excluded.recent_deferred, last_deferral = excluded.last_deferral`;
      } catch (error) {
        log.warn({ event: "courier_row_failed", err: error });
      }
    },
    async remove() {
      await sql`delete from courier where id = ${courierId}`.catch(() => {});
    },
  };
}
