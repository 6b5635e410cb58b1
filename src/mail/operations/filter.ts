/** Which messages an operator means: for the list and for what is done to all that match. */
import { and, eq, gte, ilike, isNull, lte, or, sql, type SQL } from "drizzle-orm";
import { message, user } from "../../db/schema.ts";
import type { KindName } from "../kinds.ts";

type MessageRow = typeof message.$inferSelect;

export interface MessageFilter {
  readonly state?: MessageRow["state"] | undefined;
  readonly reason?: MessageRow["reason"] | undefined;
  readonly kind?: KindName | undefined;
  /** A whole address: where a message went or will go. */
  readonly recipient?: string | undefined;
  /** A part of the address, or of the account's name or username, in any case. */
  readonly search?: string | undefined;
  /** The whole username of the account. */
  readonly username?: string | undefined;
  readonly userId?: string | undefined;
  readonly since?: Date | undefined;
  readonly until?: Date | undefined;
}

/** The conditions of a query that joins the account of `message.user_id` as `user`. */
export function conditionsOf(filter: MessageFilter): (SQL | undefined)[] {
  return [
    filter.state && eq(message.state, filter.state),
    filter.reason && eq(message.reason, filter.reason),
    filter.kind && eq(message.kind, filter.kind),
    filter.recipient && goesTo(filter.recipient),
    filter.search && mentions(filter.search),
    filter.username && eq(user.username, filter.username),
    filter.userId && eq(message.userId, filter.userId),
    filter.since && gte(message.createdAt, filter.since),
    filter.until && lte(message.createdAt, filter.until),
  ].map((condition) => condition || undefined);
}

/** A message that no attempt has begun goes to its account's address. */
const hasNoAddress = and(isNull(message.recipient), isNull(message.requestedEmail));

/** Three parts, each with an index of its own, so that none reads the history. */
const goesTo = (email: string): SQL => sql`${message.id} in (
  select id from message where coalesce(recipient, requested_email) = ${email}
    and (recipient is not null or ended_at is not null)
  union all
  select id from message where requested_email = ${email} and recipient is null and state = 'queued'
  union all
  select id from message where user_id = (select id from "user" where email = ${email})
    and recipient is null and requested_email is null)`;

function mentions(part: string): SQL | undefined {
  const pattern = `%${part.replaceAll(/[\\%_]/g, "\\$&")}%`;
  return or(
    ilike(message.recipient, pattern),
    ilike(message.requestedEmail, pattern),
    and(hasNoAddress, ilike(user.email, pattern)),
    ilike(user.username, pattern),
    ilike(user.name, pattern),
  );
}
