/**
 * From picked messages to verdicts, for emails to an account: every mailer's `prepare` is this with its own kind.
 * Set-based: a handful of statements for a batch of any size. Under the account's row lock, in this order:
 * account? disabled? revoked? suppressed? limit, then supersede.
 */
import { deriveToken, digestOf } from "../accounts/one-time-tokens.ts";
import type { MasterKey } from "../accounts/keyring.ts";
import type { SqlTransaction } from "../db/client.ts";
import type { DropReason, Reason } from "../db/states.ts";
import { KINDS, LOCALES, type Kind, type KindName, type Locale } from "../mail/kinds.ts";
import type { PreparedMessage, QueuedMessage } from "../mail/transitions/queued.ts";
import type { Verdict } from "../mail/mailer.ts";
import { endSiblings, postponeSiblings, type Siblings } from "../mail/transitions/end.ts";
import { findCharges, findUnderWay, limitAndSupersede, UNLIMITED, type Candidate } from "./account-limits.ts";
import type { MailerContext } from "./context.ts";
import { type Account, lockAccounts } from "./recipients.ts";

/** A frozen email is not sent again with less of its link's life left: it would be dead before it is read. */
const MIN_LINK_SECONDS = 120;

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
  const byEmail = new Map(accounts.map((account) => [account.email, account]));
  const verdicts = new Map<string, Verdict>();
  const candidates: Candidate[] = [];

  for (const message of messages) {
    const account = message.userId ? byId.get(message.userId) : byEmail.get(message.requestedEmail ?? "");
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
  for (const { message, account } of chosen) {
    const key = keyFor(message, context);
    if (kind.link && !key) {
      verdicts.set(message.id, { type: "end", reason: "key_retired", userId: account.id });
    } else {
      verdicts.set(message.id, { type: "send", message: pin(message, account, kind, version, key, context) });
    }
  }
  if (kind.link) await storeDigests(tx, kind.link.purpose, verdicts, context);
  return verdicts;
}

/** How long the messages of an account rest that another transaction has locked. */
const LOCKED_SECONDS = 1;

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
async function findSuppressed(tx: SqlTransaction, messages: readonly QueuedMessage[]): Promise<Set<string>> {
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
const recipientOf = (message: QueuedMessage, account: Account): string =>
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
  if (message.unknowns > 0) {
    // A copy may be out: another version would not be the same email.
    if (message.mailerVersion !== version) return "unconfirmed";
    const left = message.linkExpiresAt ? (message.linkExpiresAt.getTime() - account.now.getTime()) / 1000 : Infinity;
    if (left < MIN_LINK_SECONDS) return "expired";
  }
  return null;
}

function pin(
  message: QueuedMessage,
  account: Account,
  kind: Kind,
  version: number,
  key: MasterKey | null,
  { config }: MailerContext,
): PreparedMessage {
  const first = message.datedAt === null;
  // Date and link move forward while no copy can be out; after one unknown outcome the email is frozen.
  const frozen = message.unknowns > 0 && !first;
  const datedAt = frozen ? message.datedAt : wholeSecond(account.now);
  return {
    ...message,
    userId: account.id,
    recipient: recipientOf(message, account),
    recipientName: message.recipientName ?? account.name,
    locale: message.locale ?? account.locale ?? asLocale(message.localeHint) ?? config.defaultLocale,
    mailerVersion: version,
    keyId: key?.id ?? null,
    datedAt,
    linkExpiresAt: frozen
      ? message.linkExpiresAt
      : kind.link && new Date(datedAt.getTime() + linkLifetimeSeconds(kind.link.lifetimeSeconds, config) * 1000),
  };
}

const linkLifetimeSeconds = (lifetime: number | "reset", config: MailerContext["config"]): number =>
  lifetime === "reset" ? config.resetTokenMinutes * 60 : lifetime;

/** The key that made this email's token, or the current one for an email that has none yet; null: it was retired. */
function keyFor(message: QueuedMessage, { keyring }: MailerContext): MasterKey | null {
  if (message.keyId === null || message.unknowns === 0) return keyring.current;
  return keyring.all.find((key) => key.id === message.keyId) ?? null;
}

/** Digests are durable before their links leave. Preparing again moves only the expiry, and wakes nothing revoked. */
async function storeDigests(
  tx: SqlTransaction,
  purpose: NonNullable<Kind["link"]>["purpose"],
  verdicts: ReadonlyMap<string, Verdict>,
  { keyring }: MailerContext,
): Promise<void> {
  const pinned = [...verdicts.values()].flatMap((verdict) => (verdict.type === "send" ? [verdict.message] : []));
  if (pinned.length === 0) return;
  const digests = pinned.map((one) => {
    const key = keyring.all.find((k) => k.id === one.keyId) ?? keyring.current;
    return digestOf(deriveToken(key, purpose, one.id)).toHex();
  });
  await tx`
    insert into one_time_token (message_id, digest, purpose, user_id, sent_to, key_id, expires_at)
    select id, decode(digest, 'hex'), ${purpose}, user_id, sent_to, key_id, expires_at
    from unnest(
      ${pinned.map((one) => one.id)}::uuid[],
      ${digests}::text[],
      ${pinned.map((one) => one.userId)}::uuid[],
      ${pinned.map((one) => one.recipient)}::text[],
      ${pinned.map((one) => one.keyId)}::text[],
      ${pinned.map((one) => one.linkExpiresAt?.toISOString() ?? null)}::timestamptz[]
    ) as t (id, digest, user_id, sent_to, key_id, expires_at)
    on conflict (message_id) do update
      set digest = excluded.digest, key_id = excluded.key_id, expires_at = excluded.expires_at,
          sent_to = excluded.sent_to
      where one_time_token.consumed_at is null and one_time_token.revoked_at is null`;
}

/** The Date header has whole seconds; the link's clock starts with it. */
const wholeSecond = (date: Date): Date => new Date(Math.floor(date.getTime() / 1000) * 1000);

const asLocale = (hint: string | null): Locale | undefined => LOCALES.find((locale) => locale === hint);
