import type { user } from "../db/schema.ts";
import { Forbidden } from "../errors.ts";
import type { Origin } from "./caller.ts";
import type { Deps } from "./deps.ts";

/**
 * The one place where a password is compared: charged first, hashed whether there is an account or not, and forgiven
 * when it was right.
 *
 * @throws {TooManyRequests} when it was guessed too often.
 */
export async function checkPassword(
  deps: Deps,
  account: { readonly id: string; readonly passwordHash: string | null } | null,
  login: string,
  password: string,
  origin: Origin,
): Promise<boolean> {
  const forgive = await deps.throttle.charge({ accountId: account?.id ?? null, login, ip: origin.client.ip });
  const matches = await deps.hasher.verify(password, account?.passwordHash ?? null);
  if (matches) await forgive();
  return matches;
}

/**
 * For what its owner does while logged in: whoever sits down at an open session does not know the password (R40, R58).
 * @throws {Forbidden} {TooManyRequests}
 */
export async function requireCurrentPassword(
  deps: Deps,
  account: typeof user.$inferSelect,
  currentPassword: string,
  origin: Origin,
): Promise<void> {
  if (!(await checkPassword(deps, account, account.username, currentPassword, origin))) {
    throw new Forbidden("The current password is not right.");
  }
}
