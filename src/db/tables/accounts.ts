/** Accounts, their sessions and links, and the record of who did what. */
import { sql } from "drizzle-orm";
import { boolean, index, integer, jsonb, pgTable, text, uniqueIndex, uuid } from "drizzle-orm/pg-core";
import type { Address } from "../../addresses.ts";
import type { AccountState } from "../states.ts";
import { bytes, moment, ordinal } from "./columns.ts";

export const user = pgTable(
  "user",
  {
    id: uuid("id").primaryKey(),
    email: text("email").$type<Address>().notNull().unique(),
    /** The slug: the canonical form is the only form. */
    username: text("username").notNull().unique(),
    name: text("name").notNull(),
    dept: text("dept").notNull(),
    /** May administer every account. `accounts/superusers.ts` says what sets it. */
    superuser: boolean("superuser").notNull().default(false),
    avatar: text("avatar"),
    bio: text("bio"),
    currency: text("currency").notNull().default("USD"),
    /** argon2id in PHC form; null for an invited account whose owner has not set one. */
    passwordHash: text("password_hash"),
    /** Null: not chosen; the request's Accept-Language decides. */
    locale: text("locale"),
    emailVerifiedAt: moment("email_verified_at"),
    /** The address that a change was last asked for: the link that went there, and no earlier one, brings it about. */
    requestedEmail: text("requested_email").$type<Address>(),
    disabledAt: moment("disabled_at"),
    /** Set beside `disabledAt` when the owner of the address froze the account. */
    frozenAt: moment("frozen_at"),
    lastLoginAt: moment("last_login_at"),
    /** Moves on with the password, the address and the state: links of messages with a smaller `ordinal` are dead. */
    credentialsOrdinal: ordinal("credentials_ordinal"),
    createdAt: moment("created_at").notNull().defaultNow(),
    /** One of `ACCOUNT_STATES`, by the columns above. */
    state: text("state").$type<AccountState>().notNull().generatedAlwaysAs(sql`case
      when disabled_at is not null and frozen_at is not null then 'frozen'
      when disabled_at is not null then 'disabled'
      when password_hash is null then 'invited'
      when email_verified_at is null then 'unverified'
      else 'active' end`),
    /** What a superuser's search looks through. */
    searchText: text("search_text")
      .notNull()
      .generatedAlwaysAs(sql`lower(username || ' ' || email || ' ' || name)`),
  },
  (t) => [
    index("user_superusers")
      .on(t.id)
      .where(sql`${t.superuser}`),
    // By three characters each, so that a part of a text is found. `pg_trgm` does the same, and only with a right on the
    // whole database that the owner of a schema need not have. The function comes with the migration.
    index("user_search").using("gin", sql`trigrams(${t.searchText})`),
    index("user_state").on(t.state, t.username),
    index("user_dept").on(t.dept, t.username),
  ],
);

/** One login on one device: the family of refresh tokens that came from it. */
export const session = pgTable(
  "session",
  {
    id: uuid("id").primaryKey(),
    userId: uuid("user_id")
      .notNull()
      .references(() => user.id, { onDelete: "cascade" }),
    ip: text("ip"),
    browser: text("browser"),
    createdAt: moment("created_at").notNull().defaultNow(),
    usedAt: moment("used_at").notNull().defaultNow(),
    /** Absolute: rotation does not move it (RFC 9700 §4.14.2). */
    expiresAt: moment("expires_at").notNull(),
    revokedAt: moment("revoked_at"),
    revokedFor: text("revoked_for"),
  },
  (t) => [index("session_user").on(t.userId)],
);

/** One row a rotation; a spent one that comes back is reuse and revokes its session. */
export const refreshToken = pgTable(
  "refresh_token",
  {
    digest: bytes("digest").primaryKey(),
    sessionId: uuid("session_id")
      .notNull()
      .references(() => session.id, { onDelete: "cascade" }),
    rotation: integer("rotation").notNull(),
    createdAt: moment("created_at").notNull().defaultNow(),
    spentAt: moment("spent_at"),
    /** The client that spent it: its address and its browser. */
    spentBy: text("spent_by"),
  },
  (t) => [index("refresh_token_session").on(t.sessionId)],
);

/** The digest of a link's token. The token itself is derived from its message id and stored nowhere. */
export const oneTimeToken = pgTable(
  "one_time_token",
  {
    /** One message carries one link: preparing it twice changes nothing. */
    messageId: uuid("message_id").primaryKey(),
    digest: bytes("digest").notNull(),
    purpose: text("purpose").notNull(),
    /** Null: the link of a registration, until it has made an account. */
    userId: uuid("user_id").references(() => user.id, { onDelete: "cascade" }),
    sentTo: text("sent_to").$type<Address>().notNull(),
    /** A digest of the mailbox that `sentTo` belongs to, for emails that count towards `MAILBOX_LIMIT`. */
    mailbox: text("mailbox"),
    keyId: text("key_id").notNull(),
    createdAt: moment("created_at").notNull().defaultNow(),
    expiresAt: moment("expires_at").notNull(),
    consumedAt: moment("consumed_at"),
    revokedAt: moment("revoked_at"),
  },
  (t) => [
    uniqueIndex("one_time_token_digest").on(t.digest),
    index("one_time_token_user").on(t.userId),
    index("one_time_token_registration")
      .on(t.sentTo)
      .where(sql`${t.purpose} = 'registration'`),
    index("one_time_token_mailbox")
      .on(t.mailbox, t.createdAt)
      .where(sql`${t.mailbox} is not null`),
  ],
);

/** Guesses of passwords, counted by `accounts/guess-counts.ts`; keys hold digests. */
export const loginThrottle = pgTable("login_throttle", {
  key: text("key").primaryKey(),
  /** Always 0. The version before counted here, and its processes go on working during a rolling upgrade. */
  points: integer("points").notNull(),
  /** When the count is empty again. */
  expire: moment("expire"),
});

/** Accounts that were deleted and whose traces are not all blanked yet: see `db/erasure.ts`. */
export const erasure = pgTable("erasure", {
  userId: uuid("user_id").primaryKey(),
  requestedAt: moment("requested_at").notNull().defaultNow(),
});

/**
 * Who did what to whom, from where. A trigger refuses updates and deletes, but for two: the purge after AUDIT_RETENTION,
 * and the blanking of address and browser when an account is deleted. Both announce themselves in their transaction.
 */
export const auditEvent = pgTable(
  "audit_event",
  {
    id: uuid("id").primaryKey(),
    at: moment("at").notNull().defaultNow(),
    action: text("action").notNull(),
    actorId: uuid("actor_id"),
    subjectId: uuid("subject_id"),
    ip: text("ip"),
    browser: text("browser"),
    requestId: text("request_id"),
    details: jsonb("details").$type<Record<string, string>>(),
  },
  (t) => [index("audit_event_subject").on(t.subjectId, t.id), index("audit_event_actor").on(t.actorId, t.id)],
);
