/** Accounts as the operator sees them at the command line. */
import { and, asc, eq, gt, ilike, isNull, or } from "drizzle-orm";
import type { Database } from "../db/client.ts";
import { user } from "../db/schema.ts";
import { SUPERUSER_DEPT } from "./caller.ts";

export interface FoundUser {
  readonly username: string;
  readonly name: string;
  readonly email: string;
  readonly dept: string;
  /** `invited`: no password has been set yet. */
  readonly state: "active" | "invited" | "disabled";
  readonly superuser: boolean;
  readonly createdAt: Date;
}

export interface UserSearch {
  /** A part of the name, the address or the username, in any case. */
  readonly text?: string | undefined;
  readonly dept?: string | undefined;
  /** The username of the last one of the page before. */
  readonly after?: string | undefined;
  readonly limit: number;
}

/** Finds accounts in the order of usernames. Registrations whose address is not proved yet are left out. */
export async function searchUsers(db: Database, { text, dept, after, limit }: UserSearch): Promise<FoundUser[]> {
  const pattern = text === undefined ? undefined : `%${text.replaceAll(/[\\%_]/g, String.raw`\$&`)}%`;
  const rows = await db.orm
    .select()
    .from(user)
    .where(
      and(
        isNull(user.pendingUsername),
        dept === undefined ? undefined : eq(user.dept, dept),
        after === undefined ? undefined : gt(user.username, after),
        pattern === undefined
          ? undefined
          : or(ilike(user.username, pattern), ilike(user.email, pattern), ilike(user.name, pattern)),
      ),
    )
    .orderBy(asc(user.username))
    .limit(limit);
  return rows.map(({ username, name, email, disabledAt, passwordHash, createdAt, dept: department }) => ({
    ...{ username, name, email, createdAt, dept: department },
    state: disabledAt ? "disabled" : passwordHash ? "active" : "invited",
    superuser: department === SUPERUSER_DEPT,
  }));
}
