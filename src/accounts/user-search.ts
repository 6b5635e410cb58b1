/** Accounts as superusers and the operator see them: with address and state, and those that are not public. */
import { and, asc, eq, gt, sql, type SQL } from "drizzle-orm";
import type { Database } from "../db/client.ts";
import { user } from "../db/schema.ts";
import type { AccountState } from "../db/states.ts";
import { LOCALES, type Locale } from "../mail/kinds.ts";
import { noSuchUser, PUBLIC_COLUMNS, type Page, type PublicUser } from "./users.ts";

export interface ManagedUser extends PublicUser {
  readonly email: string;
  readonly emailVerified: boolean;
  readonly state: AccountState;
  readonly superuser: boolean;
  readonly locale: Locale | null;
  readonly createdAt: Date;
  readonly lastLoginAt: Date | null;
}

export interface UserSearch {
  /** A part of the name, the address or the username, in any case. */
  readonly text?: string | undefined;
  readonly state?: AccountState | undefined;
  readonly dept?: string | undefined;
  /** The username of the last one of the page before. */
  readonly after?: string | undefined;
  readonly limit: number;
}

const MANAGED_COLUMNS = {
  ...PUBLIC_COLUMNS,
  email: user.email,
  emailVerified: sql<boolean>`${user.emailVerifiedAt} is not null`,
  state: user.state,
  superuser: user.superuser,
  locale: user.locale,
  createdAt: user.createdAt,
  lastLoginAt: user.lastLoginAt,
};

/**
 * Finds accounts in the order of usernames, with one query.
 */
export async function searchUsers(
  db: Database,
  { text, state, dept, after, limit }: UserSearch,
): Promise<Page<ManagedUser>> {
  const part = text?.trim();
  const rows = await db.orm
    .select(MANAGED_COLUMNS)
    .from(user)
    .where(
      and(
        state === undefined ? undefined : eq(user.state, state),
        dept === undefined ? undefined : eq(user.dept, dept),
        after === undefined ? undefined : gt(user.username, after),
        part ? holds(part) : undefined,
      ),
    )
    .orderBy(asc(user.username))
    .limit(limit + 1);
  const items = rows.slice(0, limit).map(withLocale);
  return { items, next: rows.length > limit ? (items.at(-1)?.username ?? null) : null };
}

/** The index finds the accounts with every three characters of the part, in any order; `like` keeps those with the part. */
function holds(part: string): SQL {
  const pattern = `%${part.replaceAll(/[\\%_]/g, String.raw`\$&`)}%`;
  return sql`(trigrams(${user.searchText}) @> trigrams(lower(${part})) and ${user.searchText} like lower(${pattern}))`;
}

/** @throws {NotFound} */
export async function findManagedUser(db: Database, username: string): Promise<ManagedUser> {
  const [row] = await db.orm.select(MANAGED_COLUMNS).from(user).where(eq(user.username, username.toLowerCase()));
  if (!row) throw noSuchUser(username);
  return withLocale(row);
}

const withLocale = <Row extends { readonly locale: string | null }>(row: Row) => ({
  ...row,
  locale: LOCALES.find((locale) => locale === row.locale) ?? null,
});
