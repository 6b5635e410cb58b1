import type { Outcome } from "../outcome.ts";

type Rejected = Extract<Outcome, { type: "rejected" }>;

/** So many different recipients refused in a row, and none accepted: it is us whom the server refuses. */
const STREAK = 5;
/** How long a rejection waits for its neighbours before it is believed. */
const HOLD_MS = 5_000;

export interface RejectionStreak {
  /**
   * Believes a rejection after a while, or at once when a 250 shows that the server takes emails.
   * @returns what the streak so far means.
   */
  record(recipient: string, outcome: Rejected, record: (final: Outcome) => void): "bad address" | "whole-relay";
  /** An email was accepted, or there is no time to wait: what is held was meant. */
  reset(): void;
}

/**
 * Tells a bad address from a relay that denies everything. Rejections are held for a moment; when the streak is long
 * enough, those held go back to the queue and the breaker is to be opened.
 */
export function createRejectionStreak(): RejectionStreak {
  const recipients = new Set<string>();
  const held = new Map<() => void, ReturnType<typeof setTimeout>>();
  const release = (): void => {
    for (const [believe, timer] of held) {
      clearTimeout(timer);
      believe();
    }
    held.clear();
  };
  return {
    record(recipient, outcome, record) {
      recipients.add(recipient);
      // A deferral, not a fault of the transport: each probe under the open breaker should be another email.
      const believe = (): void => record(recipients.size >= STREAK ? { ...outcome, type: "deferred" } : outcome);
      const timer = setTimeout(() => {
        held.delete(believe);
        believe();
      }, HOLD_MS);
      held.set(believe, timer);
      if (recipients.size < STREAK) return "bad address";
      release();
      return "whole-relay";
    },
    reset() {
      recipients.clear();
      release();
    },
  };
}
