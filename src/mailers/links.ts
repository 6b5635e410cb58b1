import { deriveToken } from "../accounts/one-time-tokens.ts";
import { KINDS, type Kind } from "../mail/kinds.ts";
import type { PreparedMessage } from "../mail/mailer.ts";
import type { MailerContext } from "./context.ts";

/**
 * The email's link, derived again for every attempt and kept nowhere.
 * @param page where it leads, without query.
 * @param parameter the token's name in the query.
 */
export function linkOf(prepared: PreparedMessage, page: string, parameter: string, context: MailerContext): string {
  const url = new URL(page);
  url.searchParams.set(parameter, prepared.preview ? DEAD_TOKEN : tokenOf(prepared, context));
  return url.href;
}

/** Stands in previews where the token would. */
const DEAD_TOKEN = "preview";

function tokenOf({ message, pinned }: PreparedMessage, { keyring }: MailerContext): string {
  const { link }: Kind = KINDS[message.kind];
  const key = keyring.all.find((k) => k.id === pinned.keyId);
  if (!link || !key) throw new TypeError(`A ${message.kind} email has no link.`);
  return deriveToken(key, link.purpose, pinned.id);
}

/** How long the link lives, in seconds, as the email says it: from what is pinned, so that copies say the same. */
export function linkSeconds({ pinned }: PreparedMessage): number {
  if (!pinned.linkExpiresAt) throw new TypeError("This email has no link.");
  return Math.round((pinned.linkExpiresAt.getTime() - pinned.datedAt.getTime()) / 1000);
}
