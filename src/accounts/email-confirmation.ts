/** What the link in an email to an address does: it confirms the address, or moves the account to it. */
import type { Address } from "../addresses.ts";
import { eq, sql } from "drizzle-orm";
import type { Transaction } from "../db/client.ts";
import { isUniqueViolation } from "../db/errors.ts";
import { nextOrdinal, user } from "../db/schema.ts";
import { Conflict, Forbidden } from "../errors.ts";
import { recordAudit } from "./audit.ts";
import type { RequestContext } from "./caller.ts";
import type { Deps } from "./deps.ts";
import { consumeToken, peekToken, revokeTokens } from "./one-time-tokens.ts";
import { revokeSessions } from "./sessions.ts";

type Account = typeof user.$inferSelect;

const BAD_LINK = "The link is not valid: it is unknown, used, or has expired. Ask for a new one.";

/**
 * @param token what was given as a token, of any type.
 * @throws {Forbidden} one error for every link that is not valid.
 * @throws {Conflict} when another account has the new address. The link is not used up. Only a person who reads the
 *   emails of that address can get here.
 */
export async function confirmEmail(deps: Deps, token: unknown, context: RequestContext): Promise<Account> {
  const holder = await peekToken(deps, token, ["email_verification", "email_change"]);
  if (!holder) throw new Forbidden(BAD_LINK, "invalid-link");
  return await deps.db.orm
    .transaction(async (tx) => {
      const [account] = await tx.select().from(user).where(eq(user.id, holder.user.id)).for("no key update");
      if (!account || account.disabledAt || !(await consumeToken(tx, holder.messageId)))
        throw new Forbidden(BAD_LINK, "invalid-link");
      // The link is bound to the address that it was sent to: the account must still have it, or still want it.
      const wanted = holder.purpose === "email_change" ? account.requestedEmail : account.email;
      if (holder.sentTo !== wanted) throw new Forbidden(BAD_LINK, "invalid-link");
      return holder.purpose === "email_change"
        ? await moveTo(tx, account, holder.sentTo, context)
        : await verify(tx, account, context);
    })
    .catch((error: unknown) => {
      if (isUniqueViolation(error, "user_email_unique")) {
        throw new Conflict("This address belongs to another account.", null, "email-taken");
      }
      throw error;
    });
}

async function verify(tx: Transaction, account: Account, context: RequestContext): Promise<Account> {
  await revokeTokens(tx, account.id, ["email_verification"]);
  const subject = { actorId: null, subjectId: account.id };
  await recordAudit(tx, { ...context, ...subject, action: "email_verified" });
  const [verified] = await tx
    .update(user)
    .set({ emailVerifiedAt: sql`coalesce(${user.emailVerifiedAt}, now())` })
    .where(eq(user.id, account.id))
    .returning();
  if (!verified) throw new Error("An update under the row's lock returned no row.");
  return verified;
}

async function moveTo(tx: Transaction, account: Account, email: Address, context: RequestContext): Promise<Account> {
  const [moved] = await tx
    .update(user)
    .set({
      email,
      emailVerifiedAt: sql`now()`,
      requestedEmail: null,
      credentialsOrdinal: nextOrdinal,
    })
    .where(eq(user.id, account.id))
    .returning();
  if (!moved) throw new Error("An update under the row's lock returned no row.");
  await revokeTokens(tx, account.id);
  await revokeSessions(tx, account.id, "email_changed");
  const subject = { actorId: null, subjectId: account.id };
  await recordAudit(tx, { ...context, ...subject, action: "email_changed" });
  return moved;
}
