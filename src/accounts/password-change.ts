/** Three ways to a new password: the owner's, a superuser's, and a link's. All end the account's open links. */
import { eq, sql } from "drizzle-orm";
import type { Transaction } from "../db/client.ts";
import { nextOrdinal, user } from "../db/schema.ts";
import { Forbidden, InvalidInput, Unauthenticated } from "../errors.ts";
import type { Purpose } from "../mail/kinds.ts";
import { enqueue } from "../mail/outbox.ts";
import { clientKey } from "./client-networks.ts";
import { requireRoom } from "./act-limits.ts";
import { recordAudit } from "./audit.ts";
import { contextForOthers, type Caller, type RequestContext } from "./caller.ts";
import type { Deps } from "./deps.ts";
import { requireFreshProof } from "./fresh-proof.ts";
import { requireCurrentPassword } from "./password-check.ts";
import { consumeToken, peekToken, revokeTokens, type TokenHolder } from "./one-time-tokens.ts";
import { requireSame, requireStrong, type NewPassword } from "./password-policy.ts";
import { revokeSessions } from "./sessions.ts";
import { noSuchUser } from "./users.ts";

type Account = typeof user.$inferSelect;

/** How the password came to change, as the notice says it. */
export type Way = "link" | "owner" | "superuser" | "invitation";

/** A reset asked for an invited account works as its invitation, and the other way round. */
export const PASSWORD_PURPOSES: readonly Purpose[] = ["password_reset", "invitation"];

const BAD_TOKEN = "The link is not valid for this account: it is unknown, used, or has expired. Ask for a new one.";

/**
 * @param token what was given as a token, of any type.
 * @param username the account that the caller says it is for; null on the route that does not name it.
 * @throws {Forbidden} one error for a token that is unknown, used, expired or of another account (R27).
 * @throws {PasswordsDiffer} {InvalidInput} without using the token up (R25).
 */
export async function resetPassword(
  deps: Deps,
  token: unknown,
  username: string | null,
  input: NewPassword,
  context: RequestContext,
): Promise<Account> {
  const holder = await peekToken(deps, token, PASSWORD_PURPOSES);
  if (!holder || (username !== null && holder.user.username !== username.toLowerCase()))
    throw new Forbidden(BAD_TOKEN, "invalid-link");
  requireSame(input);
  await requireStrong(input.password, holder.user, deps.config);
  const passwordHash = await deps.hasher.hash(input.password, clientKey(context.client.ip));
  const account = await storePassword(deps, holder.user.id, passwordHash, {
    context,
    actorId: null,
    way: holder.purpose === "invitation" ? "invitation" : "link",
    holder,
    exceptSession: undefined,
  });
  await deps.throttle.clearFailures(account, context.client.ip);
  return account;
}

/**
 * @param currentPassword the caller's own. The owner needs it (R40). So does, after the first minutes of a login, a
 *   superuser who sets the password of another superuser: who can log in there can administer every account.
 * @throws {Forbidden} {NotFound} {PasswordsDiffer} {InvalidInput} {TooManyRequests}
 */
export async function changePassword(
  deps: Deps,
  caller: Caller,
  username: string,
  input: NewPassword & { readonly currentPassword?: string | undefined },
  context: RequestContext,
): Promise<Account> {
  const owner = caller.username === username.toLowerCase();
  if (!owner && !caller.superuser) throw new Forbidden("Only its owner or a superuser may set an account's password.");
  const [account] = await deps.db.orm.select().from(user).where(eq(user.username, username.toLowerCase()));
  if (!account) throw noSuchUser(username);
  requireSame(input);
  if (owner) {
    if (input.currentPassword === undefined) {
      throw new InvalidInput(
        "To change your own password, send the one you have now.",
        "current_password",
        "current-password-required",
      );
    }
    await requireCurrentPassword(deps, caller, account, input.currentPassword);
  } else if (account.superuser) {
    await requireFreshProof(deps, caller, input.currentPassword);
  }
  await requireStrong(input.password, account, deps.config);
  const passwordHash = await deps.hasher.hash(input.password, clientKey(context.client.ip));
  return await storePassword(deps, account.id, passwordHash, {
    context,
    actorId: caller.userId,
    way: owner ? "owner" : "superuser",
    holder: null,
    exceptSession: owner ? caller.sessionId : undefined,
    verifiedHash: owner ? account.passwordHash : undefined,
  });
}

interface Store {
  readonly context: RequestContext;
  readonly actorId: string | null;
  readonly way: Way;
  /** The link that allows it. */
  readonly holder: TokenHolder | null;
  /** The session that goes on: the owner stays logged in where the change was made. */
  readonly exceptSession: string | undefined;
  /** The hash that the current password was compared with: it must still be the account's. */
  readonly verifiedHash?: string | null | undefined;
}

/** New hash, dead links, ended sessions, audit and notice: one transaction under the account's row lock. */
async function storePassword(deps: Deps, userId: string, passwordHash: string, store: Store): Promise<Account> {
  const changed = await deps.db.orm.transaction(async (tx) => {
    const [locked] = await tx.select().from(user).where(eq(user.id, userId)).for("no key update");
    if (!locked) throw new Forbidden(BAD_TOKEN, "invalid-link");
    if (store.verifiedHash !== undefined && locked.passwordHash !== store.verifiedHash) {
      throw new Unauthenticated("The password was changed in the meantime. Log in again.", "credentials-changed");
    }
    if (store.holder && (locked.disabledAt || !(await consumeToken(tx, store.holder.messageId)))) {
      throw new Forbidden(BAD_TOKEN, "invalid-link");
    }
    if (!store.holder) await requireRoom(tx, deps.config, { subjectId: userId }, "password_changed");
    const provesAddress = store.holder?.sentTo === locked.email;
    const after = await writePassword(tx, locked, passwordHash, provesAddress);
    await revokeTokens(tx, userId);
    await revokeSessions(tx, userId, "password_changed", store.exceptSession);
    await recordAudit(tx, {
      ...store.context,
      action: store.holder ? "password_reset" : "password_changed",
      actorId: store.actorId,
      subjectId: userId,
      details: { way: store.way },
    });
    const { context, way } = store;
    const ofOthers = way === "superuser" ? contextForOthers(context, deps.config) : context;
    // The notice says where the change came from, also when a superuser made it.
    await enqueue(tx, { kind: "password_changed", userId, ...ofOthers, client: context.client, props: { way } });
    return after;
  });
  deps.outbox.announce();
  return changed;
}

async function writePassword(
  tx: Transaction,
  account: Account,
  passwordHash: string,
  provesAddress: boolean,
): Promise<Account> {
  const [after] = await tx
    .update(user)
    // Taken under the row's lock, the number is greater than that of any message requested before: those with a link
    // end "revoked".
    .set({
      passwordHash,
      credentialsOrdinal: nextOrdinal,
      ...(provesAddress ? { emailVerifiedAt: sql`coalesce(${user.emailVerifiedAt}, now())` } : {}),
    })
    .where(eq(user.id, account.id))
    .returning();
  if (!after) throw new Error("An update under the row's lock returned no row.");
  return after;
}
