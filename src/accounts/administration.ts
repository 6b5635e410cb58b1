/** What a superuser does for another account: send its invitation again, change its address, end its sessions. */
import { eq } from "drizzle-orm";
import type { Transaction } from "../db/client.ts";
import { isUniqueViolation } from "../db/errors.ts";
import { nextOrdinal, user } from "../db/schema.ts";
import { Conflict, Forbidden } from "../errors.ts";
import { enqueue } from "../mail/outbox.ts";
import { supersedeMessages } from "../mail/operations/messages.ts";
import { type Address, masked, requireAddress } from "../addresses.ts";
import { requireRoom } from "./act-limits.ts";
import { recordAct } from "./audit.ts";
import { contextForOthers, type Caller, type RequestContext } from "./caller.ts";
import type { Deps } from "./deps.ts";
import { requireFreshProof } from "./fresh-proof.ts";
import { ALL_PURPOSES, revokeTokens } from "./one-time-tokens.ts";
import { revokeSessions } from "./sessions.ts";
import { lockByName, publicFields, type PublicUser } from "./users.ts";

/**
 * Sends an invitation with a new link. One that is still queued ends as superseded, so that however often this is called
 * one invitation waits. A link that was sent before works until one of them is used or it expires.
 *
 * @returns the id of the message.
 * @throws {NotFound} {TooManyRequests}
 * @throws {Conflict} unless the account waits for its owner to choose a password.
 */
export async function resendInvitation(
  deps: Deps,
  caller: Caller,
  username: string,
  context: RequestContext,
): Promise<string> {
  requireSuperuser(caller);
  const message = await deps.db.orm.transaction(async (tx) => {
    const account = await lockByName(tx, username);
    if (account.state !== "invited") {
      throw new Conflict(`The account is ${account.state}; only an invited account can be sent an invitation.`);
    }
    await requireRoom(tx, deps.config, { subjectId: account.id }, "invitation_resent");
    await supersedeMessages(tx, account.id, "invitation");
    await recordAct(tx, "invitation_resent", caller, account, context);
    return await invite(tx, deps, caller, account, context);
  });
  deps.outbox.announce();
  return message;
}

export interface AddressChange {
  readonly email: string;
  /** The superuser's own. */
  readonly currentPassword?: string | undefined;
}

/**
 * Moves an account to another address at once. Its sessions and links end, and both addresses are told. The new address
 * is not proved by this: an invited account gets its invitation there, another one a link that proves the address. The
 * address that the account has already changes nothing.
 *
 * @throws {NotFound} {InvalidInput} {Forbidden} {TooManyRequests}
 * @throws {Conflict} when the address is taken, for the superuser's own account, and for one that is disabled.
 */
export async function changeAddress(
  deps: Deps,
  caller: Caller,
  username: string,
  change: AddressChange,
  context: RequestContext,
): Promise<PublicUser> {
  requireSuperuser(caller);
  const email = requireAddress(change.email);
  await requireFreshProof(deps, caller, change.currentPassword);
  const changed = await deps.db.orm
    .transaction(async (tx) => {
      const account = await lockByName(tx, username);
      if (account.id === caller.userId) {
        throw new Conflict("To change your own address, ask for a link to the new one with POST /user/me/email/.");
      }
      if (account.disabledAt) {
        throw new Conflict(
          `The account is ${account.state}. The address of a disabled account is given with its enabling.`,
        );
      }
      if (email === account.email) return account;
      await requireRoom(tx, deps.config, { subjectId: account.id }, "email_changed");
      return await moveTo(tx, deps, caller, account, email, context);
    })
    .catch((error: unknown) => {
      if (isUniqueViolation(error, "user_email_unique"))
        throw new Conflict("This email address is taken.", "email", "email-taken");
      throw error;
    });
  deps.outbox.announce();
  return publicFields(changed);
}

async function moveTo(
  tx: Transaction,
  deps: Deps,
  caller: Caller,
  account: Account,
  email: Address,
  context: RequestContext,
): Promise<Account> {
  const [moved] = await tx
    .update(user)
    .set({ email, emailVerifiedAt: null, requestedEmail: null, credentialsOrdinal: nextOrdinal })
    .where(eq(user.id, account.id))
    .returning();
  if (!moved) throw new Error("An update under the row's lock returned no row.");
  await revokeTokens(tx, account.id, ALL_PURPOSES);
  await revokeSessions(tx, account.id, "email_changed");
  await recordAct(tx, "email_changed", caller, account, context);
  const mail = contextForOthers(context, deps.config);
  const props = {
    username: account.username,
    oldAddressMasked: masked(account.email),
    newAddressMasked: masked(email),
  };
  for (const address of [account.email, email]) {
    await enqueue(tx, { kind: "email_changed", userId: account.id, email: address, ...mail, props });
  }
  if (moved.state === "invited") await invite(tx, deps, caller, moved, context);
  else await enqueue(tx, { kind: "email_verification", userId: account.id, ...mail });
  return moved;
}

/** Ends every session of an account; without one it changes nothing. @throws {NotFound} */
export async function endSessionsOf(
  deps: Deps,
  caller: Caller,
  username: string,
  context: RequestContext,
): Promise<void> {
  requireSuperuser(caller);
  await deps.db.orm.transaction(async (tx) => {
    const account = await lockByName(tx, username);
    const ended = await revokeSessions(tx, account.id, "sessions_ended");
    if (ended > 0) await recordAct(tx, "sessions_ended", caller, account, context, { count: String(ended) });
  });
}

type Account = typeof user.$inferSelect;

/** @returns the id of the message. */
async function invite(
  tx: Transaction,
  { config }: Deps,
  caller: Caller,
  { id, username }: Account,
  context: RequestContext,
): Promise<string> {
  const [inviter] = await tx.select({ name: user.name }).from(user).where(eq(user.id, caller.userId));
  const props = { username, inviter: inviter?.name ?? "" };
  return await enqueue(tx, { kind: "invitation", userId: id, ...contextForOthers(context, config), props });
}

function requireSuperuser(caller: Caller): void {
  if (!caller.superuser) throw new Forbidden("Only a superuser may do this.");
}
