/**
 * How often a password may be guessed, counted in PostgreSQL for all processes together, and charged before anything
 * is hashed. Neither count lets strangers lock an owner out for good: one is of a name and a client, the other of a
 * name and all clients that have never proved themselves to its account. To prove oneself is to log in, or to use a
 * reset link.
 *
 * Counted is the name that was typed, not the account that it names. An account has two, its username and its
 * address; were they one count, wrong passwords for a public username would show at the address, and tell whose it is.
 * So each of the numbers below holds twice for an account, and the same for names that are nobody's (R41).
 */
import { RateLimiterDrizzle, RateLimiterRes } from "rate-limiter-flexible";
import type { Config } from "../config.ts";
import type { Database } from "../db/client.ts";
import { loginThrottle } from "../db/schema.ts";
import { TooManyRequests } from "../errors.ts";
import { normaliseAddress } from "./addresses.ts";
import { clientKey } from "./client-key.ts";
import { createKeyring } from "./keyring.ts";

const MINUTE_SECONDS = 60;
const DAY_SECONDS = 24 * 60 * MINUTE_SECONDS;

/** Wrong passwords of one client for one name: a person who forgot gives up earlier, and asks for a reset. */
const PER_CLIENT = { points: 10, duration: 15 * MINUTE_SECONDS };
/**
 * Wrong passwords for one name from clients that are strangers to its account, which keeps a thousand addresses as slow
 * as five. NIST SP 800-63B-4 §3.2.2 allows an account no more than 100 failures in a row; with two names it is 100 a
 * day. They are not forgotten when the owner logs in: strangers would see that he exists and has just been here.
 */
const PER_NAME = { points: 50, duration: DAY_SECONDS };
/** Wrong current passwords in one session: whoever found it open, or stole its token, does not know the password. */
const PER_SESSION = { points: 10, duration: 15 * MINUTE_SECONDS };
/** How long a client that proved itself stays no stranger. */
const KNOWN_SECONDS = 90 * DAY_SECONDS;

export interface Login {
  /** What was typed to name the account. */
  readonly login: string;
  /** Null: there is no such account, which changes nothing of what is done. */
  readonly accountId: string | null;
  readonly ip: string | null;
}

/** One guess that was paid for; it stays paid unless one of these is called. */
export interface Charge {
  /** It was right: it costs nothing, and what was wrong before is forgiven. */
  forgive(): Promise<void>;
  /** It was not judged: too many others were waiting. */
  refund(): Promise<void>;
}

export interface LoginThrottle {
  /**
   * Of a hundred guesses that come at once no more get past this than are allowed.
   * @throws {TooManyRequests}
   */
  chargeLogin(login: Login): Promise<Charge>;
  /** For a password that is asked again in a session. @throws {TooManyRequests} */
  chargeSession(sessionId: string): Promise<Charge>;
  /** Whoever uses a reset link has the mailbox: what strangers did is no hindrance to log in from there. */
  recognise(account: { id: string; username: string; email: string }, ip: string | null): Promise<void>;
}

const FREE: Charge = { forgive: async () => {}, refund: async () => {} };

export function createLoginThrottle(
  db: Database,
  config: Pick<Config, "rateLimit" | "secretKey" | "secretKeyPrevious">,
): LoginThrottle {
  if (!config.rateLimit) {
    return { chargeLogin: async () => FREE, chargeSession: async () => FREE, recognise: async () => {} };
  }
  // Nothing that is typed is stored, and no digest that could be tried against a list: some people type their
  // password into the wrong field. When the key is rotated, counting begins anew.
  const key = createKeyring(config).current.derive("login-throttle");
  const digest = (...parts: string[]): string =>
    new Bun.CryptoHasher("sha256", key).update(JSON.stringify(parts)).digest("base64url");
  const limiter = (keyPrefix: string, quota: { points: number; duration: number }) =>
    new RateLimiterDrizzle({
      storeClient: db.orm,
      schema: loginThrottle,
      keyPrefix,
      // Rows that have expired are the couriers' to remove, with everything else that is past its time.
      clearExpiredByTimeout: false,
      ...quota,
    });
  const perClient = limiter("client", PER_CLIENT);
  const perName = limiter("name", PER_NAME);
  const perSession = limiter("session", PER_SESSION);
  // No count: a row says that this client is known to this account.
  const known = limiter("known", { points: 1, duration: KNOWN_SECONDS });
  const recognise = (accountId: string, client: string) => known.set(digest(accountId, client), 1, KNOWN_SECONDS);

  return {
    async chargeLogin({ login, accountId, ip }) {
      const client = clientKey(ip);
      const name = nameOf(login);
      const guesses = digest(name, client);
      // First: a client that is refused here must not use up what the other strangers have.
      await take(perClient, guesses);
      // Asked for names that are nobody's too, and not found: the same work, one row by its key.
      const stranger = (await known.get(digest(accountId ?? NO_ACCOUNT, client))) === null;
      if (stranger) await take(perName, digest(name));
      const refundName = async () => {
        if (stranger) await perName.reward(digest(name));
      };
      return {
        async forgive() {
          await perClient.delete(guesses);
          await refundName();
          if (accountId !== null) await recognise(accountId, client);
        },
        async refund() {
          await perClient.reward(guesses);
          await refundName();
        },
      };
    },

    async chargeSession(sessionId) {
      const guesses = digest(sessionId);
      await take(perSession, guesses);
      return {
        forgive: async () => void (await perSession.delete(guesses)),
        refund: async () => void (await perSession.reward(guesses)),
      };
    },

    async recognise({ id, username, email }, ip) {
      const client = clientKey(ip);
      await recognise(id, client);
      for (const name of [username, email]) await perClient.delete(digest(name, client));
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

/** One spelling a name, as `sessions.ts` looks it up. */
const nameOf = (login: string): string => normaliseAddress(login) ?? login.toLowerCase();

const NO_ACCOUNT = "no account";
