/**
 * From picked messages to verdicts, for letters to an account: every mailer's `prepare` is this with its own kind.
 * Set-based: a handful of statements for a batch, whatever its size. Under the account's row lock, in this order:
 * account? disabled? revoked? suppressed? limit, then supersede.
 */
import { deriveToken, digestOf } from "../accounts/one-time-tokens.ts";
import type { MasterKey } from "../accounts/keyring.ts";
import type { SqlTransaction } from "../db/client.ts";
import { smallestUuidOf } from "../db/uuid.ts";
import { bucketLevel } from "../mail/backoff.ts";
import { KINDS, LOCALES, type Kind, type KindName, type Locale } from "../mail/kinds.ts";
import type { Pinned, QueuedMessage } from "../mail/transitions.ts";
import type { DropReason, FailReason } from "../mail/outcome.ts";
import type { Verdict } from "../mail/mailer.ts";
import type { MailerContext } from "./mailers.ts";

/** A frozen letter is not sent again with less of its link's life left: it would be dead before it is read. */
const MIN_LINK_SECONDS = 120;

/** `RATE_LIMIT=off`: a newer letter still takes the place of an older one. */
const UNLIMITED = { burst: Number.POSITIVE_INFINITY, refillSeconds: 1 };

interface Account {
  readonly id: string;
  readonly email: string;
  readonly name: string;
  readonly locale: Locale | null;
  readonly disabled: boolean;
  readonly credentialsChangedAt: Date;
  readonly locked: boolean;
  readonly now: Date;
}

export async function prepareLetters(
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
    kind.limit ? findSiblings(tx, kindName, messages) : [],
    kind.limit ? findCharges(tx, kindName, messages) : [],
  ]);
  const verdicts = new Map<string, Verdict>();
  const candidates: { message: QueuedMessage; account: Account }[] = [];

  for (const message of messages) {
    const account = accounts.find((a) =>
      message.userId ? a.id === message.userId : a.email === message.requestedEmail,
    );
    const ending = endingOf(message, account, kind, version, suppressed);
    if (ending) verdicts.set(message.id, { type: "end", reason: ending, userId: account?.id ?? null });
    else if (!account?.locked) verdicts.set(message.id, { type: "skip" });
    else candidates.push({ message, account });
  }

  const limit = kind.limit && (context.config.rateLimit ? kind.limit : UNLIMITED);
  const chosen = limit ? limitAndSupersede(limit, candidates, siblings, charges, verdicts) : candidates;
  for (const { message, account } of chosen) {
    const key = keyFor(message, context);
    if (kind.link && !key) {
      verdicts.set(message.id, { type: "end", reason: "key_retired", userId: account.id });
    } else {
      verdicts.set(message.id, { type: "send", pinned: pin(message, account, kind, version, key, context) });
    }
  }
  if (kind.link) await storeDigests(tx, kind.link.purpose, verdicts, context);
  return verdicts;
}

/**
 * The accounts of a batch under `for no key update`, so that two couriers cannot both pass one limit, and a password
 * change cannot slip between this check and the digest. A row that somebody holds is not waited for.
 */
async function lockAccounts(tx: SqlTransaction, messages: readonly QueuedMessage[]): Promise<Account[]> {
  const { ids, emails } = keysOf(messages);
  return await tx<Account[]>`
    with locked as (
      select * from "user" where id = any(${ids}::uuid[]) or email = any(${emails}::text[])
      order by id for no key update skip locked
    ), found as (
      select locked.*, true as locked from locked
      union all
      select u.*, false from "user" u
      where (u.id = any(${ids}::uuid[]) or u.email = any(${emails}::text[])) and u.id not in (select id from locked)
    )
    select id, email, name, locale, disabled_at is not null as disabled,
      credentials_changed_at "credentialsChangedAt", locked, now()
    from found`;
}

/** The addresses of a batch that an operator has suppressed. */
async function findSuppressed(tx: SqlTransaction, messages: readonly QueuedMessage[]): Promise<Set<string>> {
  const ids = messages.flatMap((m) => m.userId ?? []);
  const emails = messages.flatMap((m) => m.recipient ?? m.requestedEmail ?? []);
  const rows = await tx<{ email: string }[]>`
    select email from suppression
    where email = any(${emails}::text[]) or email in (select email from "user" where id = any(${ids}::uuid[]))`;
  return new Set(rows.map((row) => row.email));
}

/**
 * Pinned, or where a use case directed it, or the account's stored address; never what a stranger typed (R12): an
 * anonymous request has no `userId`, and its text only found the account.
 */
