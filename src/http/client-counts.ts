/**
 * Counts of requests by client in a memory of fixed size. It is a table of slots in sets of sixteen, as a processor's cache
 * is: a key may stand in the slots of one set only, which its hash names. When a set is full, the count that has used
 * the smallest part of its allowance is forgotten. So a new client always gets a count of its own, and a count near its
 * allowance is forgotten only when fifteen others of its set are as near to theirs: a flood of addresses that ask once
 * displaces addresses that asked once. The hash has a random seed, so that a client cannot choose its set.
 */

/** One count to charge. */
export interface Charge {
  readonly key: string;
  /** Requests in a window. */
  readonly quota: number;
}

export interface Taken {
  readonly allowed: boolean;
  /** Of the count that is nearest to its allowance. */
  readonly remaining: number;
  /** The time until that count's window ends, in seconds. */
  readonly seconds: number;
}

const WAYS = 16;
/** 24 bytes a slot: 6 MiB. It holds the counts of more than 80,000 clients at a time, three for each. */
const SLOTS = 262_144;

export class ClientCounts {
  readonly #sets: number;
  readonly #seed: bigint;
  /** The 64 bits of a key's hash. Two keys of one set have the same ones with a probability of 2⁻⁵⁰. */
  readonly #low: Uint32Array;
  readonly #high: Uint32Array;
  readonly #counts: Uint32Array;
  readonly #quotas: Uint32Array;
  /** When the window of a count ends, in the milliseconds of `performance.now()`. A window begins with a first request. */
  readonly #ends: Float64Array;

  /** @param slots a multiple of sixteen. */
  constructor(slots = SLOTS, seed = crypto.getRandomValues(new BigUint64Array(1))[0]!) {
    this.#sets = slots / WAYS;
    this.#seed = seed;
    this.#low = new Uint32Array(slots);
    this.#high = new Uint32Array(slots);
    this.#counts = new Uint32Array(slots);
    this.#quotas = new Uint32Array(slots);
    this.#ends = new Float64Array(slots);
  }

  /** Counts one request under all keys or, when one of them has no allowance left, under none. */
  take(charges: readonly Charge[], windowSeconds: number, now = performance.now()): Taken {
    const found = charges.map(({ key }) => this.#find(key, now));
    let refusedUntil = 0;
    for (const { slot } of found) {
      if (slot !== null && this.#counts[slot]! >= this.#quotas[slot]!) {
        refusedUntil = Math.max(refusedUntil, this.#ends[slot]!);
      }
    }
    if (refusedUntil > 0) return { allowed: false, remaining: 0, seconds: secondsUntil(refusedUntil, now) };
    let [remaining, end] = [Number.POSITIVE_INFINITY, now];
    for (const [index, { quota }] of charges.entries()) {
      const slot = found[index]!.slot ?? this.#replace(found[index]!, quota, now + windowSeconds * 1_000, now);
      this.#counts[slot]! += 1;
      const left = quota - this.#counts[slot]!;
      if (left < remaining) [remaining, end] = [left, this.#ends[slot]!];
    }
    return { allowed: true, remaining, seconds: secondsUntil(end, now) };
  }

  #find(key: string, now: number): Found {
    const hash = Bun.hash.wyhash(key, this.#seed);
    const [low, high] = [Number(hash & 0xffff_ffffn), Number(hash >> 32n)];
    const first = (low % this.#sets) * WAYS;
    for (let slot = first; slot < first + WAYS; slot += 1) {
      if (this.#ends[slot]! > now && this.#low[slot] === low && this.#high[slot] === high) {
        return { low, high, first, slot };
      }
    }
    return { low, high, first, slot: null };
  }

  /** A count that has ended is replaced first, then the one that has used the smallest part of its allowance. */
  #replace({ low, high, first }: Found, quota: number, end: number, now: number): number {
    let [victim, smallest] = [first, Number.POSITIVE_INFINITY];
    for (let slot = first; slot < first + WAYS; slot += 1) {
      const used = this.#ends[slot]! <= now ? 0 : this.#counts[slot]! / this.#quotas[slot]!;
      if (used < smallest) [victim, smallest] = [slot, used];
    }
    this.#low[victim] = low;
    this.#high[victim] = high;
    this.#counts[victim] = 0;
    this.#quotas[victim] = quota;
    this.#ends[victim] = end;
    return victim;
  }
}

interface Found {
  readonly low: number;
  readonly high: number;
  /** The first slot of its set. */
  readonly first: number;
  /** Null: the key has no count whose window is open. */
  readonly slot: number | null;
}

const secondsUntil = (end: number, now: number): number => Math.ceil((end - now) / 1_000);
