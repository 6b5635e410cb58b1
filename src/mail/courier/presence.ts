import { hostname } from "node:os";
import type { Sql } from "../../db/client.ts";
import type { Log } from "../../log.ts";
import type { BreakerState } from "./breaker.ts";

/** The courier's row in the table of couriers: what an operator looks at first during an outage. */
export interface Presence {
  /** Says that this courier lives, and how its breaker stands. Never rejects. */
  save(breaker: BreakerState): Promise<void>;
  /** Never rejects. */
  remove(): Promise<void>;
}

export function createPresence({ sql, courierId, log }: { sql: Sql; courierId: string; log: Log }): Presence {
  return {
    async save({ breaker, until, lastReply }) {
      const seconds = until === null ? null : (until - performance.now()) / 1000;
      try {
        await sql`
          insert into courier (id, host, pid, breaker, until, last_reply)
          values (${courierId}, ${hostname()}, ${process.pid}, ${breaker}, now() + make_interval(secs => ${seconds}), ${lastReply})
          on conflict (id) do update set seen_at = now(), breaker = excluded.breaker, until = excluded.until,
            last_reply = excluded.last_reply`;
      } catch (error) {
        log.warn({ event: "courier_row_failed", err: error });
      }
    },
    async remove() {
      await sql`delete from courier where id = ${courierId}`.catch(() => {});
    },
  };
}
