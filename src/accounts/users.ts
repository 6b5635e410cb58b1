/** Accounts: list, read, create. */
import { and, asc, eq, gt, isNull } from "drizzle-orm";
import type { Database, Transaction } from "../db/client.ts";
import { isUniqueViolation } from "../db/errors.ts";
import { user } from "../db/schema.ts";
import { Conflict, Forbidden, NotFound } from "../errors.ts";
import { LOCALES, type Locale } from "../mail/kinds.ts";
import { enqueue } from "../mail/outbox.ts";
import { requireAddress } from "../addresses.ts";
import { recordAct } from "./audit.ts";
import { contextForOthers, SUPERUSER_DEPT, type Caller, type RequestContext } from "./caller.ts";
import { clientKey } from "./client-networks.ts";
import type { Deps } from "./deps.ts";
import { requireFreshProof } from "./fresh-proof.ts";
import { requireStrong } from "./password-policy.ts";
import { lockSuperusers, tellSuperusers } from "./superusers.ts";
import { requireUsername, usernameFor } from "./usernames.ts";

/** The public profile: an allow-list of fields (R52). */
export interface PublicUser {
  readonly name: string;
  readonly username: string;
  readonly dept: string;
  readonly avatar: string | null;
  readonly bio: string | null;
  readonly currency: string;
}

export const PUBLIC_COLUMNS = {
  name: user.name,
  username: user.username,
  dept: user.dept,
  avatar: user.avatar,
  bio: user.bio,
  currency: user.currency,
};

/** Picks the public fields of a row. */
export const publicFields = (row: PublicUser): PublicUser => ({
  name: row.name,
  username: row.username,
  dept: row.dept,
  avatar: row.avatar,
  bio: row.bio,
  currency: row.currency,
});

/** The version of a public profile: it changes with each of its fields. */
export function versionOf(row: PublicUser): string {
  const seen = JSON.stringify(publicFields(row));
  return new Bun.CryptoHasher("sha256").update(seen).digest("hex").slice(0, 32);
}

export interface Page<T> {
  readonly items: readonly T[];
  /** The key of the last item when there is more after it. */
  readonly next: string | null;
}

const PUBLIC = isNull(user.disabledAt);

/** @param after the username of the last item of the page before. */
export async function listUsers(db: Database, limit: number, after: string | null): Promise<Page<PublicUser>> {
  const rows = await db.orm
    .select(PUBLIC_COLUMNS)
    .from(user)
    .where(and(PUBLIC, after === null ? undefined : gt(user.username, after)))
    .orderBy(asc(user.username))
    .limit(limit + 1);
  const items = rows.slice(0, limit);
  return { items, next: rows.length > limit ? (items.at(-1)?.username ?? null) : null };
}

/** @throws {NotFound} also for a disabled account. */
export async function findUser(db: Database, username: string): Promise<PublicUser> {
  const [row] = await db.orm
    .select(PUBLIC_COLUMNS)
    .from(user)
    .where(and(eq(user.username, username.toLowerCase()), PUBLIC));
  if (!row) throw noSuchUser(username);
  return row;
}

/** What the owner of an account sees in addition. */
export interface OwnUser extends PublicUser {
  readonly email: string;
  readonly emailVerified: boolean;
  readonly locale: Locale | null;
  readonly superuser: boolean;
  readonly createdAt: Date;
}

export async function findMe(db: Database, caller: Caller): Promise<OwnUser> {
  const [row] = await db.orm.select().from(user).where(eq(user.id, caller.userId));
  if (!row) throw noSuchUser(caller.username);
  return {
    ...publicFields(row),
    email: row.email,
    emailVerified: row.emailVerifiedAt !== null,
    locale: LOCALES.find((locale) => locale === row.locale) ?? null,
    superuser: caller.superuser,
    createdAt: row.createdAt,
  };
}

