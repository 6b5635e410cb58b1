/** Disable, enable and delete accounts. Each takes effect with its commit, for open sessions too (R47). */
import { and, eq, isNotNull, sql } from "drizzle-orm";
import type { Transaction } from "../db/client.ts";
import { isUniqueViolation } from "../db/errors.ts";
import { erasure, nextOrdinal, oneTimeToken, user } from "../db/schema.ts";
import { Conflict, Forbidden, InvalidInput, Unauthenticated } from "../errors.ts";
import { type Address, requireAddress } from "../addresses.ts";
import { recordAct } from "./audit.ts";
import type { Caller, RequestContext } from "./caller.ts";
import type { Deps } from "./deps.ts";
import { requireFreshProof } from "./fresh-proof.ts";
import { requireCurrentPassword } from "./password-check.ts";
import { ALL_PURPOSES, revokeTokens } from "./one-time-tokens.ts";
import { revokeSessions } from "./sessions.ts";
import { lockSuperusers, requireAnotherSuperuser, tellSuperusers } from "./superusers.ts";
import { lockByName, publicFields, type PublicUser } from "./users.ts";

type Account = typeof user.$inferSelect;

/**
 * Ends the sessions and links of an account and deletes nothing. Disabling a disabled account changes nothing.
 * @param caller null: the operator at the command line.
 * @throws {Forbidden} {NotFound} {Conflict} for the last superuser.
 */
export async function disableUser(
  deps: Deps,
  caller: Caller | null,
  username: string,
  context: RequestContext,
): Promise<PublicUser> {
  requireSuperuser(caller);
  const disabled = await deps.db.orm.transaction(async (tx) => {
    const superusers = await lockSuperusers(tx, caller);
    const account = await lockByName(tx, username);
    requireAnotherSuperuser(superusers, account.id);
    if (account.disabledAt) return account;
    await tx
      .update(user)
      .set({ disabledAt: sql`now()`, credentialsOrdinal: nextOrdinal })
      .where(eq(user.id, account.id));
    await revokeTokens(tx, account.id, ALL_PURPOSES);
    await revokeSessions(tx, account.id, "user_disabled");
    await recordAct(tx, "user_disabled", caller, account, context);
    if (account.superuser) await tellSuperusers(tx, deps.config, caller, [account], "disabled", context);
    return account;
  });
  if (disabled.superuser) deps.outbox.announce();
  return publicFields(disabled);
}

export interface Enabling {
  /** For an account that was frozen because of its address: the address of its owner. */
  readonly email?: string | undefined;
  /** The caller's own. */
  readonly currentPassword?: string | undefined;
}

/**
 * Lifts a freeze as well, which removed the password: the owner sets a new one by a reset. To enable a superuser, and to
 * set an address, takes a fresh proof: either gives an account to who can log in to it.
 *
 * @throws {Forbidden} {NotFound} {InvalidInput} {TooManyRequests}
 * @throws {Conflict} when the address is taken, or an address is given for an account that is not disabled.
 */
export async function enableUser(
  deps: Deps,
  caller: Caller | null,
  username: string,
  { email, currentPassword }: Enabling,
  context: RequestContext,
): Promise<PublicUser> {
  requireSuperuser(caller);
  const address = email === undefined ? null : requireAddress(email);
  const proved = await provedFor(deps, caller, username, address, currentPassword);
  const enabled = await deps.db.orm
    .transaction(async (tx) => {
      const account = await lockByName(tx, username);
      if (!account.disabledAt) {
        if (address) throw new Conflict("The address can be set only while enabling a disabled account.", "email");
        return account;
      }
      if (needsProof(account, address) && !proved) throw new Conflict("The account was changed meanwhile: try again.");
      const moves = address !== null && address !== account.email;
      await tx
        .update(user)
        .set({
          disabledAt: null,
          frozenAt: null,
          credentialsOrdinal: nextOrdinal,
          ...(moves ? { email: address, emailVerifiedAt: null } : {}),
        })
        .where(eq(user.id, account.id));
      await recordAct(tx, "user_enabled", caller, account, context, moves ? { fields: "email" } : {});
      if (account.superuser) await tellSuperusers(tx, deps.config, caller, [account], "enabled", context);
      return account;
    })
    .catch((error: unknown) => {
      if (isUniqueViolation(error, "user_email_unique"))
        throw new Conflict("This email address is taken.", "email", "email-taken");
      throw error;
    });
  if (enabled.superuser) deps.outbox.announce();
  return publicFields(enabled);
}

