/** How often people may do what sends emails: counted in the audit log, for all processes together. */
import { and, count, eq, gt } from "drizzle-orm";
import type { Config } from "../config.ts";
import type { Transaction } from "../db/client.ts";
import { auditEvent } from "../db/schema.ts";
import { smallestUuidOf } from "../db/uuid.ts";
import { TooManyRequests } from "../errors.ts";
import type { AuditAction } from "./audit.ts";

const LIMITS = {
  /** Of one superuser: more changes at once are not the work of a person. */
  superuser_changed: { acts: 20, minutes: 60 },
  /** Of one account: it has got that many invitations, and another one will not help. */
  invitation_resent: { acts: 3, minutes: 15 },
  /** Of one account: each tells the old address, and asks an address that may be a stranger's. */
  email_change_requested: { acts: 3, minutes: 60 },
  /** Of one account, by its owner or by superusers: each is told by email. */
  password_changed: { acts: 5, minutes: 60 },
  /** Of one account. */
  email_changed: { acts: 5, minutes: 60 },
} as const satisfies Partial<Record<AuditAction, { readonly acts: number; readonly minutes: number }>>;

type WhoseActs =
  | { readonly actorId: string; readonly subjectId?: never }
  | { readonly subjectId: string; readonly actorId?: never };

/**
 * Call it under a lock that two such acts both need, before the act is recorded.
 * @param whose the person who acts, or the account that it is done to.
 * @throws {TooManyRequests}
 */
export async function requireRoom(
  tx: Transaction,
  { rateLimit }: Pick<Config, "rateLimit">,
  { actorId, subjectId }: WhoseActs,
  action: keyof typeof LIMITS,
): Promise<void> {
  if (!rateLimit) return;
  const { acts, minutes } = LIMITS[action];
  const since = smallestUuidOf(new Date(Date.now() - minutes * 60_000));
  const [row] = await tx
    .select({ acts: count() })
    .from(auditEvent)
    .where(
      and(
        actorId === undefined ? eq(auditEvent.subjectId, subjectId) : eq(auditEvent.actorId, actorId),
        eq(auditEvent.action, action),
        gt(auditEvent.id, since),
      ),
    );
  if ((row?.acts ?? 0) >= acts) {
    throw new TooManyRequests(
      `This was done ${acts} times in the last ${minutes} minutes: try again later.`,
      minutes * 60,
    );
  }
}
