import type { Log } from "./log.ts";

export interface Incident {
  /** Something that stops progress has happened: logged when it is the first time since the last end. */
  begin(error: unknown): void;
  /** Progress is made: logged when an incident is open, with how long it took. */
  end(): void;
  readonly open: boolean;
}

/**
 * A fault that repeats is logged at `error` twice: when it begins, and as `<event>_over` when it ends. One line for each
 * request that meets it would bury what else happens.
 * @param words a sentence about what does not work meanwhile.
 */
export function createIncident(log: Log, event: string, words: string): Incident {
  let since: number | null = null;
  return {
    begin(error) {
      if (since !== null) return;
      since = performance.now();
      log.error({ event, err: error }, words);
    },
    end() {
      if (since === null) return;
      const afterMs = Math.round(performance.now() - since);
      since = null;
      log.error({ event: `${event}_over`, afterMs }, `over after ${(afterMs / 1_000).toFixed(1)} s: ${words}`);
    },
    get open() {
      return since !== null;
    },
  };
}