const needsProof = (account: Account, address: Address | null): boolean =>
  account.disabledAt !== null && (account.superuser || (address !== null && address !== account.email));

/** @returns whether the enabling needs a fresh proof, which was good. */
async function provedFor(
  deps: Deps,
  caller: Caller | null,
  username: string,
  address: Address | null,
  currentPassword: string | undefined,
): Promise<boolean> {
  const [account] = await deps.db.orm.select().from(user).where(eq(user.username, username.toLowerCase()));
  if (!account || !needsProof(account, address)) return false;
  await requireFreshProof(deps, caller, currentPassword);
  return true;
}

/**
 * Deletes an account: by its owner with the current password, or by a superuser. Its sessions and links are deleted with
 * it, and what is queued ends as `no_account`. Within minutes the courier blanks what is personal in its messages and in
 * the audit (`db/erasure.ts`). The timelines stay for `MESSAGE_RETENTION`, the audit for `AUDIT_RETENTION`; the audit
 * keeps the username.
 *
 * @param caller null: the operator at the command line.
 * @throws {Forbidden} {NotFound} {InvalidInput} {Conflict} for the last superuser.
 */
export async function deleteUser(
  deps: Deps,
  caller: Caller | null,
  username: string,
  currentPassword: string | undefined,
  context: RequestContext,
): Promise<void> {
  const owner = caller?.username === username.toLowerCase();
  if (!owner) requireSuperuser(caller);
  const verifiedHash = caller && owner ? await requireOwnPassword(deps, caller, currentPassword) : undefined;
  const deleted = await deps.db.orm.transaction(async (tx) => {
    const superusers = await lockSuperusers(tx, owner ? null : caller);
    const account = await lockByName(tx, username);
    if (verifiedHash !== undefined && account.passwordHash !== verifiedHash) {
      throw new Unauthenticated("The password was changed in the meantime. Log in again.", "credentials-changed");
    }
    requireAnotherSuperuser(superusers, account.id);
    await recordAct(tx, "user_deleted", caller, account, context, { username: account.username });
    await tx.insert(erasure).values({ userId: account.id });
    await keepCounts(tx, account.id);
    await tx.delete(user).where(eq(user.id, account.id));
    if (account.superuser) await tellSuperusers(tx, deps.config, caller, [account], "deleted", context);
    return account;
  });
  if (deleted.superuser) deps.outbox.announce();
}

/**
 * What an account has sent to addresses of others still counts for their mailboxes; otherwise an account that is made and
 * deleted again and again could flood one. The links themselves end, and only a digest of the mailbox stays, for a day.
 */
async function keepCounts(tx: Transaction, userId: string): Promise<void> {
  await tx
    .update(oneTimeToken)
    .set({ userId: null, sentTo: sql`''`, revokedAt: sql`now()` })
    .where(and(eq(oneTimeToken.userId, userId), isNotNull(oneTimeToken.mailbox)));
}

/** @returns the hash that the password was compared with: the account must still have it when it is deleted. */
async function requireOwnPassword(deps: Deps, caller: Caller, currentPassword: string | undefined): Promise<string> {
  if (currentPassword === undefined) {
    throw new InvalidInput(
      "To delete your own account, send the password you have now.",
      "current_password",
      "current-password-required",
    );
  }
  const [account] = await deps.db.orm.select().from(user).where(eq(user.id, caller.userId));
  if (!account?.passwordHash) throw new Unauthenticated("The account has no password.", "credentials-changed");
  await requireCurrentPassword(deps, caller, account, currentPassword);
  return account.passwordHash;
}

function requireSuperuser(caller: Caller | null): void {
  if (caller && !caller.superuser) throw new Forbidden("Only a superuser may do this.");
}
