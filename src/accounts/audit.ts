import type { Database, Transaction } from "../db/client.ts";
import { auditEvent } from "../db/schema.ts";
import type { Client } from "../mail/outbox.ts";
import type { Caller, RequestContext } from "./caller.ts";

/** What operators do to the mail. */
export const MAIL_ACTIONS = [
  "message_retried",
  "message_cancelled",
  "messages_retried",
  "messages_cancelled",
  "mail_paused",
  "mail_resumed",
  "address_suppressed",
  "suppression_lifted",
] as const;

/** The names of all security-relevant actions. */
export const AUDIT_ACTIONS = [
  "login",
  "login_refused",
  "refresh_reused",
  "logout",
  "session_ended",
  "sessions_ended",
  "registered",
  "registration_duplicate",
  "user_created",
  "user_changed",
  "superuser_changed",
  "invitation_resent",
  "user_disabled",
  "user_enabled",
  "user_deleted",
  "email_verified",
  "email_change_requested",
  "email_changed",
  "account_frozen",
  "password_changed",
  "password_reset",
  ...MAIL_ACTIONS,
] as const;
export type AuditAction = (typeof AUDIT_ACTIONS)[number];

export interface AuditEntry {
  readonly action: AuditAction;
  /** Who did it; null without a login. */
  readonly actorId: string | null;
  /** The account it was done to. */
  readonly subjectId: string | null;
  readonly client: Client;
  readonly requestId: string | null;
  /** Never a secret, and never the content of an email. */
  readonly details?: Record<string, string>;
}

/** Records an action in its own transaction, so that neither exists without the other. */
export async function recordAudit(tx: Transaction | Database["orm"], entry: AuditEntry): Promise<void> {
  await tx.insert(auditEvent).values({
    id: Bun.randomUUIDv7(),
    action: entry.action,
    actorId: entry.actorId,
    subjectId: entry.subjectId,
    ip: entry.client.ip,
    browser: entry.client.browser,
    requestId: entry.requestId,
    details: entry.details ?? null,
  });
}

/** Records what a caller did to an account. @param caller null: the operator at the command line. */
export const recordAct = async (
  tx: Transaction,
  action: AuditAction,
  caller: Caller | null,
  subject: { readonly id: string },
  context: RequestContext,
  details?: Record<string, string>,
): Promise<void> =>
  await recordAudit(tx, {
    ...context,
    action,
    actorId: caller?.userId ?? null,
    subjectId: subject.id,
    ...(details ? { details } : {}),
  });
