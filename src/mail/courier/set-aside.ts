import type { Log } from "../../log.ts";

/**
 * Messages that this courier leaves alone, because neither they nor their failure can be recorded. Kept in memory: the
 * database is what refuses them. Each is logged once.
 */
export interface SetAside {
  /** Their ids. */
  readonly ids: readonly string[];
  add(id: string, error: unknown): void;
}

/** They are tried again after this long: what was wrong may have been mended. */
const REST_MS = 10 * 60_000;

export function createSetAside(log: Log): SetAside {
  const until = new Map<string, number>();
  const logged = new Set<string>();
  return {
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
