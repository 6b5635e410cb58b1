import type { SqlTransaction } from "../../db/client.ts";
import type { KindName } from "../kinds.ts";
import type { QueuedMessage } from "./queued.ts";

/** What the first kind's mailer had pinned. */
const UNPINNED = {
  recipient: null,
  recipientName: null,
  locale: null,
  mailerVersion: null,
  keyId: null,
  datedAt: null,
  linkExpiresAt: null,
} satisfies Partial<QueuedMessage>;

/** queued -> queued as another kind, for messages that were picked in this transaction and of which no copy can be out. */
export async function changeKind(
  tx: SqlTransaction,
  messages: readonly QueuedMessage[],
  kind: KindName,
): Promise<QueuedMessage[]> {
  if (messages.length === 0) return [];
  await tx`
    update message set kind = ${kind}, recipient = null, recipient_name = null, locale = null, mailer_version = null,
      key_id = null, dated_at = null, link_expires_at = null
    where id = any(${messages.map(({ id }) => id)}::uuid[]) and state = 'queued'`;
  return messages.map((message) => ({ ...message, ...UNPINNED, kind }));
}
