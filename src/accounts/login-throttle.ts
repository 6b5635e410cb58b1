/**
 * How often a password may be guessed.
 *
 * Usernames are public, so strangers can use up any allowance that they share with an owner. A device that has logged in
 * to the account before is therefore counted apart, by its token (`device-tokens.ts`). Guesses of all other devices are
 * counted for each network and together: when the allowance is used up, such a device is slowed down, to one guess a
 * minute at best, and is not locked out.
 *
 * What is counted is the login as it was typed, in its canonical spelling, and not the account that it names: a count
 * shared by a username and an address would reveal that the username and the address belong together.
 */
import type { Config } from "../config.ts";
import type { Database } from "../db/client.ts";
import { TooManyRequests } from "../errors.ts";
import { canonicalLogin } from "../addresses.ts";
import { networksOf } from "./client-networks.ts";
import { count, forget, uncount, type Allowance, type Guess } from "./guess-counts.ts";

/** Wrong passwords of one client for one login: a person who forgot gives up earlier, and asks for a reset. */
const PER_CLIENT: Allowance = { burst: 10, refillSeconds: 90 };
/** Wrong passwords of one known device; further ones are counted as those of an unknown device. */
const PER_DEVICE: Allowance = { burst: 10, refillSeconds: 15 * 60 };
/**
 * Wrong passwords for one login from all unknown devices together, early guesses and later ones apart. NIST SP 800-63B
 * §5.2.2 (63B-4 §3.2.2) allows 100 in a row for an account: an account has two logins, its username and its address,
 * and each has these two allowances of 25. From then on one guess a minute and one in five minutes go through, within
 * the 30 seconds to an hour that it names for a growing wait.
 */
const EARLY_GUESSES: Allowance = { burst: 25, refillSeconds: 60 };
const LATER_GUESSES: Allowance = { burst: 25, refillSeconds: 300 };
/**
 * How many guesses of a network for one login are early ones. An owner at a new device types the right password within
 * three tries, so attackers use up what such a device needs only with twenty new networks an hour. A network is the
 * widest that `networksOf` knows, because narrow ones cost nothing.
 */
const EARLY_OF_A_NETWORK: Allowance = { burst: 3, refillSeconds: 8 * 3_600 };
/** Wrong current passwords in one session: a person at an unattended session gets as few guesses as at the login. */
const PER_SESSION: Allowance = { burst: 10, refillSeconds: 90 };

export interface LoginGuess {
  /** What was typed to name the account. */
  readonly login: string;
  readonly ip: string | null;
  /** The id of a device that has logged in to the account before; null for any other. */
  readonly device: string | null;
}

/** One counted guess. It is counted before the password is hashed, so that parallel guesses cannot exceed the limit. */
export interface Charge {
  /** The password was right: this guess is not counted, and the earlier failures of this client are cleared. */
  onSuccess(): Promise<void>;
  /** The password could not be compared: this guess is not counted. */
  refund(): Promise<void>;
}

export interface LoginThrottle {
  /**
   * Counts a guess of a login's password. Parallel guesses cannot exceed the limit: each is counted before hashing.
   * @throws {TooManyRequests}
   */
  chargeLogin(guess: LoginGuess): Promise<Charge>;
  /** Counts a guess of the current password, which a logged-in user must confirm. @throws {TooManyRequests} */
  chargeSession(sessionId: string): Promise<Charge>;
  /** Clears the failures for an account whose password was just set with an emailed link, so that it can be used. */
  clearFailures(account: { readonly username: string; readonly email: string }, ip: string | null): Promise<void>;
}

const FREE: Charge = { onSuccess: async () => {}, refund: async () => {} };

export function createLoginThrottle(db: Database, config: Pick<Config, "rateLimit">): LoginThrottle {
  if (!config.rateLimit) {
    return { chargeLogin: async () => FREE, chargeSession: async () => FREE, clearFailures: async () => {} };
  }

  /**
   * Counts the guesses in their order. The first is the client's own, which a right password clears.
   * @param counted guesses that were counted before them and share their fate.
   * @throws {TooManyRequests} when there is no room for one of them; then none is counted.
   */
  const take = async (guesses: readonly [Guess, ...Guess[]], counted: Guess[] = []): Promise<Charge> => {
    const [own] = guesses;
    for (const guess of guesses) {
      const seconds = await count(db, guess);
      if (seconds > 0) {
        await uncount(db, counted);
        throw new TooManyRequests(`Too many wrong passwords: try again in ${seconds} s, or ask for a reset.`, seconds);
      }
      counted.push(guess);
    }
    return {
      async onSuccess() {
        await forget(db, [own.key]);
        await uncount(
          db,
          counted.filter((guess) => guess !== own),
        );
      },
      refund: () => uncount(db, counted),
    };
  };

  return {
    async chargeLogin({ login, ip, device }) {
      if (device !== null) {
        const own: Guess = { key: `by-device:${device}`, allowance: PER_DEVICE };
        if ((await count(db, own)) === 0) {
          return { onSuccess: () => forget(db, [own.key]), refund: () => uncount(db, [own]) };
        }
      }
      const keys = keysOf(canonicalLogin(login), ip);
      const early: Guess = { key: keys.network, allowance: EARLY_OF_A_NETWORK };
      const isEarly = (await count(db, early)) === 0;
      const shared: Guess = isEarly
        ? { key: keys.early, allowance: EARLY_GUESSES }
        : { key: keys.later, allowance: LATER_GUESSES };
      return await take([{ key: keys.client, allowance: PER_CLIENT }, shared], isEarly ? [early] : []);
    },
    chargeSession: (sessionId) => take([{ key: `by-session:${sessionId}`, allowance: PER_SESSION }]),
    async clearFailures({ username, email }, ip) {
      await forget(
        db,
        [username, email].flatMap((login) => Object.values(keysOf(login, ip))),
      );
    },
  };
}

/** @param login in its canonical spelling. */
function keysOf(login: string, ip: string | null) {
  const typed = digestOf(login);
  const networks = networksOf(ip);
  return {
    client: `by-client:${typed}.${digestOf(networks[0].key)}`,
    network: `by-network:${typed}.${digestOf(networks.at(-1)!.key)}`,
    early: `early:${typed}`,
    later: `later:${typed}`,
  };
}

/** Nothing that is typed is stored: some people type their password into the wrong field. */
const digestOf = (text: string): string => new Bun.CryptoHasher("sha256").update(text).digest("base64url").slice(0, 22);
