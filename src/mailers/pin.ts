/** What is decided once about a message that goes out: its email is the same from then on, and its link's digest is stored. */
import type { Address } from "../addresses.ts";
import type { MasterKey } from "../accounts/keyring.ts";
import { deriveToken, digestOf } from "../accounts/one-time-tokens.ts";
import type { SqlTransaction } from "../db/client.ts";
import type { Reason } from "../db/states.ts";
import { LOCALES, type Kind, type Locale } from "../mail/kinds.ts";
import type { Verdict } from "../mail/mailer.ts";
import type { PreparedMessage, QueuedMessage } from "../mail/transitions/queued.ts";
import type { MailerContext } from "./context.ts";
import { mailboxDigest } from "./mailbox-limit.ts";

/** A frozen email is not sent again with less of its link's life left: it would be dead before it is read. */
const MIN_LINK_SECONDS = 120;

/** Why an email that may have been received must not be sent again, if so. */
export function endingOfCopy(message: QueuedMessage, version: number, now: Date): Reason | null {
  if (message.unknowns === 0) return null;
  // Another version would not be the same email.
  if (message.mailerVersion !== version) return "unconfirmed";
  const left = message.linkExpiresAt ? (message.linkExpiresAt.getTime() - now.getTime()) / 1000 : Infinity;
  return left < MIN_LINK_SECONDS ? "expired" : null;
}

/** To whom an email goes. */
export interface Recipient {
  /** Null: the address has no account. */
  readonly userId: string | null;
  readonly address: Address;
  readonly name: string;
  readonly locale: Locale | null;
}

export function pin(
  message: QueuedMessage,
  to: Recipient,
  kind: Kind,
  version: number,
  key: MasterKey | null,
  now: Date,
  { config }: MailerContext,
): PreparedMessage {
  const first = message.datedAt === null;
  // Date and link move forward while no copy can be out; after one unknown outcome the email is frozen.
  const frozen = message.unknowns > 0 && !first;
  const datedAt = frozen ? message.datedAt : wholeSecond(now);
  return {
    ...message,
    userId: to.userId,
    recipient: to.address,
    recipientName: message.recipientName ?? to.name,
    locale: message.locale ?? to.locale ?? asLocale(message.localeHint) ?? config.defaultLocale,
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
export function keyFor(message: QueuedMessage, { keyring }: MailerContext): MasterKey | null {
  if (message.keyId === null || message.unknowns === 0) return keyring.current;
  return keyring.all.find((key) => key.id === message.keyId) ?? null;
}

/** Digests are durable before their links leave. Preparing again moves only the expiry, and wakes nothing revoked. */
export async function storeDigests(
  tx: SqlTransaction,
  kind: Kind,
  verdicts: ReadonlyMap<string, Verdict>,
  { keyring }: MailerContext,
): Promise<void> {
  const pinned = [...verdicts.values()].flatMap((verdict) => (verdict.type === "send" ? [verdict.message] : []));
  if (pinned.length === 0 || !kind.link) return;
  const { purpose } = kind.link;
  const digests = pinned.map((one) => {
    const key = keyring.all.find((k) => k.id === one.keyId) ?? keyring.current;
    return digestOf(deriveToken(key, purpose, one.id)).toHex();
  });
  await tx`
    insert into one_time_token (message_id, digest, purpose, user_id, sent_to, mailbox, key_id, expires_at)
    select id, decode(digest, 'hex'), ${purpose}, user_id, sent_to, mailbox, key_id, expires_at
    from unnest(
      ${pinned.map((one) => one.id)}::uuid[],
      ${digests}::text[],
      ${pinned.map((one) => one.userId)}::uuid[],
      ${pinned.map((one) => one.recipient)}::text[],
      ${pinned.map((one) => (kind.unprovedAddress ? mailboxDigest(one.recipient) : null))}::text[],
      ${pinned.map((one) => one.keyId)}::text[],
      ${pinned.map((one) => one.linkExpiresAt?.toISOString() ?? null)}::timestamptz[]
    ) as t (id, digest, user_id, sent_to, mailbox, key_id, expires_at)
    on conflict (message_id) do update
      set digest = excluded.digest, key_id = excluded.key_id, expires_at = excluded.expires_at,
          sent_to = excluded.sent_to
      where one_time_token.consumed_at is null and one_time_token.revoked_at is null`;
}

/** The Date header has whole seconds; the link's clock starts with it. */
const wholeSecond = (date: Date): Date => new Date(Math.floor(date.getTime() / 1000) * 1000);

const asLocale = (hint: string | null): Locale | undefined => LOCALES.find((locale) => locale === hint);