export interface NewUser {
  readonly name: string;
  readonly email: string;
  readonly dept: string;
  /** Absent: the owner is invited by email to set one. */
  readonly password?: string | undefined;
  readonly username?: string | undefined;
  readonly avatar?: string | null | undefined;
  readonly bio?: string | null | undefined;
  readonly currency?: string | undefined;
  /** @default whether `dept` is `SUPERUSER_DEPT` */
  readonly superuser?: boolean | undefined;
  /** The language of the account's emails. Absent or null: that of the browser that causes them. */
  readonly locale?: Locale | null | undefined;
}

/**
 * @param caller null: the operator at the command line, or the seed.
 * @param options.currentPassword the caller's own, to make a superuser: see `requireFreshProof`.
 * @throws {Forbidden} {InvalidInput} {Conflict} naming the field that is taken.
 */
export async function createUser(
  deps: Deps,
  caller: Caller | null,
  input: NewUser,
  context: RequestContext,
  options: { readonly quiet?: boolean; readonly currentPassword?: string | undefined } = {},
): Promise<PublicUser> {
  if (caller && !caller.superuser) throw new Forbidden("Only a superuser may create an account.");
  const superuser = input.superuser ?? input.dept === SUPERUSER_DEPT;
  const email = requireAddress(input.email);
  const username = input.username === undefined ? await usernameFor(input.name) : requireUsername(input.username);
  if (input.password !== undefined) {
    await requireStrong(input.password, { name: input.name, email, username }, deps.config);
  }
  if (superuser) await requireFreshProof(deps, caller, options.currentPassword);
  const passwordHash =
    input.password === undefined ? null : await deps.hasher.hash(input.password, clientKey(context.client.ip));
  const locale = input.locale ?? null;

  const created = await deps.db.orm
    .transaction(async (tx) => {
      if (superuser) await lockSuperusers(tx, caller);
      const id = Bun.randomUUIDv7();
      const [row] = await tx
        .insert(user)
        .values({
          id,
          email,
          username,
          passwordHash,
          name: input.name,
          dept: input.dept,
          superuser,
          locale,
          avatar: input.avatar ?? null,
          bio: input.bio ?? null,
          currency: input.currency ?? "USD",
        })
        .returning(PUBLIC_COLUMNS);
      await recordAct(tx, "user_created", caller, { id }, context, superuser ? { superuser: "true" } : undefined);
      if (!options.quiet) {
        const kind = passwordHash === null ? "invitation" : "welcome";
        const props = { username, ...(caller ? { inviter: await nameOf(tx, caller.userId) } : {}) };
        await enqueue(tx, { kind, userId: id, ...contextForOthers(context, deps.config), props });
        if (superuser) await tellSuperusers(tx, deps.config, caller, [{ id, username }], "made", context);
      }
      return row;
    })
    .catch((error: unknown) => {
      if (isUniqueViolation(error, "user_email_unique"))
        throw new Conflict("This email address is taken.", "email", "email-taken");
      if (isUniqueViolation(error, "user_username_unique")) {
        throw new Conflict(
          `The username "${username}" is taken; give another in "username".`,
          "username",
          "username-taken",
        );
      }
      throw error;
    });
  if (!options.quiet) deps.outbox.announce();
  if (!created) throw new Error("An insert returned no row.");
  return created;
}

async function nameOf(tx: Transaction, userId: string): Promise<string> {
  const [row] = await tx.select({ name: user.name }).from(user).where(eq(user.id, userId));
  return row?.name ?? "";
}

export const noSuchUser = (username: string): NotFound =>
  new NotFound(`There is no user ${JSON.stringify(username.slice(0, 64))}.`);

/** @throws {NotFound} */
export async function lockByName(tx: Transaction, username: string): Promise<typeof user.$inferSelect> {
  const [account] = await tx.select().from(user).where(eq(user.username, username.toLowerCase())).for("no key update");
  if (!account) throw noSuchUser(username);
  return account;
}
