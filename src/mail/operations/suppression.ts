/** Addresses that get no mail, by an operator's word. */
import type { Address } from "../../addresses.ts";
import { desc, eq } from "drizzle-orm";
import type { Database, Transaction } from "../../db/client.ts";
import { suppression } from "../../db/schema.ts";
import { NotFound } from "../../errors.ts";

/** Suppresses an address: it gets no more mail, and what is queued for it ends `suppressed` when its turn comes. */
export async function suppressAddress(tx: Transaction, email: Address, by: string, note: string | null): Promise<void> {
  await tx.insert(suppression).values({ email, createdBy: by, note }).onConflictDoNothing();
}

export interface Suppression {
  readonly email: Address;
  readonly note: string | null;
  readonly createdBy: string;
  readonly createdAt: Date;
}

/** Lists the suppressed addresses; the latest comes first. */
export const listSuppressions = (db: Database, limit: number): Promise<Suppression[]> =>
  db.orm.select().from(suppression).orderBy(desc(suppression.createdAt), suppression.email).limit(limit);

/** @throws {NotFound} */
export async function liftSuppression(tx: Transaction, email: Address): Promise<void> {
  const lifted = await tx.delete(suppression).where(eq(suppression.email, email)).returning();
  if (lifted.length === 0) throw new NotFound(`${email} is not suppressed.`);
}
