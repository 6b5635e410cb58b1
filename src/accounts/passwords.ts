import { PasswordsDiffer, Unacceptable, Unavailable } from "../errors.ts";

/** OWASP Password Storage Cheat Sheet: argon2id, m = 19 MiB, t = 2, p = 1; 26 to 42 ms here. */
const ARGON2ID = { algorithm: "argon2id", memoryCost: 19_456, timeCost: 2 } as const;
/** Refused before hashing, so that nobody makes us hash a novel. */
export const PASSWORD_MAX_BYTES = 1_024;

export interface PasswordHasher {
  hash(password: string): Promise<string>;
  /**
   * Compares in the same time whether there is a hash or not.
   * @param hash null for an unknown account or one without a password.
   */
  verify(password: string, hash: string | null): Promise<boolean>;
  /** Made with weaker parameters than today's: to be replaced at the next login. */
  needsRehash(hash: string): boolean;
}

/**
 * @param concurrency hashes at a time: each takes a core and 19 MiB.
 * @param maxWaiting more than this wait already: refused, so that a flood of logins cannot fill the memory.
 */
export async function createPasswordHasher(concurrency = 2, maxWaiting = 256): Promise<PasswordHasher> {
  const turn = createTurnstile(concurrency, maxWaiting);
  // Hash of a password nobody has: what an unknown account is compared with.
  const dummy = await Bun.password.hash(crypto.randomUUID(), ARGON2ID);
  return {
    hash: (password) => turn(() => Bun.password.hash(canonical(password), ARGON2ID)),
    async verify(password, hash) {
      const matches = await turn(() => Bun.password.verify(canonical(password) || " ", hash ?? dummy));
      return matches && hash !== null;
    },
    needsRehash: (hash) => !hash.startsWith(`$argon2id$v=19$m=${ARGON2ID.memoryCost},t=${ARGON2ID.timeCost},`),
  };
}

export interface NewPassword {
  readonly password: string;
  readonly passwordConfirm: string;
}

/** @throws {PasswordsDiffer} */
export function requireSame({ password, passwordConfirm }: NewPassword): void {
  if (canonical(password) !== canonical(passwordConfirm)) throw new PasswordsDiffer("The two passwords differ.");
}

/**
 * NIST SP 800-63B-4 §3.1.1.2: length counts, composition does not.
 *
 * @param ownWords what an attacker who knows the account tries first.
 * @throws {Unacceptable} with the reason.
 */
export function requireStrong(password: string, minLength: number, ownWords: readonly string[]): void {
  const text = canonical(password);
  if (Buffer.byteLength(text) > PASSWORD_MAX_BYTES) {
    throw new Unacceptable(`The password is longer than ${PASSWORD_MAX_BYTES} bytes.`, "password");
  }
  // Code points, so that one emoji is one character.
  const length = [...text].length;
  if (length < minLength) {
    throw new Unacceptable(`The password has ${length} characters; at least ${minLength} are needed.`, "password");
  }
  if (new Set(text).size < 5) {
    throw new Unacceptable("The password repeats the same few characters.", "password");
  }
  const lowered = text.toLowerCase();
  const own = ownWords.map((word) => word.toLowerCase()).find((word) => word.length >= 4 && lowered.includes(word));
  if (own) {
    throw new Unacceptable(
      "The password contains a word of the account itself, such as its name or address.",
      "password",
    );
  }
}

/** NFC, so that a password typed on another system is the same password (R38). */
const canonical = (password: string): string => password.normalize("NFC");

function createTurnstile(concurrency: number, maxWaiting: number): <T>(task: () => Promise<T>) => Promise<T> {
  let running = 0;
  const waiting: (() => void)[] = [];
  return async (task) => {
    if (running >= concurrency) {
      if (waiting.length >= maxWaiting) throw new Unavailable("Too many logins at once.", 2);
      await new Promise<void>((resolve) => waiting.push(resolve));
    } else running += 1;
    try {
      return await task();
    } finally {
      // Our place goes to the next in line, or is free.
      const next = waiting.shift();
      if (next) next();
      else running -= 1;
    }
  };
}
