import type { Database, Transaction } from "../db/client.ts";
import { auditEvent } from "../db/schema.ts";
import type { Client } from "../mail/outbox.ts";

/** Every security-relevant act has one of these names. */
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
  "user_disabled",
  "user_enabled",
  "user_deleted",
  "email_verified",
  "email_change_requested",
  "email_changed",
  "account_frozen",
  "password_changed",
  "password_reset",
  "message_retried",
  "message_cancelled",
  "mail_paused",
  "mail_resumed",
  "address_suppressed",
  "suppression_lifted",
] as const;
export type AuditAction = (typeof AUDIT_ACTIONS)[number];

export interface AuditEntry {
  readonly action: AuditAction;
  /** Who did it; null when nobody was logged in. */
  readonly actorId: string | null;
  /** Whose account it was done to. */
  readonly subjectId: string | null;
  readonly client: Client;
  readonly requestId: string | null;
  /** Never a secret, never the content of a letter. */
  readonly details?: Record<string, string>;
}

/** In the transaction of the act, so that one is never there without the other. */
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
