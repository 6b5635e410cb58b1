/** Links that have done their work and are opened again. */
import { and, eq, inArray, isNotNull, or } from "drizzle-orm";
import { oneTimeToken, user } from "../db/schema.ts";
import type { Purpose } from "../mail/kinds.ts";
import type { Deps } from "./deps.ts";
import { digestOf, tokenIn, type TokenHolder } from "./one-time-tokens.ts";

/**
 * @param given what was given as a token, of any type.
 * @returns null unless the token was used and what it did still holds: the address is the account's and confirmed, or
 *   the account is frozen.
 */
export async function findUsedLink(
  { db, keyring }: Pick<Deps, "db" | "keyring">,
  given: unknown,
  purposes: readonly Purpose[],
): Promise<TokenHolder | null> {
  const token = tokenIn(given);
  if (token === null) return null;
  const confirmed = and(eq(user.email, oneTimeToken.sentTo), isNotNull(user.emailVerifiedAt));
  const frozen = and(eq(oneTimeToken.purpose, "account_freeze"), isNotNull(user.disabledAt));
  const [row] = await db.orm
    .select({ user, token: oneTimeToken })
    .from(oneTimeToken)
    .innerJoin(user, eq(user.id, oneTimeToken.userId))
    .where(
      and(
        eq(oneTimeToken.digest, digestOf(token)),
        isNotNull(oneTimeToken.consumedAt),
        inArray(oneTimeToken.purpose, purposes),
        inArray(
          oneTimeToken.keyId,
          keyring.all.map(({ id }) => id),
        ),
        or(confirmed, frozen),
      ),
    );
  if (!row) return null;
  const purpose = row.token.purpose as Purpose;
  // Enabling the account undoes a freeze. A disabled account cannot be logged in to, so of its links only a freeze holds.
  if ((purpose === "account_freeze") !== (row.user.disabledAt !== null)) return null;
  return { user: row.user, messageId: row.token.messageId, purpose, sentTo: row.token.sentTo };
}
