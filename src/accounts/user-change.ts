import { eq } from "drizzle-orm";
import { user } from "../db/schema.ts";
import { Forbidden, VersionMismatch } from "../errors.ts";
import type { Locale } from "../mail/kinds.ts";
import { recordAudit } from "./audit.ts";
import { SUPERUSER_DEPT, type Caller, type RequestContext } from "./caller.ts";
import type { Deps } from "./deps.ts";
import { lockSuperusers, requireAnotherSuperuser } from "./superusers.ts";
import { noSuchUser, publicFields, versionOf, type PublicUser } from "./users.ts";

export interface UserChanges {
  readonly avatar?: string | null | undefined;
  readonly bio?: string | null | undefined;
  /** The language of emails; null: the language of the browser that causes them. */
  readonly locale?: Locale | null | undefined;
  readonly name?: string | undefined;
  readonly dept?: string | undefined;
  readonly currency?: string | undefined;
}

/**
 * Changes the fields that are given; null clears a field.
 *
 * @param versions the account must have one of these (`versionOf`); null: every version is accepted.
 * @throws {Forbidden} {NotFound} {VersionMismatch} {Conflict} when it would demote the last superuser.
 */
export async function changeUser(
  deps: Deps,
  caller: Caller,
  username: string,
  changes: UserChanges,
  versions: readonly string[] | null,
  context: RequestContext,
): Promise<PublicUser> {
  if (!caller.superuser && caller.username !== username.toLowerCase()) {
    throw new Forbidden("Only its owner or a superuser may change an account.");
  }
  const reserved = (["name", "dept", "currency"] as const).filter((field) => changes[field] !== undefined);
  if (!caller.superuser && reserved.length > 0) {
    throw new Forbidden(`Only a superuser may change ${reserved.join(", ")}.`);
  }
  return await deps.db.orm.transaction(async (tx) => {
    const demotes = changes.dept !== undefined && changes.dept !== SUPERUSER_DEPT;
    const superusers = demotes ? await lockSuperusers(tx) : null;
    const [before] = await tx.select().from(user).where(eq(user.username, username.toLowerCase())).for("no key update");
    if (!before) throw noSuchUser(username);
    if (versions && !versions.includes(versionOf(before))) {
      throw new VersionMismatch("The account was changed since you read it: read it again.");
    }
    if (superusers) requireAnotherSuperuser(superusers, before.id, "dept");
    const given = Object.fromEntries(Object.entries(changes).filter(([, value]) => value !== undefined));
    const [after] = await tx.update(user).set(given).where(eq(user.id, before.id)).returning();
    if (!after) throw new Error("An update under the row's lock returned no row.");
    await recordAudit(tx, {
      ...context,
      action: "user_changed",
      actorId: caller.userId,
      subjectId: before.id,
      details: { fields: Object.keys(given).join(" ") },
    });
    return publicFields(after);
  });
}
