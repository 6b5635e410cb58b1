/** How much of everything is done. */

export interface Plan {
  /** Interleaved: every condition of a figure is run once in each. */
  readonly rounds: number;
  /** Of the load that is measured. */
  readonly loadSeconds: number;
  /** Loads before it, of a second each, until two in a row agree: at most so many. */
  readonly warmUps: number;
  /** Accounts without a request so far. */
  readonly accounts: number;
  /** Emails of one drain. */
  readonly drained: number;
  /** Requests of the flood that the chapter's design sends its emails for. */
  readonly chapterFlood: number;
  /** Resets, one at a time. */
  readonly idle: number;
  /** Ended messages in the tables, smallest and largest first and last; the first is 0. */
  readonly histories: readonly number[];
  /** Messages that wait beside them, and how many of them are drained a round. */
  readonly queuedBehindHistory: number;
  readonly drainedFromHistory: number;
  /** Messages beside which `growth` measures. */
  readonly growth: { readonly ended: number; readonly queued: number };
  /** Emails sent before memory is looked at for the first time, and for the second. */
  readonly memory: readonly [number, number];
  readonly startsPerRound: number;
}

export const FULL: Plan = {
  rounds: 3,
  loadSeconds: 4,
  warmUps: 8,
  accounts: 200_000,
  drained: 20_000,
  chapterFlood: 4_000,
  idle: 200,
  histories: [0, 100_000, 1_000_000],
  queuedBehindHistory: 100_000,
  drainedFromHistory: 10_000,
  growth: { ended: 10_000_000, queued: 1_000_000 },
  memory: [20_000, 200_000],
  startsPerRound: 3,
};

/** Shows that everything works; its figures are no figures. */
export const QUICK: Plan = {
  rounds: 2,
  loadSeconds: 2,
  warmUps: 2,
  accounts: 40_000,
  drained: 4_000,
  chapterFlood: 1_000,
  idle: 50,
  histories: [0, 20_000, 100_000],
  queuedBehindHistory: 10_000,
  drainedFromHistory: 2_000,
  growth: { ended: 100_000, queued: 20_000 },
  memory: [2_000, 20_000],
  startsPerRound: 2,
};
