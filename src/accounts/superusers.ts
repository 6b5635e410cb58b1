/** There is always one superuser: without one, no account could be administered any more. */
import { and, asc, eq, isNotNull, isNull } from "drizzle-orm";
import type { Transaction } from "../db/client.ts";
import { user } from "../db/schema.ts";
import { Conflict } from "../errors.ts";
import { SUPERUSER_DEPT } from "./caller.ts";

export type Superusers = ReadonlySet<string>;

/**
 * Locks the superusers that can log in, in one order, so that two of them cannot demote each other at once. Call it
 * before the transaction locks another account: otherwise two such transactions could wait for each other.
 */
export async function lockSuperusers(tx: Transaction): Promise<Superusers> {
  const rows = await tx
    .select({ id: user.id })
    .from(user)
    .where(and(eq(user.dept, SUPERUSER_DEPT), isNull(user.disabledAt), isNotNull(user.passwordHash)))
    .orderBy(asc(user.id))
    .for("no key update");
  return new Set(rows.map((row) => row.id));
}

/** @throws {Conflict} */
export function requireAnotherSuperuser(superusers: Superusers, userId: string, field: string | null = null): void {
  if (superusers.size === 1 && superusers.has(userId)) {
    throw new Conflict("This is the last superuser: make another one first.", field, "last-superuser");
  }
}
