import { eq } from "drizzle-orm";
import type { Transaction } from "../db/client.ts";
import { user } from "../db/schema.ts";
import { Forbidden, VersionMismatch } from "../errors.ts";
import type { Locale } from "../mail/kinds.ts";
import { recordAct } from "./audit.ts";
import { requireRoom } from "./act-limits.ts";
import { SUPERUSER_DEPT, type Caller, type RequestContext } from "./caller.ts";
import type { Deps } from "./deps.ts";
import { requireFreshProof } from "./fresh-proof.ts";
import { lockSuperusers, requireAnotherSuperuser, tellSuperusers } from "./superusers.ts";
import { lockByName, publicFields, versionOf, type PublicUser } from "./users.ts";

type Account = typeof user.$inferSelect;

export interface UserChanges {
  readonly avatar?: string | null | undefined;
  readonly bio?: string | null | undefined;
  /** The language of emails; null: the language of the browser that causes them. */
  readonly locale?: Locale | null | undefined;
  readonly name?: string | undefined;
  readonly dept?: string | undefined;
  readonly currency?: string | undefined;
  readonly superuser?: boolean | undefined;
}

const RESERVED = ["name", "dept", "currency", "superuser"] as const;

/**
 * Changes the fields that are given; null clears a field.
 *
 * `superuser` says whether the account is a superuser. Without it, a move into `SUPERUSER_DEPT` or out of it decides, as
 * the department does for a new account. Either way it takes a fresh proof, and the account and all superusers are told.
 *
 * @param versions the account must have one of these (`versionOf`); null: every version is accepted.
 * @param currentPassword the caller's own, to change who is a superuser.
 * @throws {Forbidden} {NotFound} {VersionMismatch} {InvalidInput} {TooManyRequests}
 * @throws {Conflict} when it would demote the last superuser.
 */
export async function changeUser(
  deps: Deps,
  caller: Caller,
  username: string,
  { currentPassword, ...changes }: UserChanges & { readonly currentPassword?: string | undefined },
  versions: readonly string[] | null,
  context: RequestContext,
): Promise<PublicUser> {
  if (!caller.superuser && caller.username !== username.toLowerCase()) {
    throw new Forbidden("Only its owner or a superuser may change an account.");
  }
  const reserved = RESERVED.filter((field) => changes[field] !== undefined);
  if (!caller.superuser && reserved.length > 0) {
    throw new Forbidden(`Only a superuser may change ${reserved.join(", ")}.`);
  }
  const mayMove = changes.superuser !== undefined || changes.dept !== undefined;
  const proved = mayMove && (await provedFor(deps, caller, username, changes, currentPassword));
  const changed = await deps.db.orm.transaction(async (tx) => {
    const superusers = mayMove ? await lockSuperusers(tx, caller) : null;
    const before = await lockByName(tx, username);
    if (versions && !versions.includes(versionOf(before))) {
      throw new VersionMismatch("The account has changed since you read it. Read it again.");
    }
    const superuser = superuserAfter(before, changes);
    if (superusers && !superuser) {
      requireAnotherSuperuser(superusers, before.id, changes.superuser === undefined ? "dept" : "superuser");
    }
    const moves = superuser !== before.superuser;
    if (moves && !proved) throw new VersionMismatch("The account was changed in the meantime. Read it again.");
    const given = Object.fromEntries(
      Object.entries({ ...changes, superuser }).filter(([, value]) => value !== undefined),
    );
    const [after] = await tx.update(user).set(given).where(eq(user.id, before.id)).returning();
    if (!after) throw new Error("An update under the row's lock returned no row.");
    const fields = Object.keys(changes)
      .filter((field) => field !== "superuser" && field in given)
      .join(" ");
    if (fields) await recordAct(tx, "user_changed", caller, before, context, { fields });
    if (moves) await superuserChanged(tx, deps, caller, before, after, context);
    return after;
  });
  if (proved) deps.outbox.announce();
  return publicFields(changed);
}

/** @returns whether the changes make or unmake a superuser, for which the proof was good. */
async function provedFor(
  deps: Deps,
  caller: Caller,
  username: string,
  changes: UserChanges,
  currentPassword: string | undefined,
): Promise<boolean> {
  const [account] = await deps.db.orm.select().from(user).where(eq(user.username, username.toLowerCase()));
  if (!account || superuserAfter(account, changes) === account.superuser) return false;
  await requireFreshProof(deps, caller, currentPassword);
  return true;
}

function superuserAfter(before: Account, { superuser, dept = before.dept }: UserChanges): boolean {
  if (superuser !== undefined) return superuser;
  const [was, is] = [before.dept, dept].map((one) => one === SUPERUSER_DEPT);
  return was === is ? before.superuser : is === true;
}

/** Audit and notices, in the transaction of the change. */
async function superuserChanged(
  tx: Transaction,
  { config }: Deps,
  caller: Caller,
  before: Account,
  after: Account,
  context: RequestContext,
): Promise<void> {
  await requireRoom(tx, config, { actorId: caller.userId }, "superuser_changed");
  const values = { before: String(before.superuser), after: String(after.superuser) };
  await recordAct(tx, "superuser_changed", caller, before, context, values);
  await tellSuperusers(tx, config, caller, [after], after.superuser ? "made" : "removed", context);
}
