/**
 * R2's method: interleaved pairs on one connection, one member about an account that exists and one about none, in an
 * order drawn by a seed, each followed by a second request that is the same for both.
 */
import { createRandom } from "../../test/support/random.ts";
import { mannWhitneyZ, median } from "../statistics.ts";
import type { Connection } from "./connection.ts";

export interface Pairs {
  readonly pairs: number;
  readonly seed: number;
  /** The requests of one pair, by its number. */
  known(number: number): string;
  unknown(number: number): string;
  /** What is asked next; by a number that is new each time. */
  next(number: number): string;
  /** Of every answer to the first of the two, and to the next. */
  readonly status: number;
  readonly nextStatus: number;
  /**
   * Between an answer and the next request, in milliseconds. With 0 the next request follows at once, faster than
   * any client beyond loopback.
   */
  readonly gapMs: number;
  /**
   * Behind each pair of requests, in milliseconds: the time drifts against the courier's poll and the database's own
   * rhythms. What the courier does for one member may fall into a later one, of either kind.
   */
  readonly restMs: readonly [from: number, to: number];
}

export interface Verdict {
  readonly z: number;
  readonly nextZ: number;
  /** Medians in milliseconds. */
  readonly known: number;
  readonly unknown: number;
  readonly nextKnown: number;
  readonly nextUnknown: number;
}

/** For compilers and caches, on both sides. */
const WARM_UP_PAIRS = 60;

export async function comparePairs(connection: Connection, options: Pairs): Promise<Verdict> {
  const random = createRandom(options.seed);
  const first = { known: [] as number[], unknown: [] as number[] };
  const next = { known: [] as number[], unknown: [] as number[] };
  let asked = 0;
  const timed = async (request: string, status: number): Promise<number> => {
    const answer = await connection.ask(request);
    if (answer.status !== status) throw new Error(`Answered ${answer.status} instead of ${status}: ${answer.body}`);
    return answer.ms;
  };
  for (let pair = -WARM_UP_PAIRS; pair < options.pairs; pair += 1) {
    const members = ["known", "unknown"] as const;
    for (const member of random.fraction() < 0.5 ? members : members.toReversed()) {
      const ms = await timed(options[member](pair + WARM_UP_PAIRS), options.status);
      if (options.gapMs > 0) await Bun.sleep(options.gapMs);
      const nextMs = await timed(options.next(asked++), options.nextStatus);
      await Bun.sleep(random.between(...options.restMs));
      if (pair < 0) continue;
      first[member].push(ms);
      next[member].push(nextMs);
    }
  }
  return {
    z: mannWhitneyZ(first.known, first.unknown),
    nextZ: mannWhitneyZ(next.known, next.unknown),
    known: median(first.known),
    unknown: median(first.unknown),
    nextKnown: median(next.known),
    nextUnknown: median(next.unknown),
  };
}

/** Accounts that a run needs. */
export const accountsFor = (pairs: number): number => pairs + WARM_UP_PAIRS;
