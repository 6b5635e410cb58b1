/**
 * Self-service accounts. Until the link in the email is used there is no account: the request stores an address, and
 * the person who reads that mailbox chooses name, username and password at the link. So nothing that a stranger
 * types about another person's address becomes part of that person's account.
 */
import { and, eq, inArray, isNotNull, sql } from "drizzle-orm";
import type { Transaction } from "../db/client.ts";
import { isUniqueViolation } from "../db/errors.ts";
import { message, oneTimeToken, user } from "../db/schema.ts";
import { Conflict, Forbidden } from "../errors.ts";
import { type Address, requireAddress } from "../addresses.ts";
import { clientKey } from "./client-networks.ts";
import { recordAudit } from "./audit.ts";
import type { RequestContext } from "./caller.ts";
import type { Deps } from "./deps.ts";
import { consumeToken, peekRegistration } from "./one-time-tokens.ts";
import { requireSame, requireStrong, type NewPassword } from "./password-policy.ts";
import { requireUsername, stemOf, usernameFor } from "./usernames.ts";

type Account = typeof user.$inferSelect;

/** The department of self-registered accounts; a superuser can change it. */
const GUEST_DEPT = "guest";

const BAD_LINK = "The link is not valid: it is unknown, used, or has expired. Ask for a new one.";

/**
 * Commits the request and returns. Nothing is looked up here, so that a free address and a taken one cost the same and
 * answer the same; the courier finds out, and only the owner of the address learns it, by email.
 *
 * @throws {InvalidInput} when mail cannot be sent to the address.
 * @throws {Unavailable} when the database does not commit it, for free and taken addresses alike.
 */
export async function requestRegistration(deps: Deps, address: string, context: RequestContext): Promise<void> {
  await deps.outbox.accept({ kind: "registration", email: requireAddress(address), ...context });
}

export interface Registration extends NewPassword {
  readonly name: string;
  /** Default: the slug of the name, or the next free one like it. */
  readonly username?: string | undefined;
}

/**
 * Creates the account of the address that the link was sent to, and ends every other registration link of that address.
 *
 * @param token what was given as a token, of any type.
 * @throws {Forbidden} one error for every link that is not valid (R27).
 * @throws {PasswordsDiffer} {InvalidInput} without using the link up (R25).
 * @throws {Conflict} for a username that is taken, or when the address has an account by now. The link is not used up.
 */
export async function completeRegistration(
  deps: Deps,
  token: unknown,
  input: Registration,
  context: RequestContext,
): Promise<Account> {
  const link = await peekRegistration(deps, token);
  if (!link) throw new Forbidden(BAD_LINK, "invalid-link");
  requireSame(input);
  const { name } = input;
  const email = link.sentTo;
  const username = input.username === undefined ? await usernameFor(name) : requireUsername(input.username);
  await requireStrong(input.password, { name, email, username }, deps.config);
  const passwordHash = await deps.hasher.hash(input.password, clientKey(context.client.ip));
  return await deps.db.orm.transaction(async (tx) => {
    const links = await lockRegistrations(tx, email);
    if (!(await consumeToken(tx, link.messageId))) throw new Forbidden(BAD_LINK, "invalid-link");
    const id = Bun.randomUUIDv7();
    const row = { id, name, email, passwordHash, dept: GUEST_DEPT };
    const account = await insertAccount(tx, row, input.username === undefined ? candidates(username) : [username]);
    await adoptRegistrations(tx, id, links);
    await recordAudit(tx, { ...context, action: "registered", actorId: null, subjectId: id });
    return account;
  });
}

/** Locks in one order, so that two links of an address that are used at once wait for each other and cannot deadlock. */
async function lockRegistrations(tx: Transaction, email: Address): Promise<string[]> {
  const rows = await tx
    .select({ messageId: oneTimeToken.messageId })
    .from(oneTimeToken)
    .where(and(eq(oneTimeToken.sentTo, email), eq(oneTimeToken.purpose, "registration")))
    .orderBy(oneTimeToken.messageId)
    .for("update");
  return rows.map(({ messageId }) => messageId);
}

/** @param usernames in the order of preference. */
async function insertAccount(
  tx: Transaction,
  row: Omit<typeof user.$inferInsert, "username" | "emailVerifiedAt">,
  usernames: Iterable<string>,
): Promise<Account> {
  let taken = "";
  for (const username of usernames) {
    try {
      // The insert runs in a savepoint, because a violation of the unique username would end the whole transaction.
      const [account] = await tx.transaction((savepoint) =>
        savepoint
          .insert(user)
          .values({ ...row, username, emailVerifiedAt: sql`now()` })
          .returning(),
      );
      if (account) return account;
    } catch (error) {
      if (isUniqueViolation(error, "user_email_unique")) {
        throw new Conflict("This address already has an account. Log in to it.", null, "email-taken");
      }
      if (!isUniqueViolation(error, "user_username_unique")) throw error;
      taken = username;
    }
  }
  throw new Conflict(`The username "${taken}" is taken; give another in "username".`, "username", "username-taken");
}

/** Ends the other links of the address. They and their emails belong to the account from now on. */
async function adoptRegistrations(tx: Transaction, userId: string, messageIds: readonly string[]): Promise<void> {
  await tx
    .update(oneTimeToken)
    .set({ userId, revokedAt: sql`case when ${oneTimeToken.consumedAt} is null then now() end` })
    .where(inArray(oneTimeToken.messageId, [...messageIds]));
  await tx
    .update(message)
    .set({ userId })
    .where(and(inArray(message.id, [...messageIds]), isNotNull(message.endedAt)));
}

function* candidates(wanted: string): Generator<string> {
  yield wanted;
  const stem = stemOf(wanted);
  for (let number = 2; number < 10; number += 1) yield `${stem}-${number}`;
  yield `${stem}-${crypto.randomUUID().slice(0, 8)}`;
}
