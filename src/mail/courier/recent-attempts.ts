import type { Outcome } from "../outcome.ts";
import { RECENT_SECONDS } from "../operations/condition.ts";

/** What became of this courier's attempts in the last minutes, for its row in the table of couriers. */
export interface RecentAttempts {
  note(outcome: Outcome): void;
  read(): { readonly total: number; readonly deferred: number; readonly lastDeferral: string | null };
}

/** Attempts of the same few seconds share an entry, so that a drain of thousands keeps 30 of them. */
const ENTRY_MS = 10_000;

/** @param now in milliseconds, of any clock that only goes forward. */
export function createRecentAttempts(now: () => number = () => performance.now()): RecentAttempts {
  const entries: { readonly at: number; total: number; deferred: number; lastDeferral: string | null }[] = [];
  const forget = (): void => {
    const first = entries.findIndex(({ at }) => now() - at <= RECENT_SECONDS * 1_000);
    entries.splice(0, first < 0 ? entries.length : first);
  };
  return {
    note(outcome) {
      // What was not tried, or failed here, says nothing about the server.
      if (outcome.type === "released" || outcome.type === "render_error") return;
      forget();
      let entry = entries.at(-1);
      if (!entry || now() - entry.at > ENTRY_MS) {
        entry = { at: now(), total: 0, deferred: 0, lastDeferral: null };
        entries.push(entry);
      }
      entry.total += 1;
      if (outcome.type !== "deferred") return;
      entry.deferred += 1;
      entry.lastDeferral = outcome.reply;
    },
    read() {
      forget();
      return {
        total: entries.reduce((sum, { total }) => sum + total, 0),
        deferred: entries.reduce((sum, { deferred }) => sum + deferred, 0),
        lastDeferral: entries.findLast(({ lastDeferral }) => lastDeferral !== null)?.lastDeferral ?? null,
      };
    },
  };
}
