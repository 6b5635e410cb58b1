import { eq, sql } from "drizzle-orm";
import type { Transaction } from "../db/client.ts";
import { isUniqueViolation } from "../db/errors.ts";
import { user } from "../db/schema.ts";
import { USERNAME_MAX } from "./usernames.ts";

type Account = typeof user.$inferSelect;

/**
 * Records that a link which was sent to the account's address was used. A registration becomes an account by this: it
 * takes the username it asked for or, if that was taken in the meantime, the next one like it. Call it under the
 * account's row lock.
 */
export async function proveAddress(tx: Transaction, account: Account): Promise<Account> {
  const proof = { emailVerifiedAt: sql`coalesce(${user.emailVerifiedAt}, now())` };
  if (account.pendingUsername === null) return await update(tx, account.id, proof);
  for (const username of candidates(account.pendingUsername)) {
    try {
      // The update runs in a savepoint, because a violation of the unique username would end the whole transaction.
      const change = { ...proof, username, pendingUsername: null };
      return await tx.transaction((savepoint) => update(savepoint, account.id, change));
    } catch (error) {
      if (!isUniqueViolation(error, "user_username_unique")) throw error;
    }
  }
  throw new Error("No username was left, not even a random one.");
}

async function update(tx: Transaction, id: string, change: Record<string, unknown>): Promise<Account> {
  const [after] = await tx.update(user).set(change).where(eq(user.id, id)).returning();
  if (!after) throw new Error("An update under the row's lock returned no row.");
  return after;
}

function* candidates(wanted: string): Generator<string> {
  yield wanted;
  const stem = wanted.slice(0, USERNAME_MAX - 9);
  for (let number = 2; number < 10; number += 1) yield `${stem}-${number}`;
  yield `${stem}-${crypto.randomUUID().slice(0, 8)}`;
}
