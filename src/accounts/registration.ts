/** Self-service accounts. Only the owner of an address learns whether it has an account, by email. */
import { eq, sql } from "drizzle-orm";
import { nextOrdinal, user } from "../db/schema.ts";
import { Conflict } from "../errors.ts";
import { enqueue } from "../mail/outbox.ts";
import { requireAddress } from "./addresses.ts";
import { clientKey } from "./client-networks.ts";
import { recordAudit } from "./audit.ts";
import type { RequestContext } from "./caller.ts";
import type { Deps } from "./deps.ts";
import { revokeTokens } from "./one-time-tokens.ts";
import { requireStrong } from "./password-policy.ts";
import { requireUsername, usernameFor } from "./usernames.ts";

/** The department of self-registered accounts; a superuser can change it. */
const GUEST_DEPT = "guest";

export interface Registration {
  readonly name: string;
  readonly email: string;
  readonly password: string;
  /** Default: the slug of the name, or the next free one like it. */
  readonly username?: string | undefined;
}

/**
 * Answers the same, after the same work, whether the address is free, registered but not proved, or has an account:
 * one hash, and the same statements. In the first two cases an email brings a link that proves the address; in the
 * third case an email says that an account exists.
 *
 * The new account is pending until the link is used: it cannot log in, is listed nowhere and holds no username.
 * Otherwise a login, or a look at `/user/{username}/`, would tell whether the address was free; and an unproved address
 * must not be usable. Registering again replaces what is pending, password and link: the last one typed
 * is the one that its owner remembers.
 *
 * @throws {InvalidInput} {Conflict} about the username, which is public; before the address is looked at.
 */
export async function register(deps: Deps, input: Registration, context: RequestContext): Promise<void> {
  const email = requireAddress(input.email);
  const username = input.username === undefined ? await usernameFor(input.name) : requireUsername(input.username);
  if (input.username !== undefined) await requireFree(deps, username);
  await requireStrong(input.password, { name: input.name, email, username }, deps.config);
  const passwordHash = await deps.hasher.hash(input.password, clientKey(context.client.ip));

  await deps.db.orm.transaction(async (tx) => {
    const id = Bun.randomUUIDv7();
    const wanted = { name: input.name, pendingUsername: username, passwordHash, locale: context.locale };
    await tx
      .insert(user)
      .values({ id, email, username: id, dept: GUEST_DEPT, ...wanted })
      .onConflictDoUpdate({
        target: user.email,
        set: { ...wanted, createdAt: sql`now()`, credentialsOrdinal: nextOrdinal },
        setWhere: sql`${user.pendingUsername} is not null`,
      });
    const [holder] = await tx
      .select({ id: user.id, pendingUsername: user.pendingUsername })
      .from(user)
      .where(eq(user.email, email));
    if (!holder) throw new Error("The address is neither free nor taken.");
    const pending = holder.pendingUsername !== null;
    // Revokes the link of the pending registration that this one replaces, because that link would bring back the
    // replaced password. When the address has an account, nothing is revoked: `id` is then the id of no account.
    await revokeTokens(tx, pending ? holder.id : id, ["email_verification"]);
    await recordAudit(tx, {
      ...context,
      action: pending ? "registered" : "registration_duplicate",
      actorId: null,
      subjectId: holder.id,
    });
    const kind = pending ? "email_verification" : "registration_duplicate";
    await enqueue(tx, { kind, userId: holder.id, ...context });
  });
  deps.outbox.announce();
}

async function requireFree(deps: Deps, username: string): Promise<void> {
  const [taken] = await deps.db.orm.select({ id: user.id }).from(user).where(eq(user.username, username));
  if (taken) throw new Conflict(`The username "${username}" is taken.`, "username", "username-taken");
}
