/** An owner's request for another address: the new one must be confirmed, and the old one is notified. */
import { eq } from "drizzle-orm";
import type { Transaction } from "../db/client.ts";
import { user } from "../db/schema.ts";
import { Unauthenticated } from "../errors.ts";
import { enqueue } from "../mail/outbox.ts";
import { type Address, masked, requireAddress } from "../addresses.ts";
import { requireRoom } from "./act-limits.ts";
import { recordAudit } from "./audit.ts";
import type { Caller, RequestContext } from "./caller.ts";
import type { Deps } from "./deps.ts";
import { requireCurrentPassword } from "./password-check.ts";
import { revokeTokens } from "./one-time-tokens.ts";

type Account = typeof user.$inferSelect;

export interface EmailChange {
  readonly email: string;
  readonly currentPassword: string;
}

/**
 * Nothing of the account changes until the link in the new mailbox is used. Whether another account has the new address
 * is not looked up here, because the caller must not learn it; the owner of the address learns it at the link. For the
 * address that the account has already, a link that confirms it is sent.
 *
 * @throws {InvalidInput} {TooManyRequests} {Forbidden} when the current password is not right.
 */
export async function requestEmailChange(
  deps: Deps,
  caller: Caller,
  input: EmailChange,
  context: RequestContext,
): Promise<void> {
  const email = requireAddress(input.email);
  const [account] = await deps.db.orm.select().from(user).where(eq(user.id, caller.userId));
  if (!account) throw new Unauthenticated("The account no longer exists.", "invalid-access-token");
  await requireCurrentPassword(deps, caller, account, input.currentPassword);
  await deps.db.orm.transaction(async (tx) => {
    const [locked] = await tx.select().from(user).where(eq(user.id, account.id)).for("no key update");
    if (locked?.passwordHash !== account.passwordHash || locked.disabledAt) {
      throw new Unauthenticated("The account was changed in the meantime. Log in again.", "credentials-changed");
    }
    if (email === locked.email) await askForProof(tx, locked, context);
    else {
      await requireRoom(tx, deps.config, { subjectId: locked.id }, "email_change_requested");
      await askForChange(tx, locked, email, context);
    }
  });
  deps.outbox.announce();
}

async function askForProof(tx: Transaction, account: Account, context: RequestContext): Promise<void> {
  if (account.emailVerifiedAt === null)
    await enqueue(tx, { kind: "email_verification", userId: account.id, ...context });
}

async function askForChange(tx: Transaction, account: Account, email: Address, context: RequestContext): Promise<void> {
  await tx.update(user).set({ requestedEmail: email }).where(eq(user.id, account.id));
  // Ends the link to an address that was asked for before: it may be mistyped and belong to another person.
  await revokeTokens(tx, account.id, ["email_change"]);
  const subject = { actorId: account.id, subjectId: account.id };
  await recordAudit(tx, { ...context, ...subject, action: "email_change_requested" });
  await enqueue(tx, { kind: "email_change_confirmation", userId: account.id, email, ...context });
  // The notice goes to the address as it is now, even if it changes before the email is sent.
  const props = { newAddressMasked: masked(email) };
  await enqueue(tx, { kind: "email_change_notice", userId: account.id, email: account.email, ...context, props });
}
