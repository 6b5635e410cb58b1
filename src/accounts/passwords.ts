/** Hashing, by argon2id, a few at a time. */
import { availableParallelism } from "node:os";
import { FairQueue, type FairQueueOptions, type Place } from "./fair-queue.ts";
import { isReadableHash } from "./password-hashes.ts";

/** OWASP Password Storage Cheat Sheet: argon2id, m = 19 MiB, t = 2, p = 1; 26 to 42 ms here. */
const ARGON2ID = { algorithm: "argon2id", memoryCost: 19_456, timeCost: 2 } as const;

const QUEUE: FairQueueOptions = {
  /** With two or more cores, one stays free for requests that need no hash. Sixteen hashes take 304 MiB. */
  concurrency: Math.min(16, Math.max(1, availableParallelism() - 1)),
  /** With what comes before and after it, a login is answered within 5 s: measured with 320 at once on two cores. */
  maxWaitMs: 3_000,
};

export interface PasswordHasher {
  /**
   * Takes a place in the queue, in which clients take turns.
   * @param client the key of its address (`clientKey`), or its session.
   * @throws {Unavailable} when too many are waiting.
   */
  enter(client: string): Place;
  /** Hashes when it is the client's turn. @throws {Unavailable} when too many are waiting. */
  hash(password: string, client: string): Promise<string>;
  /**
   * Compares in the same time whether there is a hash or not.
   * @param hash null for an unknown account or one without a password. A hash of a format that the runtime does not
   *   know matches no password.
   * @throws {Unavailable} when the place was lost.
   */
  verify(password: string, hash: string | null, place: Place): Promise<boolean>;
  /** Whether the hash was made with weaker parameters than today's. Such a hash is replaced at the next login. */
  needsRehash(hash: string): boolean;
  /** How many hashes run, and how many wait for a core. */
  readonly load: () => { readonly running: number; readonly waiting: number };
}

export async function createPasswordHasher(options = QUEUE): Promise<PasswordHasher> {
  const queue = new FairQueue(options);
  const enter = (client: string): Place => queue.enter(client);
  // The hash of a random password. Unknown accounts are compared with it, so that they take the same time.
  const dummy = await Bun.password.hash(crypto.randomUUID(), ARGON2ID);
  return {
    load: () => queue.load(),
    enter,
    async hash(password, client) {
      using place = enter(client);
      return await place.run(() => Bun.password.hash(canonical(password), ARGON2ID));
    },
    async verify(password, hash, place) {
      const typed = canonical(password) || " ";
      const comparable = hash !== null && isReadableHash(hash) ? hash : null;
      const matches = await place.run(() => Bun.password.verify(typed, comparable ?? dummy));
      return matches && comparable !== null;
    },
    needsRehash: (hash) => !hash.startsWith(`$argon2id$v=19$m=${ARGON2ID.memoryCost},t=${ARGON2ID.timeCost},`),
  };
}

/**
 * One form for a password that systems type differently (RFC 8265 §4.2.2, OpaqueString): every Unicode space becomes
 * U+0020, and the text is in NFC (R38). Nothing is trimmed and the case stays.
 */
export const canonical = (password: string): string => password.replace(/\p{Zs}/gu, " ").normalize("NFC");