const recipientOf = (message: QueuedMessage, account: Account): string =>
  message.recipient ?? (message.userId ? message.requestedEmail : null) ?? account.email;

/** What the accounts of a batch are found by: their id where a use case named it, else the address asked for. */
function keysOf(messages: readonly QueuedMessage[]): { ids: string[]; emails: string[] } {
  return {
    ids: messages.flatMap((m) => m.userId ?? []),
    emails: messages.flatMap((m) => (m.userId ? [] : (m.requestedEmail ?? []))),
  };
}

/** Why a message must not go out, if so; null when it may, as far as its account is concerned. */
function endingOf(
  message: QueuedMessage,
  account: Account | undefined,
  kind: Kind,
  version: number,
  suppressed: ReadonlySet<string>,
): DropReason | FailReason | null {
  if (message.expired) return "expired";
  if (!account) return "no_account";
  if (account.disabled) return "account_disabled";
  if (kind.link && !kind.link.outlivesCredentials && message.createdAt < account.credentialsChangedAt) return "revoked";
  if (suppressed.has(recipientOf(message, account))) return "suppressed";
  if (message.unknowns > 0) {
    // A copy may be out: another version would not be the same letter.
    if (message.mailerVersion !== version) return "unconfirmed";
    const left = message.linkExpiresAt ? (message.linkExpiresAt.getTime() - account.now.getTime()) / 1000 : Infinity;
    if (left < MIN_LINK_SECONDS) return "expired";
  }
  return null;
}

interface Sibling {
  readonly id: string;
  readonly userId: string | null;
  readonly requestedEmail: string | null;
  readonly state: "queued" | "sending";
  readonly dueAt: Date;
  readonly tries: number;
}

/**
 * One letter an account, the newest; the older queued ones are superseded by it, unless its bucket is empty: a limited
 * letter supersedes nothing. One that is being sent is left alone, and counts as a charge that is coming.
 */
function limitAndSupersede<C extends { message: QueuedMessage; account: Account }>(
  limit: NonNullable<Kind["limit"]>,
  candidates: readonly C[],
  siblings: readonly Sibling[],
  charges: readonly Charge[],
  verdicts: Map<string, Verdict>,
): C[] {
  const accounts = new Map(candidates.map(({ account }) => [account.id, account]));
  const chosen: C[] = [];
  for (const account of accounts.values()) {
    const mine = candidates
      .filter((c) => c.account.id === account.id)
      .toSorted((a, b) => (a.message.id < b.message.id ? 1 : -1));
    const others = siblings.filter((s) => s.userId === account.id || (!s.userId && s.requestedEmail === account.email));
    const nowSeconds = account.now.getTime() / 1000;
    const sending = others.filter((s) => s.state === "sending").map(() => nowSeconds);
    const charged = charges.filter((c) => c.userId === account.id).map((c) => c.at);
    const [newest, ...older] = mine;
    if (!newest) continue;
    // A retry of a letter that was charged already asks for no second token.
    const level = newest.message.unknowns > 0 ? limit.burst : bucketLevel(limit, [...charged, ...sending], nowSeconds);
    if (level < 1) {
      for (const { message } of mine)
        verdicts.set(message.id, { type: "end", reason: "rate_limited", userId: account.id });
      continue;
    }
    const queued = others.filter((s) => s.state === "queued" && s.id < newest.message.id);
    for (const { id } of [...older.map((c) => c.message), ...queued]) {
      verdicts.set(id, { type: "end", reason: "superseded", userId: account.id });
    }
    const tries = Math.max(newest.message.tries, ...older.map((c) => c.message.tries), ...queued.map((s) => s.tries));
    const place = older.length > 0 ? null : queued.toSorted((a, b) => a.dueAt.getTime() - b.dueAt.getTime())[0];
    if (place && place.dueAt > account.now) {
      verdicts.set(newest.message.id, { type: "postpone", dueAt: place.dueAt, tries, userId: account.id });
    } else {
      chosen.push({ ...newest, message: { ...newest.message, tries } });
    }
  }
  return chosen;
}

