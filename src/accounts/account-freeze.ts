import { eq, sql } from "drizzle-orm";
import { nextOrdinal, user } from "../db/schema.ts";
import { Forbidden } from "../errors.ts";
import { recordAudit } from "./audit.ts";
import type { RequestContext } from "./caller.ts";
import type { Deps } from "./deps.ts";
import { ALL_PURPOSES, consumeToken, peekToken, revokeTokens } from "./one-time-tokens.ts";
import { revokeSessions } from "./sessions.ts";
import { lockSuperusers, requireAnotherSuperuser } from "./superusers.ts";

const BAD_LINK = "The link is not valid: it is unknown, used, or has expired.";

/**
 * For an owner who did not ask for an address change: someone who knows the password did. The account is disabled at once
 * and its password is removed. A superuser enables it again after checking whose it is, with the right address, and its
 * owner then sets a password by a reset.
 *
 * @param token what was given as a token, of any type.
 * @throws {Forbidden} one error for every link that is not valid.
 * @throws {Conflict} for the last superuser. The link stays valid: the operator creates another superuser first.
 */
export async function freezeAccount(deps: Deps, token: unknown, context: RequestContext): Promise<void> {
  const holder = await peekToken(deps, token, ["account_freeze"]);
  if (!holder) throw new Forbidden(BAD_LINK, "invalid-link");
  await deps.db.orm.transaction(async (tx) => {
    const superusers = await lockSuperusers(tx, null);
    const [account] = await tx.select().from(user).where(eq(user.id, holder.user.id)).for("no key update");
    if (!account || account.disabledAt || !(await consumeToken(tx, holder.messageId)))
      throw new Forbidden(BAD_LINK, "invalid-link");
    requireAnotherSuperuser(superusers, account.id);
    await tx
      .update(user)
      .set({
        disabledAt: sql`now()`,
        frozenAt: sql`now()`,
        passwordHash: null,
        requestedEmail: null,
        credentialsOrdinal: nextOrdinal,
      })
      .where(eq(user.id, account.id));
    await revokeTokens(tx, account.id, ALL_PURPOSES);
    await revokeSessions(tx, account.id, "account_frozen");
    await recordAudit(tx, { ...context, action: "account_frozen", actorId: null, subjectId: account.id });
  });
}
