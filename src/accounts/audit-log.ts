/** Reads the audit log: superusers all of it, owners what concerns their account. */
import { aliasedTable, and, desc, eq, getTableColumns, gte, inArray, lt, lte, type SQL } from "drizzle-orm";
import type { Database } from "../db/client.ts";
import { auditEvent, user } from "../db/schema.ts";
import { MAIL_ACTIONS } from "./audit.ts";
import type { Caller } from "./caller.ts";
import type { Page } from "./users.ts";

export interface AuditFilter {
  readonly action?: string | undefined;
  /** True lists only what operators did to the mail. */
  readonly mail?: boolean | undefined;
  /** Username of the account that it was done to. */
  readonly subject?: string | undefined;
  /** Username of the account that did it. */
  readonly actor?: string | undefined;
  readonly since?: Date | undefined;
  readonly until?: Date | undefined;
  readonly limit: number;
  /** The id of the last event of the page before. */
  readonly after?: string | undefined;
}

export interface AuditRecord {
  readonly id: string;
  readonly at: Date;
  readonly action: string;
  /** Null without a login, and for an account that was deleted. */
  readonly actor: string | null;
  readonly actorId: string | null;
  readonly subject: string | null;
  readonly subjectId: string | null;
  readonly ip: string | null;
  readonly browser: string | null;
  readonly requestId: string | null;
  readonly details: Record<string, string> | null;
}

const actor = aliasedTable(user, "actor");
const subject = aliasedTable(user, "subject");

/** Newest first, in pages by the id of the last event. */
export async function listAudit(db: Database, filter: AuditFilter): Promise<Page<AuditRecord>> {
  return await readPage(db, filter, [
    filter.action === undefined ? undefined : eq(auditEvent.action, filter.action),
    filter.mail ? inArray(auditEvent.action, [...MAIL_ACTIONS]) : undefined,
    filter.subject === undefined ? undefined : eq(subject.username, filter.subject),
    filter.actor === undefined ? undefined : eq(actor.username, filter.actor),
    filter.since && gte(auditEvent.at, filter.since),
    filter.until && lte(auditEvent.at, filter.until),
  ]);
}

/** What was done to the caller's account. Address and browser are shown unless another account did it. */
export async function listOwnEvents(
  db: Database,
  caller: Caller,
  page: Pick<AuditFilter, "limit" | "after">,
): Promise<Page<AuditRecord>> {
  const { items, next } = await readPage(db, page, [eq(auditEvent.subjectId, caller.userId)]);
  const own = (event: AuditRecord): boolean => event.actorId === null || event.actorId === caller.userId;
  return { items: items.map((event) => (own(event) ? event : withoutPlace(event))), next };
}

const withoutPlace = (event: AuditRecord): AuditRecord => ({ ...event, ip: null, browser: null });

async function readPage(
  db: Database,
  { limit, after }: Pick<AuditFilter, "limit" | "after">,
  conditions: readonly (SQL | undefined)[],
): Promise<Page<AuditRecord>> {
  const rows = await db.orm
    .select({ ...getTableColumns(auditEvent), actor: actor.username, subject: subject.username })
    .from(auditEvent)
    .leftJoin(actor, eq(actor.id, auditEvent.actorId))
    .leftJoin(subject, eq(subject.id, auditEvent.subjectId))
    // The ids are UUIDv7, so that their order is the order in time.
    .where(and(...conditions, after === undefined ? undefined : lt(auditEvent.id, after)))
    .orderBy(desc(auditEvent.id))
    .limit(limit + 1);
  const items = rows.slice(0, limit);
  return { items, next: rows.length > limit ? (items.at(-1)?.id ?? null) : null };
}
