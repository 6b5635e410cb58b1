/**
 * How often a password may be guessed, counted in PostgreSQL for all processes together. Two counts, and neither lets
 * strangers lock an owner out: one an account and client, and one an account over all clients that have never been
 * logged in to it.
 */
import { and, eq } from "drizzle-orm";
import { RateLimiterDrizzle, RateLimiterRes } from "rate-limiter-flexible";
import type { Config } from "../config.ts";
import type { Database } from "../db/client.ts";
import { loginThrottle, session } from "../db/schema.ts";
import { TooManyRequests } from "../errors.ts";

/** Wrong passwords of one client for one account: a person who forgot gives up earlier, and asks for a reset. */
const PER_CLIENT = { points: 10, duration: 15 * 60 };
/**
 * Wrong passwords for one account from clients it does not know. NIST SP 800-63B-4 §3.2.2 allows no more than 100 in a
 * row; here 100 an hour, so that guessing from a thousand addresses is as slow as from ten.
 */
const PER_ACCOUNT = { points: 100, duration: 60 * 60 };

export interface Guess {
  /** Null: there is no such account, which changes nothing of what is done. */
  readonly accountId: string | null;
  /** What was typed to name the account. */
  readonly login: string;
  readonly ip: string | null;
}

export interface LoginThrottle {
  /**
   * Charges one guess before anything is hashed: of a hundred that come at once no more are hashed than are allowed.
   * @returns what to call when the guess was right: it costs nothing then, and what this client did wrong is forgiven.
   * @throws {TooManyRequests}
   */
  charge(guess: Guess): Promise<() => Promise<void>>;
}

export function createLoginThrottle(db: Database, config: Pick<Config, "rateLimit">): LoginThrottle {
  if (!config.rateLimit) return { charge: async () => async () => {} };
  const limiter = (keyPrefix: string, quota: { points: number; duration: number }) =>
    // Rows that have expired are the couriers' to remove, with everything else that is past its time.
    new RateLimiterDrizzle({
      storeClient: db.orm,
      schema: loginThrottle,
      keyPrefix,
      clearExpiredByTimeout: false,
      ...quota,
    });
  const perClient = limiter("client", PER_CLIENT);
  const perAccount = limiter("account", PER_ACCOUNT);

  return {
    async charge(guess) {
      const account = digestOf(guess.accountId ?? guess.login.toLowerCase());
      const client = `${account}.${digestOf(guess.ip ?? "")}`;
      await take(perClient, client);
      // The owner's own devices are not slowed down by what strangers do.
      const known = await isKnownClient(db, guess);
      if (!known) await take(perAccount, account);
      return async () => {
        await perClient.delete(client);
        if (!known) await perAccount.reward(account);
      };
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

/** Asked for unknown accounts too, and not found: the same work (R41). */
async function isKnownClient(db: Database, { accountId, ip }: Guess): Promise<boolean> {
  const [known] = await db.orm
    .select({ id: session.id })
    .from(session)
    .where(and(eq(session.userId, accountId ?? NO_ACCOUNT), eq(session.ip, ip ?? "")))
    .limit(1);
  return known !== undefined;
}

/** RFC 9562 §5.9, the nil UUID. */
const NO_ACCOUNT = "00000000-0000-0000-0000-000000000000";

/** Nothing that is typed is stored: some people type their password into the wrong field. */
const digestOf = (text: string): string => new Bun.CryptoHasher("sha256").update(text).digest("base64url").slice(0, 22);
