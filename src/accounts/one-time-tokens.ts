/**
 * The one mechanism behind every link: derived from its message's id, kept as a digest, good once.
 *
 * token = base64url(HMAC-SHA-256(key of the purpose, purpose ‖ message id)), 256 bits. A retry of the email derives
 * the same token, so copies carry the same link; the table alone opens nothing, because the key is not in it.
 */
import type { Address } from "../addresses.ts";
import { and, eq, gt, inArray, isNull, sql } from "drizzle-orm";
import type { Transaction } from "../db/client.ts";
import { oneTimeToken, user } from "../db/schema.ts";
import { KINDS, type Kind, type Link, type Purpose } from "../mail/kinds.ts";
import type { Deps } from "./deps.ts";
import type { Keyring, MasterKey } from "./keyring.ts";

export function deriveToken(key: MasterKey, purpose: Purpose, messageId: string): string {
  const hasher = new Bun.CryptoHasher("sha256", key.derive(`one-time-token/${purpose}`));
  return hasher.update(`${purpose}\0${messageId}`).digest("base64url");
}

/** SHA-256: the token has 256 random bits, so a slow hash would add nothing. */
export function digestOf(token: string): Uint8Array {
  return new Uint8Array(new Bun.CryptoHasher("sha256").update(token).digest().buffer);
}

/**
 * The token in a text that was given as one: 43 characters of base64url. Link detectors often include the character
 * that follows a link, such as `.`, `)`, `>` or a space, so what cannot be part of a token is cut off at its end.
 * @returns null for everything else, which is then not looked up.
 */
export function tokenIn(value: unknown): string | null {
  return typeof value === "string"
    ? (/^([A-Za-z0-9_-]{43})(?:[^A-Za-z0-9_-].{0,20})?$/su.exec(value)?.[1] ?? null)
    : null;
}

export interface TokenHolder {
  readonly user: typeof user.$inferSelect;
  readonly messageId: string;
  readonly purpose: Purpose;
  readonly sentTo: Address;
}

/**
 * Whose token this is, if it could be used now. Changes nothing: pages may ask as often as they like.
 * @param value what was given as a token, of any type.
 */
export async function peekToken(
  { db, keyring }: Pick<Deps, "db" | "keyring">,
  value: unknown,
  purposes: readonly Purpose[],
): Promise<TokenHolder | null> {
  const token = tokenIn(value);
  if (token === null) return null;
  const [row] = await db.orm
    .select({ user, token: oneTimeToken })
    .from(oneTimeToken)
    .innerJoin(user, eq(user.id, oneTimeToken.userId))
    .where(and(isOpen(token, keyring), isNull(user.disabledAt)));
  if (!row || !purposes.includes(row.token.purpose as Purpose)) return null;
  return {
    user: row.user,
    messageId: row.token.messageId,
    purpose: row.token.purpose as Purpose,
    sentTo: row.token.sentTo,
  };
}

/** The link of a registration that can be used now: the address has no account yet, so the link has none either. */
export async function peekRegistration(
  { db, keyring }: Pick<Deps, "db" | "keyring">,
  value: unknown,
): Promise<{ readonly messageId: string; readonly sentTo: Address } | null> {
  const token = tokenIn(value);
  if (token === null) return null;
  const [row] = await db.orm
    .select({ messageId: oneTimeToken.messageId, sentTo: oneTimeToken.sentTo })
    .from(oneTimeToken)
    .where(and(isOpen(token, keyring), eq(oneTimeToken.purpose, "registration"), isNull(oneTimeToken.userId)));
  return row ?? null;
}

/** Unused, not ended, not expired, and of a key that is still configured: a retired key may have been stolen. */
const isOpen = (token: string, keyring: Keyring) =>
  and(
    eq(oneTimeToken.digest, digestOf(token)),
    gt(oneTimeToken.expiresAt, sql`now()`),
    isNull(oneTimeToken.consumedAt),
    isNull(oneTimeToken.revokedAt),
    inArray(
      oneTimeToken.keyId,
      keyring.all.map(({ id }) => id),
    ),
  );

/**
 * Uses a token up: of parallel callers one gets true. Call it under the account's row lock, and after everything that
 * may refuse the request (R25), in the transaction of what the token allows.
 */
export async function consumeToken(tx: Transaction, messageId: string): Promise<boolean> {
  const consumed = await tx
    .update(oneTimeToken)
    .set({ consumedAt: sql`now()` })
    .where(
      and(
        eq(oneTimeToken.messageId, messageId),
        gt(oneTimeToken.expiresAt, sql`now()`),
        isNull(oneTimeToken.consumedAt),
        isNull(oneTimeToken.revokedAt),
      ),
    )
    .returning({ messageId: oneTimeToken.messageId });
  return consumed.length === 1;
}

const ALL_LINKS: readonly Link[] = Object.values<Kind>(KINDS).flatMap(({ link }) => link ?? []);
export const ALL_PURPOSES: readonly Purpose[] = ALL_LINKS.map((link) => link.purpose);
/** What a change of the credentials ends: all but the links that are there to undo it. */
const ENDED_BY_CHANGE: readonly Purpose[] = ALL_LINKS.filter((link) => !link.outlivesCredentials).map(
  (link) => link.purpose,
);

/**
 * Ends open links of an account. What is queued and not yet prepared ends by `user.credentials_ordinal`, which the
 * caller moves on in the same transaction.
 */
export async function revokeTokens(
  tx: Transaction,
  userId: string,
  purposes: readonly Purpose[] = ENDED_BY_CHANGE,
): Promise<void> {
  await tx
    .update(oneTimeToken)
    .set({ revokedAt: sql`now()` })
    .where(
      and(
        eq(oneTimeToken.userId, userId),
        inArray(oneTimeToken.purpose, purposes),
        isNull(oneTimeToken.consumedAt),
        isNull(oneTimeToken.revokedAt),
      ),
    );
}
