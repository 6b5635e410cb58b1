import { isLockTimeout } from "../../db/errors.ts";
import type { Log } from "../../log.ts";

/**
 * Messages that this courier leaves alone, because neither they nor their failure can be recorded. Kept in memory: the
 * database is what refuses them. Each is logged once.
 */
export interface SetAside {
  /** The ids of these messages. */
  readonly ids: readonly string[];
  add(id: string, error: unknown): void;
  /**
   * For a message that cannot be claimed, for a cause that may not be its own. It is logged the first time.
   * @returns for how long it rests, in seconds: twice as long each time, up to ten minutes, but for a lock.
   */
  rest(id: string, error: unknown): number;
}

/** Messages that are set aside are tried again after this long: what was wrong may have been fixed. */
const REST_MS = 10 * 60_000;
/** Locks last for seconds, and their end is to be noticed soon. */
const FIRST_REST_SECONDS = 5;

export function createSetAside(log: Log): SetAside {
  const until = new Map<string, number>();
  const logged = new Set<string>();
  const rests = new Map<string, number>();
  return {
    rest(id, error) {
      const known = rests.get(id);
      if (known === undefined) {
        log.warn({ event: "claim_row_rests", messageId: id, err: error }, "a message rests: it cannot be claimed now");
      }
      const next = isLockTimeout(error) ? FIRST_REST_SECONDS : 2 * (known ?? FIRST_REST_SECONDS / 2);
      rests.set(id, Math.min(next, REST_MS / 1_000));
      return rests.get(id) ?? next;
    },
    get ids() {
      const now = performance.now();
      for (const [id, end] of until) if (end < now) until.delete(id);
      return [...until.keys()];
    },
    add(id, error) {
      until.set(id, performance.now() + REST_MS);
      if (logged.has(id)) return;
      logged.add(id);
      log.error(
        { event: "message_set_aside", messageId: id, err: error },
        "a message is set aside: neither it nor its failure can be recorded",
      );
    },
  };
}