/** The other letters of this kind that are under way to these accounts, known or only asked for. */
async function findSiblings(
  tx: SqlTransaction,
  kind: KindName,
  messages: readonly QueuedMessage[],
): Promise<Sibling[]> {
  const { ids, emails } = keysOf(messages);
  const batch = messages.map((message) => message.id);
  return await tx<Sibling[]>`
    select id, user_id "userId", requested_email "requestedEmail", state, due_at "dueAt", tries from message
    where kind = ${kind} and user_id = any(array(
        select id from "user" where id = any(${ids}::uuid[]) or email = any(${emails}::text[])))
      and state in ('queued', 'sending')
      and id <> all(${batch}::uuid[])
    union all
    select id, user_id, requested_email, state, due_at, tries from message
    where kind = ${kind} and requested_email = any(array(
        select email from "user" where id = any(${ids}::uuid[]) or email = any(${emails}::text[])))
      and state = 'queued' and user_id is null
      and id <> all(${batch}::uuid[])`;
}

/** Older charges have been paid back whatever came before them: see `bucketLevel`. */
const CHARGE_WINDOW_HOURS = 4;

interface Charge {
  readonly userId: string;
  readonly at: number;
}

/** When these accounts were charged, in seconds: once by each letter that was sent, or may have been. */
async function findCharges(tx: SqlTransaction, kind: KindName, messages: readonly QueuedMessage[]): Promise<Charge[]> {
  const { ids, emails } = keysOf(messages);
  // Message ids are UUIDv7, so that "since" is a range of the index on (user_id, kind, id).
  const since = smallestUuidOf(new Date(Date.now() - CHARGE_WINDOW_HOURS * 3_600_000));
  return await tx<Charge[]>`
    select m.user_id "userId", extract(epoch from min(a.ended_at))::float8 as at
    from message m join attempt a on a.message_id = m.id
    where m.user_id = any(array(
        select id from "user" where id = any(${ids}::uuid[]) or email = any(${emails}::text[]))) and m.kind = ${kind} and m.id > ${since}::uuid
      and a.outcome in ('sent', 'unknown')
    group by m.id`;
}

function pin(
  message: QueuedMessage,
  account: Account,
  kind: Kind,
  version: number,
  key: MasterKey | null,
  { config }: MailerContext,
): Pinned {
  const first = message.datedAt === null;
  // Date and link move forward while no copy can be out; after one unknown outcome the letter is frozen.
  const frozen = message.unknowns > 0 && !first;
  const datedAt = frozen ? message.datedAt : wholeSecond(account.now);
  return {
    id: message.id,
    userId: account.id,
    recipient: recipientOf(message, account),
    recipientName: message.recipientName ?? account.name,
    locale: message.locale ?? account.locale ?? asLocale(message.localeHint),
    mailerVersion: version,
    keyId: key?.id ?? null,
    datedAt,
    linkExpiresAt: frozen
      ? message.linkExpiresAt
      : kind.link && new Date(datedAt.getTime() + linkLifetimeSeconds(kind.link.lifetimeSeconds, config) * 1000),
    tries: message.tries,
  };
}

const linkLifetimeSeconds = (lifetime: number | "reset", config: MailerContext["config"]): number =>
  lifetime === "reset" ? config.resetTokenMinutes * 60 : lifetime;

/** The key that made this letter's token, or the current one for a letter that has none yet; null: it was retired. */
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
  const letters = [...verdicts.values()].flatMap((verdict) => (verdict.type === "send" ? [verdict.pinned] : []));
  if (letters.length === 0) return;
  const digests = letters.map((letter) => {
    const key = keyring.all.find((k) => k.id === letter.keyId) ?? keyring.current;
    return digestOf(deriveToken(key, purpose, letter.id)).toHex();
  });
  await tx`
    insert into one_time_token (message_id, digest, purpose, user_id, sent_to, key_id, expires_at)
    select id, decode(digest, 'hex'), ${purpose}, user_id, sent_to, key_id, expires_at
    from unnest(
      ${letters.map((letter) => letter.id)}::uuid[],
      ${digests}::text[],
      ${letters.map((letter) => letter.userId)}::uuid[],
      ${letters.map((letter) => letter.recipient)}::text[],
      ${letters.map((letter) => letter.keyId)}::text[],
      ${letters.map((letter) => letter.linkExpiresAt?.toISOString() ?? null)}::timestamptz[]
    ) as t (id, digest, user_id, sent_to, key_id, expires_at)
    on conflict (message_id) do update
      set digest = excluded.digest, key_id = excluded.key_id, expires_at = excluded.expires_at,
          sent_to = excluded.sent_to
      where one_time_token.consumed_at is null and one_time_token.revoked_at is null`;
}

/** The Date header has whole seconds; the link's clock starts with it. */
const wholeSecond = (date: Date): Date => new Date(Math.floor(date.getTime() / 1000) * 1000);

const asLocale = (hint: string | null): Locale => LOCALES.find((locale) => locale === hint) ?? LOCALES[0];
