/**
 * How often a password may be guessed, counted in PostgreSQL for all processes together. Two counts for a login, and
 * neither lets strangers lock an owner out: one per login and client, and one per login for all unknown clients
 * together, which are those that have never been logged in to its account.
 *
 * What is counted is the login as it was typed, in its canonical spelling, and not the account that it names: a count
 * shared by a username and an address would reveal that the username and the address belong together.
 */
import { and, eq } from "drizzle-orm";
import { RateLimiterDrizzle, RateLimiterRes } from "rate-limiter-flexible";
import type { Config } from "../config.ts";
import type { Database } from "../db/client.ts";
import { loginThrottle, session } from "../db/schema.ts";
import { TooManyRequests } from "../errors.ts";
import { canonicalLogin } from "./addresses.ts";

/** Wrong passwords of one client for one login: a person who forgot gives up earlier, and asks for a reset. */
const PER_CLIENT = { points: 10, duration: 15 * 60 };
/**
 * Wrong passwords for one login from clients that its account does not know. NIST SP 800-63B-4 §3.2.2 allows no more
 * than 100 in a row for an account: an account has two logins, its username and its address, and this is an hour's.
 */
const PER_LOGIN = { points: 50, duration: 60 * 60 };
/** Wrong current passwords in one session: a person at an unattended session gets as few guesses as at the login. */
const PER_SESSION = { points: 10, duration: 15 * 60 };

export interface LoginGuess {
  /** What was typed to name the account. */
  readonly login: string;
  /** Null: there is no such account, which changes nothing of what is done. */
  readonly accountId: string | null;
  readonly ip: string | null;
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
  const limiter = (keyPrefix: string, quota: { points: number; duration: number }) =>
    // The couriers remove expired rows when they purge, so the limiter sets no timers for them.
    new RateLimiterDrizzle({
      storeClient: db.orm,
      schema: loginThrottle,
      keyPrefix,
      clearExpiredByTimeout: false,
      ...quota,
    });
  const perClient = limiter("client", PER_CLIENT);
  const perLogin = limiter("login", PER_LOGIN);
  const perSession = limiter("session", PER_SESSION);

  return {
    async chargeLogin(guess) {
      const login = digestOf(canonicalLogin(guess.login));
      const client = clientKey(login, guess.ip);
      await take(perClient, client);
      // The owner's own devices are not slowed down by what strangers do.
      const known = await isKnownClient(db, guess);
      if (!known) await take(perLogin, login);
      const refundLogin = async () => {
        if (!known) await perLogin.reward(login);
      };
      return {
        async onSuccess() {
          await perClient.delete(client);
          await refundLogin();
        },
        async refund() {
          await perClient.reward(client);
          await refundLogin();
        },
      };
    },
    async chargeSession(sessionId) {
      await take(perSession, sessionId);
      return {
        async onSuccess() {
          await perSession.delete(sessionId);
        },
        async refund() {
          await perSession.reward(sessionId);
        },
      };
    },
    async clearFailures({ username, email }, ip) {
      for (const login of [username, email].map(digestOf)) {
        await perClient.delete(clientKey(login, ip));
        await perLogin.delete(login);
      }
    },
  };
}

async function take(limiter: RateLimiterDrizzle, key: string): Promise<void> {
  try {
    await limiter.consume(key);
  } catch (refused) {
    if (!(refused instanceof RateLimiterRes)) throw refused;
    const seconds = Math.max(1, Math.ceil(refused.msBeforeNext / 1_000));
    throw new TooManyRequests(`Too many wrong passwords: try again in ${seconds} s, or ask for a reset.`, seconds);
  }
}

/** The query also runs for unknown accounts, so that the work is equal (R41). */
async function isKnownClient(db: Database, { accountId, ip }: LoginGuess): Promise<boolean> {
  const [known] = await db.orm
    .select({ id: session.id })
    .from(session)
    .where(and(eq(session.userId, accountId ?? NO_ACCOUNT), eq(session.ip, ip ?? "")))
    .limit(1);
  return known !== undefined;
}

/** RFC 9562 §5.9, the nil UUID. */
const NO_ACCOUNT = "00000000-0000-0000-0000-000000000000";

const clientKey = (login: string, ip: string | null): string => `${login}.${digestOf(ip ?? "")}`;

/** Nothing that is typed is stored: some people type their password into the wrong field. */
const digestOf = (text: string): string => new Bun.CryptoHasher("sha256").update(text).digest("base64url").slice(0, 22);
