/**
 * How many emails a mailbox gets at addresses that are not confirmed. Each such email has a link, so the rows of
 * `one_time_token` are what is counted.
 */
import { type Address, mailboxOf } from "../addresses.ts";
import type { SqlTransaction } from "../db/client.ts";
import { MAILBOX_LIMIT } from "../mail/kinds.ts";
import type { QueuedMessage } from "../mail/transitions/queued.ts";

/** An email that may be sent, as far as its account is concerned. */
export interface Addressed {
  readonly message: QueuedMessage;
  readonly address: Address;
}

/** `locked`: another courier decides about this mailbox at this moment. */
export type MailboxVerdict = "allowed" | "limited" | "locked";

/** The table needs to know which mailbox it is, and not what it is called. */
export const mailboxDigest = (address: Address): string =>
  new Bun.CryptoHasher("sha256").update(mailboxOf(address)).digest("hex").slice(0, 32);

/** Any number that nothing else in this database locks. */
const MAILBOX_LOCKS = 0x6d626f78;

/**
 * Decides in the order of the requests. A message that has its link already was counted when it got it. The mailbox is
 * locked until the end of the transaction, so that two couriers cannot both pass one limit.
 */
export async function limitByMailbox(
  tx: SqlTransaction,
  messages: readonly Addressed[],
): Promise<Map<string, MailboxVerdict>> {
  const ordered = messages.toSorted((a, b) => a.message.ordinal - b.message.ordinal);
  const mailboxes = [...new Set(ordered.map(({ address }) => mailboxDigest(address)))].toSorted();
  if (mailboxes.length === 0) return new Map();
  const locks = await tx<{ mailbox: string; ours: boolean }[]>`
    select mailbox, pg_try_advisory_xact_lock(${MAILBOX_LOCKS}, hashtext(mailbox)) as ours
    from unnest(${mailboxes}::text[]) mailbox`;
  const counted = await tx<{ mailbox: string; messageId: string; recent: boolean }[]>`
    select mailbox, message_id "messageId",
      created_at > now() - make_interval(secs => ${MAILBOX_LIMIT.seconds}) as recent
    from one_time_token
    where mailbox = any(${mailboxes}::text[]) and (message_id = any(${ordered.map(({ message }) => message.id)}::uuid[])
      or created_at > now() - make_interval(secs => ${MAILBOX_LIMIT.seconds}))`;
  const locked = new Set(locks.flatMap(({ mailbox, ours }) => (ours ? [] : [mailbox])));
  const known = new Set(counted.map(({ messageId }) => messageId));
  const counts = new Map<string, number>();
  for (const { mailbox, recent } of counted) if (recent) counts.set(mailbox, (counts.get(mailbox) ?? 0) + 1);

  return new Map(
    ordered.map(({ message, address }): [string, MailboxVerdict] => {
      const mailbox = mailboxDigest(address);
      if (known.has(message.id)) return [message.id, "allowed"];
      if (locked.has(mailbox)) return [message.id, "locked"];
      const count = counts.get(mailbox) ?? 0;
      if (count >= MAILBOX_LIMIT.emails) return [message.id, "limited"];
      counts.set(mailbox, count + 1);
      return [message.id, "allowed"];
    }),
  );
}
