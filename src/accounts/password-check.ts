import type { user } from "../db/schema.ts";
import { Forbidden } from "../errors.ts";
import type { Caller } from "./caller.ts";
import type { Deps } from "./deps.ts";
import type { Charge } from "./login-throttle.ts";
import type { Place } from "./fair-queue.ts";
import { formatOfHash, isReadableHash } from "./password-hashes.ts";

/**
 * The one place where a password is compared. It hashes whether there is an account or not, so that the time is equal.
 * @param charge The guess as the throttle counted it: cleared when the password is right, refunded when it is not compared.
 */
export async function checkPassword(
  deps: Deps,
  account: { readonly id: string; readonly passwordHash: string | null } | null,
  password: string,
  charge: Charge,
  place: Place,
): Promise<boolean> {
  const matches = await deps.hasher
    .verify(password, account?.passwordHash ?? null, place)
    .catch(async (error: unknown) => {
      await charge.refund();
      throw error;
    });
  if (matches) await charge.onSuccess();
  if (account?.passwordHash && !isReadableHash(account.passwordHash)) warnOnce(deps, account.id, account.passwordHash);
  return matches;
}

/** Accounts whose hash was reported by this process. */
const reported = new Set<string>();

/** Such an account needs a reset, which its owner can ask for; each attempt to log in would repeat the warning. */
function warnOnce({ log }: Deps, userId: string, hash: string): void {
  if (reported.has(userId)) return;
  reported.add(userId);
  log.warn(
    { event: "password_hash_unreadable", userId, format: formatOfHash(hash) },
    "the account's password hash has a format that cannot be compared: it can only log in after a reset",
  );
}

/**
 * Confirms what an owner does while logged in: a person at an unattended session does not know the password (R40, R58).
 * @throws {Forbidden} {TooManyRequests} {Unavailable}
 */
export async function requireCurrentPassword(
  deps: Deps,
  caller: Caller,
  account: typeof user.$inferSelect,
  currentPassword: string,
): Promise<void> {
  using place = deps.hasher.enter(caller.sessionId);
  const charge = await deps.throttle.chargeSession(caller.sessionId);
  if (!(await checkPassword(deps, account, currentPassword, charge, place))) {
    throw new Forbidden("The current password is wrong.", "wrong-current-password");
  }
}
