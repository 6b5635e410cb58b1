/** For what must not be done at an unattended session, or with a copied access token, by a superuser. */
import { and, eq, sql } from "drizzle-orm";
import { session, user } from "../db/schema.ts";
import { InvalidInput, Unauthenticated } from "../errors.ts";
import type { Caller } from "./caller.ts";
import type { Deps } from "./deps.ts";
import { requireCurrentPassword } from "./password-check.ts";

/** A login this recent proves as much as the password. A refresh of its tokens makes a login no younger. */
const RECENT_MINUTES = 5;

/**
 * @param caller null: the operator at the command line, who needs no proof.
 * @param currentPassword the caller's own.
 * @throws {InvalidInput} without the password after the first minutes of a login.
 * @throws {Forbidden} {TooManyRequests} when the password is not right.
 */
export async function requireFreshProof(
  deps: Deps,
  caller: Caller | null,
  currentPassword: string | undefined,
): Promise<void> {
  if (!caller) return;
  if (currentPassword === undefined) {
    if (await hasRecentLogin(deps, caller)) return;
    throw new InvalidInput(
      `Send your own password as current_password: your login is older than ${RECENT_MINUTES} minutes.`,
      "current_password",
      "current-password-required",
    );
  }
  const [account] = await deps.db.orm.select().from(user).where(eq(user.id, caller.userId));
  if (!account) throw new Unauthenticated("The account no longer exists.", "invalid-access-token");
  await requireCurrentPassword(deps, caller, account, currentPassword);
}

async function hasRecentLogin({ db }: Deps, { sessionId }: Caller): Promise<boolean> {
  const [recent] = await db.orm
    .select({ id: session.id })
    .from(session)
    .where(
      and(
        eq(session.id, sessionId),
        // A time to come was written before the clock was set back.
        sql`${session.createdAt} between now() - make_interval(mins => ${RECENT_MINUTES}) and now()`,
      ),
    );
  return recent !== undefined;
}
