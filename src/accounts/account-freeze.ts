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
 * "This wasn't me": somebody who knows the password is moving the account to another address. It is disabled at once,
 * and its password, which is known, is forgotten. A superuser who has made sure whose it is enables it, at whichever
 * address is right; its owner then sets a password by a reset.
 *
 * @param token what came in the token's place, whatever it is.
 * @throws {Forbidden} one error for every link that is not good (any more).
 * @throws {Conflict} for the last superuser. The link stays good: the operator makes another superuser first.
 */
export async function freezeAccount(deps: Deps, token: unknown, context: RequestContext): Promise<void> {
  const holder = await peekToken(deps.db.orm, token, ["account_freeze"]);
  if (!holder) throw new Forbidden(BAD_LINK, "invalid-link");
  await deps.db.orm.transaction(async (tx) => {
    const superusers = await lockSuperusers(tx);
    const [account] = await tx.select().from(user).where(eq(user.id, holder.user.id)).for("no key update");
    if (!account || account.disabledAt || !(await consumeToken(tx, holder.messageId)))
      throw new Forbidden(BAD_LINK, "invalid-link");
    requireAnotherSuperuser(superusers, account.id);
    await tx
      .update(user)
      .set({
        disabledAt: sql`now()`,
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
