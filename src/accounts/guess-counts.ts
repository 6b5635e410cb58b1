/**
 * Counts of guesses in PostgreSQL, for all processes together. A count is full after a burst, and room for one guess
 * comes back every few seconds or minutes (GCRA, ITU-T I.371): a client that is refused waits for that long and no longer.
 */
import { eq, inArray, sql } from "drizzle-orm";
import type { Database } from "../db/client.ts";
import { loginThrottle } from "../db/schema.ts";

export interface Allowance {
  /** Guesses in a row. */
  readonly burst: number;
  /** After this long there is room for one more, in seconds. */
  readonly refillSeconds: number;
}

/** A guess to count, or one that was counted. */
export interface Guess {
  /** Names one count. It holds nothing that a person typed. */
  readonly key: string;
  readonly allowance: Allowance;
}

/** A time that is further away than a full count explains was written before the database's clock was set back. */
const CLOCK_SLACK_SECONDS = 60;

/**
 * Counts one guess, atomically.
 * @returns 0, or for how many seconds there is no room for it; then it is not counted.
 */
export async function count(db: Database, { key, allowance }: Guess): Promise<number> {
  const { refillSeconds } = allowance;
  const fullSeconds = allowance.burst * refillSeconds;
  // `expire` is when the count will be empty.
  const { expire } = loginThrottle;
  const seconds = (amount: number) => sql`make_interval(secs => ${amount})`;
  const emptyAt = sql`case when ${expire} > now() + ${seconds(fullSeconds + CLOCK_SLACK_SECONDS)} then now()
    else greatest(${expire}, now()) end`;
  const counted = await db.orm
    .insert(loginThrottle)
    .values({ key, points: 0, expire: sql`now() + ${seconds(refillSeconds)}` })
    .onConflictDoUpdate({
      target: loginThrottle.key,
      set: { expire: sql`${emptyAt} + ${seconds(refillSeconds)}` },
      setWhere: sql`${emptyAt} + ${seconds(refillSeconds)} <= now() + ${seconds(fullSeconds)}`,
    })
    .returning({ key: loginThrottle.key });
  if (counted.length > 0) return 0;
  const [full] = await db.orm
    .select({ wait: sql<number>`extract(epoch from ${expire} - now())::float8` })
    .from(loginThrottle)
    .where(eq(loginThrottle.key, key));
  return Math.max(1, Math.ceil((full?.wait ?? 0) + refillSeconds - fullSeconds));
}

/** Takes counted guesses back. */
export async function uncount(db: Database, guesses: readonly Guess[]): Promise<void> {
  if (guesses.length === 0) return;
  const refills = sql.join(
    guesses.map(({ key, allowance }) => sql`(${key}::text, ${allowance.refillSeconds}::float8)`),
    sql`, `,
  );
  await db.orm.execute(sql`
    update ${loginThrottle} t set expire = t.expire - make_interval(secs => r.seconds)
    from (values ${refills}) r (key, seconds) where t.key = r.key`);
}

/** Empties counts. */
export async function forget(db: Database, keys: readonly string[]): Promise<void> {
  await db.orm.delete(loginThrottle).where(inArray(loginThrottle.key, [...keys]));
}
