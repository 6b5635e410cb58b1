import type { Testbed } from "./testbed.ts";

/** One fault, or one moment at which it is injected: a row of the certificate. */
export interface Scenario {
  /** The name that `--only` takes. */
  readonly name: string;
  /** What happens, in the words of the certificate's table. */
  readonly fault: string;
  /** How long pending messages may take once the fault is over. @default LEASE_RECOVERY_SECONDS */
  readonly recoverySeconds?: number;
  /**
   * What the fault takes away from every message. Messages that the fault does not touch have nothing to be sent with
   * then, so `OTHERS_WAIT_SECONDS` does not apply. @default nothing: the limit applies
   */
  readonly takesAway?: "the database" | "SMTP" | "every courier" | "capacity";
  /** True when the scenario needs the machine for itself: no other one runs beside it. */
  readonly heavy?: true;
  /** Says what this machine lacks, so that the scenario is reported as skipped; null when nothing is missing. */
  missing?(): string | null;
  run(testbed: Testbed): Promise<void>;
}

/** A lease lasts 30 s, and a running courier looks for expired ones every few seconds. */
export const LEASE_RECOVERY_SECONDS = 35;

/** How long a message that the fault does not touch may wait for its 250. */
export const OTHERS_WAIT_SECONDS = 15;
