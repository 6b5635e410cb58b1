/**
 * From picked messages to verdicts, for emails to an account: every mailer's `prepare` is this with its own kind.
 * Set-based: a handful of statements for a batch of any size. Under the account's row lock, in this order:
 * account? disabled? revoked? suppressed? limit, then supersede.
 */
import type { Address } from "../addresses.ts";
import type { SqlTransaction } from "../db/client.ts";
import type { DropReason, Reason } from "../db/states.ts";
import { KINDS, type Kind, type KindName } from "../mail/kinds.ts";
import type { QueuedMessage } from "../mail/transitions/queued.ts";
import type { Verdict } from "../mail/mailer.ts";
import { endSiblings, postponeSiblings, type Siblings } from "../mail/transitions/end.ts";
import { findCharges, findUnderWay, limitAndSupersede, UNLIMITED, type Candidate } from "./account-limits.ts";
import type { MailerContext } from "./context.ts";
import { limitByMailbox } from "./mailbox-limit.ts";
import { endingOfCopy, keyFor, pin, storeDigests } from "./pin.ts";
import { type Account, lockAccounts } from "./recipients.ts";

export async function prepareMessages(
  tx: SqlTransaction,
  kindName: KindName,
  version: number,
  messages: readonly QueuedMessage[],
  context: MailerContext,
): Promise<Map<string, Verdict>> {
  const kind: Kind = KINDS[kindName];
  // One round trip: they run in this order, so that what is read after the locks cannot change any more.
  const [accounts, suppressed, siblings, charges] = await Promise.all([
    lockAccounts(tx, messages),
    findSuppressed(tx, messages),
    kind.limit ? findUnderWay(tx, kindName, messages) : [],
    kind.limit && context.config.rateLimit ? findCharges(tx, kindName, messages) : [],
  ]);
  const byId = new Map(accounts.map((account) => [account.id, account]));
  const byEmail = new Map<string | null, Account>(accounts.map((account) => [account.email, account]));
  const verdicts = new Map<string, Verdict>();
  const candidates: Candidate[] = [];

  for (const message of messages) {
    const account = message.userId ? byId.get(message.userId) : byEmail.get(message.requestedEmail);
    const ending = endingOf(message, account, kind, version, suppressed);
    if (ending) verdicts.set(message.id, { type: "end", reason: ending, userId: account?.id ?? null });
    else if (!account?.locked) verdicts.set(message.id, { type: "postpone", delaySeconds: LOCKED_SECONDS });
    else candidates.push({ message, account });
  }
  await sweepSiblings(tx, messages, verdicts, accounts);

  const limit = context.config.rateLimit ? kind.limit : UNLIMITED;
  const chosen =
    kind.limit && limit
      ? await limitAndSupersede(tx, candidates, verdicts, { kind: kindName, limit, siblings, charges })
      : candidates;
  const addressed = chosen.map(({ message, account }) => ({
    message,
    account,
    address: recipientOf(message, account),
  }));
  const mailboxes = kind.unprovedAddress && context.config.rateLimit ? await limitByMailbox(tx, addressed) : null;
  for (const { message, account, address } of addressed) {
    const end = (reason: Reason) => verdicts.set(message.id, { type: "end", reason, userId: account.id });
    const key = keyFor(message, context);
    const { id: userId, name, locale } = account;
    const mailbox = mailboxes?.get(message.id) ?? "allowed";
    if (mailbox === "locked") verdicts.set(message.id, { type: "postpone", delaySeconds: LOCKED_SECONDS, userId });
    else if (mailbox === "limited") end("rate_limited");
    else if (kind.link && !key) end("key_retired");
    else {
      const to = { userId, address, name, locale };
      verdicts.set(message.id, {
        type: "send",
        message: pin(message, to, kind, version, key, account.now, context),
      });
    }
  }
  await storeDigests(tx, kind, verdicts, context);
  return verdicts;
}

/** How long the messages of an account or a mailbox rest that another transaction has locked. */
export const LOCKED_SECONDS = 1;

/**
 * What holds for an account, or for an address that has none, holds for all messages to it: however many there are, they
 * are dealt with at once and hold up the others no longer.
 */
async function sweepSiblings(
  tx: SqlTransaction,
  messages: readonly QueuedMessage[],
  verdicts: ReadonlyMap<string, Verdict>,
  accounts: readonly Account[],
): Promise<void> {
  const ended = (reason: DropReason) =>
    messages.filter(({ id }) => {
      const verdict = verdicts.get(id);
      return verdict?.type === "end" && verdict.reason === reason;
    });
  const unknown = new Set(
    ended("no_account").flatMap(({ userId, requestedEmail }) => (userId ? [] : (requestedEmail ?? []))),
  );
  const asSiblings = ({ id, email }: Account): Siblings => ({ userId: id, email });
  await endSiblings(
    tx,
    null,
    [...unknown].map((email) => ({ userId: null, email })),
    "no_account",
  );
  if (ended("account_disabled").length > 0) {
    await endSiblings(tx, null, accounts.filter(({ disabled }) => disabled).map(asSiblings), "account_disabled");
  }
  await postponeSiblings(tx, null, accounts.filter(({ locked }) => !locked).map(asSiblings), LOCKED_SECONDS);
}

/** The addresses of a batch that an operator has suppressed. */
export async function findSuppressed(tx: SqlTransaction, messages: readonly QueuedMessage[]): Promise<Set<string>> {
  const ids = messages.flatMap((m) => m.userId ?? []);
  const emails = messages.flatMap((m) => m.recipient ?? m.requestedEmail ?? []);
  const rows = await tx<{ email: string }[]>`
    select email from suppression where email = any(${emails}::text[])
    union all
    select email from "user" join suppression using (email) where id = any(${ids}::uuid[])`;
  return new Set(rows.map((row) => row.email));
}

/**
 * Pinned, or where a use case directed it, or the account's stored address; never what an anonymous request says (R12): it
 * has no `userId`, and its address only found the account.
 */
const recipientOf = (message: QueuedMessage, account: Account): Address =>
  message.recipient ?? (message.userId ? message.requestedEmail : null) ?? account.email;

/** Why a message must not go out, if so; null when it may, as far as its account is concerned. */
function endingOf(
  message: QueuedMessage,
  account: Account | undefined,
  kind: Kind,
  version: number,
  suppressed: ReadonlySet<string>,
): Reason | null {
  if (message.expired) return "expired";
  if (!account) return "no_account";
  if (account.disabled) return "account_disabled";
  if (kind.link && !kind.link.outlivesCredentials && message.ordinal < account.credentialsOrdinal) return "revoked";
  if (suppressed.has(recipientOf(message, account))) return "suppressed";
  return endingOfCopy(message, version, account.now);
}
