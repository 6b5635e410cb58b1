import type { Stage } from "./stage.ts";

/** One fault, or one way of meeting it: a row of the certificate. */
export interface Scenario {
  /** For `--only`. */
  readonly name: string;
  /** As the certificate says it. */
  readonly fault: string;
  /** How long what is pending may take once the fault is over. @default LEASE_RECOVERY_SECONDS */
  readonly recoverySeconds?: number;
  /** It needs the machine for itself: the others wait. */
  readonly heavy?: true;
  play(stage: Stage): Promise<void>;
}

/** A lease of 30 s, found by the next look of a living courier. */
export const LEASE_RECOVERY_SECONDS = 35;
/** What the courier waits for the reply to a letter: `REPLY_DEADLINE_MS` in `src/mail/courier/transport.ts`. */
export const REPLY_DEADLINE_SECONDS = 120;
