import type { Address } from "../../addresses.ts";
import type { Sql } from "../../db/client.ts";
import { KINDS, LOCALES, type Kind } from "../kinds.ts";
import { queuedColumns, type PreparedMessage, type QueuedMessage } from "../transitions/queued.ts";

/**
 * The email of a message as it would look, or looked: what is pinned as it is, the rest as of now, and a link that
 * opens nothing.
 *
 * @returns null when there is no such message, or no address that it could go to.
 */
export async function previewEmail(sql: Sql, id: string, resetMinutes: number): Promise<PreparedMessage | null> {
  const [message] = await sql<QueuedMessage[]>`select ${queuedColumns(sql)} from message where id = ${id}`;
  if (!message) return null;
  const [account] = await sql<{ id: string; email: Address; name: string; locale: string | null }[]>`
    select id, email, name, locale from "user"
    where id = ${message.userId} or (${message.userId}::uuid is null and email = ${message.requestedEmail})`;
  const recipient =
    message.recipient ?? account?.email ?? (message.kind === "registration" ? message.requestedEmail : null);
  if (!recipient) return null;
  const { link }: Kind = KINDS[message.kind];
  const lifetime = link?.lifetimeSeconds === "reset" ? resetMinutes * 60 : (link?.lifetimeSeconds ?? 0);
  const datedAt = message.datedAt ?? new Date();
  return {
    ...message,
    userId: message.userId ?? account?.id ?? null,
    recipient,
    recipientName: message.recipientName ?? account?.name ?? "",
    locale: message.locale ?? LOCALES.find((l) => l === (account?.locale ?? message.localeHint)) ?? LOCALES[0],
    mailerVersion: message.mailerVersion ?? 0,
    datedAt,
    linkExpiresAt: message.linkExpiresAt ?? new Date(datedAt.getTime() + lifetime * 1000),
    preview: true,
  };
}
