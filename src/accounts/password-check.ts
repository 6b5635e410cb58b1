import type { user } from "../db/schema.ts";
import { Forbidden } from "../errors.ts";
import type { Caller } from "./caller.ts";
import type { Deps } from "./deps.ts";
import type { Charge } from "./login-throttle.ts";

/**
 * The one place where a password is compared: hashed whether there is an account or not, forgiven when it was right.
 * @param charge what was paid before.
 */
export async function checkPassword(
  deps: Deps,
  account: { readonly passwordHash: string | null } | null,
  password: string,
  charge: Charge,
): Promise<boolean> {
  const matches = await deps.hasher.verify(password, account?.passwordHash ?? null).catch(async (error: unknown) => {
    await charge.refund();
    throw error;
  });
  if (matches) await charge.forgive();
  return matches;
}

/**
 * For what its owner does while logged in: whoever sits down at an open session does not know the password (R40, R58).
 * @throws {Forbidden} {TooManyRequests}
 */
export async function requireCurrentPassword(
  deps: Deps,
  caller: Caller,
  account: typeof user.$inferSelect,
  currentPassword: string,
): Promise<void> {
  const charge = await deps.throttle.chargeSession(caller.sessionId);
  if (!(await checkPassword(deps, account, currentPassword, charge))) {
    throw new Forbidden("The current password is not right.");
  }
}
