/** Hashing, by argon2id, a few at a time. */
import { Unavailable } from "../errors.ts";
import { isReadableHash } from "./password-hashes.ts";

/** OWASP Password Storage Cheat Sheet: argon2id, m = 19 MiB, t = 2, p = 1; 26 to 42 ms here. */
const ARGON2ID = { algorithm: "argon2id", memoryCost: 19_456, timeCost: 2 } as const;

/** With two or more cores, one stays free for requests that need no hash. */
const CONCURRENCY = navigator.hardwareConcurrency > 2 ? 2 : 1;

export interface PasswordHasher {
  hash(password: string): Promise<string>;
  /**
   * Compares in the same time whether there is a hash or not.
   * @param hash null for an unknown account or one without a password. A hash of a format that the runtime does not
   *   know matches no password.
   */
  verify(password: string, hash: string | null): Promise<boolean>;
  /** Whether the hash was made with weaker parameters than today's. Such a hash is replaced at the next login. */
  needsRehash(hash: string): boolean;
  /** How many hashes run, and how many wait for a core. */
  readonly load: () => { readonly running: number; readonly waiting: number };
}

/**
 * @param concurrency hashes at a time: each takes a core and 19 MiB.
 * @param maxWaiting calls that may wait. A further call is refused, so that a flood of logins cannot fill the memory.
 */
export async function createPasswordHasher(concurrency = CONCURRENCY, maxWaiting = 256): Promise<PasswordHasher> {
  const { turn, load } = createTurnstile(concurrency, maxWaiting);
  // The hash of a random password. Unknown accounts are compared with it, so that they take the same time.
  const dummy = await Bun.password.hash(crypto.randomUUID(), ARGON2ID);
  return {
    load,
    hash: (password) => turn(() => Bun.password.hash(canonical(password), ARGON2ID)),
    async verify(password, hash) {
      const typed = canonical(password) || " ";
      const comparable = hash !== null && isReadableHash(hash) ? hash : null;
      const matches = await turn(() => Bun.password.verify(typed, comparable ?? dummy));
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

interface Turnstile {
  readonly turn: <T>(task: () => Promise<T>) => Promise<T>;
  readonly load: PasswordHasher["load"];
}

function createTurnstile(concurrency: number, maxWaiting: number): Turnstile {
  let running = 0;
  const waiting: (() => void)[] = [];
  const turn: Turnstile["turn"] = async (task) => {
    if (running >= concurrency) {
      if (waiting.length >= maxWaiting) throw new Unavailable("Too many logins at once.", 2);
      await new Promise<void>((resolve) => waiting.push(resolve));
    } else running += 1;
    try {
      return await task();
    } finally {
      // The place of this call goes to the next in line, or becomes free.
      const next = waiting.shift();
      if (next) next();
      else running -= 1;
    }
  };
  return { turn, load: () => ({ running, waiting: waiting.length }) };
}
