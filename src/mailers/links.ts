import { deriveToken } from "../accounts/one-time-tokens.ts";
import { KINDS, type Kind } from "../mail/kinds.ts";
import type { PreparedMessage } from "../mail/transitions/queued.ts";
import type { MailerContext } from "./context.ts";

/**
 * The email's link, derived again for every attempt and kept nowhere.
 * @param page where it leads, without query.
 * @param parameter the token's name in the query.
 */
export function linkOf(message: PreparedMessage, page: string, parameter: string, context: MailerContext): string {
  const url = new URL(page);
  url.searchParams.set(parameter, message.preview ? DEAD_TOKEN : tokenOf(message, context));
  return url.href;
}

/** Stands in previews where the token would. */
const DEAD_TOKEN = "preview";

function tokenOf(message: PreparedMessage, { keyring }: MailerContext): string {
  const { link }: Kind = KINDS[message.kind];
  const key = keyring.all.find((k) => k.id === message.keyId);
  if (!link || !key) throw new TypeError(`A ${message.kind} email has no link.`);
  return deriveToken(key, link.purpose, message.id);
}

/** How long the link lives, in seconds, as the email says it: from what is pinned, so that copies say the same. */
export function linkSeconds({ datedAt, linkExpiresAt }: PreparedMessage): number {
  if (!linkExpiresAt) throw new TypeError("This email has no link.");
  return Math.round((linkExpiresAt.getTime() - datedAt.getTime()) / 1000);
}
