import { hostname } from "node:os";
import type { Sql } from "../../db/client.ts";
import type { Log } from "../../log.ts";
import type { BreakerState } from "./breaker.ts";
import type { RecentAttempts } from "./recent-attempts.ts";

/** The courier's row in the table of couriers: what an operator looks at first during an outage. */
export interface Presence {
  /**
   * Says that this courier lives, and how its breaker stands. It does not wait for another session that has locked the
   * row. Never rejects.
   */
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
  let saving: Promise<void> | null = null;
  let next: BreakerState | null = null;
  const write = async ({ breaker, until, lastReply }: BreakerState): Promise<void> => {
    const seconds = until === null ? null : (until - performance.now()) / 1000;
    const { total, deferred, lastDeferral } = recent.read();
    try {
      await sql`
          with present as (
            select ${courierId}::uuid as id, ${breaker} as breaker, now() + make_interval(secs => ${seconds}) as until,
              ${lastReply}::text as last_reply, ${total}::int as recent_attempts, ${deferred}::int as recent_deferred,
              ${lastDeferral}::text as last_deferral
          ), free as (
            select id from courier where id = ${courierId} for no key update skip locked
          ), updated as (
            update courier c set seen_at = now(), breaker = p.breaker, until = p.until, last_reply = p.last_reply,
              recent_attempts = p.recent_attempts, recent_deferred = p.recent_deferred, last_deferral = p.last_deferral
            from present p join free using (id) where c.id = p.id
          )
          insert into courier (id, host, pid, breaker, until, last_reply, recent_attempts, recent_deferred, last_deferral)
          select id, ${hostname()}, ${process.pid}, breaker, until, last_reply, recent_attempts, recent_deferred,
            last_deferral
          from present on conflict (id) do nothing`;
    } catch (error) {
      log.warn({ event: "courier_row_failed", err: error });
    }
  };
  /** One at a time, so that a table that is locked takes one connection and not all of them. */
  const saveAll = async (): Promise<void> => {
    while (next) {
      const state = next;
      next = null;
      await write(state);
    }
    saving = null;
  };
  return {
    save(state) {
      next = state;
      return (saving ??= saveAll());
    },
    async remove() {
      await sql`delete from courier where id = ${courierId}`.catch(() => {});
    },
  };
}
