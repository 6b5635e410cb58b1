/**
 * Every table, on one page. Migrations are generated from here (`bun run migrations`).
 *
 * Times are `timestamptz`; SQL writes them with `now()`. A `state` is never called a status: status is HTTP's.
 */
import { sql } from "drizzle-orm";
import {
  bigint,
  boolean,
  check,
  customType,
  index,
  integer,
  jsonb,
  pgSequence,
  pgTable,
  primaryKey,
  smallint,
  text,
  timestamp,
  uniqueIndex,
  uuid,
} from "drizzle-orm/pg-core";
import {
  ATTEMPT_OUTCOMES,
  BREAKER_STATES,
  DROP_REASONS,
  FAIL_REASONS,
  MESSAGE_STATES,
  REASONS,
  SMTP_PHASES,
} from "./states.ts";

const bytes = customType<{ data: Uint8Array; driverData: Uint8Array }>({ dataType: () => "bytea" });
const moment = (name: string) => timestamp(name, { withTimezone: true, mode: "date" });
/** A list of ours as SQL: the words hold no quotes. */
const listOf = (words: readonly string[]) => sql.raw(words.map((word) => `'${word}'`).join(", "));

/**
 * Numbers messages and changes of credentials in the order in which they happen. Clocks are set back, and those of two
 * machines differ: what came before what is decided by these numbers and never by comparing times.
 */
export const ordinals = pgSequence("ordinal");
/** The next number. Take it under the lock of the row that it is for. */
export const nextOrdinal = sql`nextval('ordinal')`;
const ordinal = (name: string) => bigint(name, { mode: "number" }).notNull().default(nextOrdinal);

export const user = pgTable(
  "user",
  {
    id: uuid("id").primaryKey(),
    /** Normalised by `accounts/addresses.ts`; mail goes to this form. */
    email: text("email").notNull().unique(),
    /** The slug: the canonical form is the only form. */
    username: text("username").notNull().unique(),
    name: text("name").notNull(),
    dept: text("dept").notNull(),
    avatar: text("avatar"),
    bio: text("bio"),
    currency: text("currency").notNull().default("USD"),
    /** argon2id in PHC form; null for an invited account whose owner has not set one. */
    passwordHash: text("password_hash"),
    /** Null: not chosen; the request's Accept-Language decides. */
    locale: text("locale"),
    emailVerifiedAt: moment("email_verified_at"),
    /** The address that a change was last asked for: the link that went there, and no earlier one, brings it about. */
    requestedEmail: text("requested_email"),
    /**
     * Not null: registered, and the address is not proved yet. Such an account cannot log in, is not listed and keeps no
     * address or username from others. It takes this username when the address is proved; until then its id is its username.
     */
    pendingUsername: text("pending_username"),
    disabledAt: moment("disabled_at"),
    /** Moves on with the password, the address and the state: links of messages with a smaller `ordinal` are dead. */
    credentialsOrdinal: ordinal("credentials_ordinal"),
    createdAt: moment("created_at").notNull().defaultNow(),
  },
  (t) => [
    index("user_superusers")
      .on(t.dept)
      .where(sql`${t.dept} = 'management'`),
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
    userId: uuid("user_id")
      .notNull()
      .references(() => user.id, { onDelete: "cascade" }),
    sentTo: text("sent_to").notNull(),
    keyId: text("key_id").notNull(),
    createdAt: moment("created_at").notNull().defaultNow(),
    expiresAt: moment("expires_at").notNull(),
    consumedAt: moment("consumed_at"),
    revokedAt: moment("revoked_at"),
  },
  (t) => [uniqueIndex("one_time_token_digest").on(t.digest), index("one_time_token_user").on(t.userId)],
);

/** The outbox: one mail to one recipient. Only `mail/transitions.ts` writes `state`. */
export const message = pgTable(
  "message",
  {
    /** UUIDv7 made by the accepting process: its time part is when the request was read, by the clock of that process. */
    id: uuid("id").primaryKey(),
    /** Its place among all messages and changes of credentials. */
    ordinal: ordinal("ordinal"),
    kind: text("kind").notNull(),
    /** 0 security, 1 account, 2 bulk: see `mail/kinds.ts`. */
    lane: smallint("lane").notNull(),
    state: text("state", { enum: MESSAGE_STATES }).notNull().default("queued"),
    reason: text("reason", { enum: REASONS }),
    requestId: text("request_id"),
    /** The address as asked for, normalised; null when `userId` says whom it is for. */
    requestedEmail: text("requested_email"),
    /** No foreign key: the audit outlives the account. */
    userId: uuid("user_id"),
    localeHint: text("locale_hint"),
    clientIp: text("client_ip"),
    clientBrowser: text("client_browser"),
    /** What only this kind needs, as its mailer defines it; never a secret. */
    props: jsonb("props").$type<Record<string, string>>(),
    retryOf: uuid("retry_of"),

    /** Pinned at the first prepare: copies of one message are the same email. */
    recipient: text("recipient"),
    recipientName: text("recipient_name"),
    locale: text("locale"),
    mailerVersion: integer("mailer_version"),
    keyId: text("key_id"),
    /** The `Date` header and the link's end: moved by a later attempt only while no copy can be out. */
    datedAt: moment("dated_at"),
    linkExpiresAt: moment("link_expires_at"),

    /** Attempt rows written, which numbers them. */
    attempts: integer("attempts").notNull().default(0),
    /** Attempts that count for backoff: neither `released` nor `transport_down`. */
    tries: integer("tries").notNull().default(0),
    unknowns: integer("unknowns").notNull().default(0),
    renderErrors: integer("render_errors").notNull().default(0),
    /** Couriers that stopped while they prepared, rendered or handed over this message. */
    crashes: integer("crashes").notNull().default(0),
    /** Set when a courier stopped while it held this message. Orphaned messages are sent with nothing else in flight, so
     * that a message that crashes the courier cannot affect others. */
    orphaned: boolean("orphaned").notNull().default(false),

    dueAt: moment("due_at").notNull().defaultNow(),
    /** The message's lifetime: after it no attempt starts. */
    expiresAt: moment("expires_at").notNull(),
    leaseId: uuid("lease_id"),
    leaseExpiresAt: moment("lease_expires_at"),
    courierId: uuid("courier_id"),
    createdAt: moment("created_at").notNull().defaultNow(),
    endedAt: moment("ended_at"),
  },
  (t) => [
    index("message_due")
      .on(t.lane, t.dueAt)
      .where(sql`${t.state} = 'queued'`),
    index("message_expiring")
      .on(t.expiresAt)
      .where(sql`${t.state} = 'queued'`),
    index("message_orphaned")
      .on(t.lane, t.dueAt)
      .where(sql`${t.orphaned} and ${t.state} = 'queued'`),
    index("message_leased")
      .on(t.leaseExpiresAt)
      .where(sql`${t.state} = 'sending'`),
    // An anonymous request has no account before it is prepared, and none to be entered here when it is accepted.
    // Without an end are those that are queued or being sent.
    index("message_user")
      .on(t.userId, t.kind, t.endedAt)
      .where(sql`${t.userId} is not null`),
    // What an account was sent, or may have been: few, however many of its messages were dropped.
    index("message_charged")
      .on(t.userId, t.kind, t.endedAt)
      .where(sql`${t.state} = 'sent' or ${t.unknowns} > 0`),
    index("message_requested")
      .on(t.requestedEmail, t.kind)
      .where(sql`${t.state} = 'queued'`),
    // Addresses without an account, to be forgotten after a day.
    index("message_forgettable")
      .on(t.endedAt)
      .where(sql`${t.reason} = 'no_account' and ${t.requestedEmail} is not null`),
    index("message_ended")
      .on(t.endedAt)
      .where(sql`${t.endedAt} is not null`),
    check(
      "message_state_reason",
      sql`case ${t.state}
        when 'failed' then ${t.reason} in (${listOf(FAIL_REASONS)})
        when 'dropped' then ${t.reason} in (${listOf(DROP_REASONS)})
        else ${t.reason} is null end`,
    ),
    check("message_lease", sql`(${t.state} = 'sending') = (${t.leaseId} is not null)`),
    check("message_ended_at", sql`(${t.state} in ('sent', 'failed', 'dropped')) = (${t.endedAt} is not null)`),
  ],
);

/** One numbered try. A row without an end belongs to a lease that is running, or to a courier that died. */
export const attempt = pgTable(
  "attempt",
  {
    messageId: uuid("message_id")
      .notNull()
      .references(() => message.id, { onDelete: "cascade" }),
    number: integer("number").notNull(),
    leaseId: uuid("lease_id").notNull(),
    courierId: uuid("courier_id").notNull(),
    startedAt: moment("started_at").notNull().defaultNow(),
    endedAt: moment("ended_at"),
    outcome: text("outcome", { enum: ATTEMPT_OUTCOMES }),
    /**
     * Where the SMTP conversation ended. Without an end: what the courier was last seen to wait for; null while it
     * prepares, renders or hands over.
     */
    phase: text("phase", { enum: SMTP_PHASES }),
    code: smallint("code"),
    /** The server's words: at most 500 characters, without controls, links or anything like a token. */
    reply: text("reply"),
  },
  (t) => [primaryKey({ columns: [t.messageId, t.number] })],
);

/** Wrong passwords, counted by `accounts/login-throttle.ts`; keys are digests. */
export const loginThrottle = pgTable("login_throttle", {
  key: text("key").primaryKey(),
  points: integer("points").notNull(),
  expire: moment("expire"),
});

export const suppression = pgTable("suppression", {
  email: text("email").primaryKey(),
  note: text("note"),
  createdBy: text("created_by").notNull(),
  createdAt: moment("created_at").notNull().defaultNow(),
});

/** One row a running courier: what an operator asks first during an outage. */
export const courier = pgTable("courier", {
  id: uuid("id").primaryKey(),
  host: text("host").notNull(),
  pid: integer("pid").notNull(),
  startedAt: moment("started_at").notNull().defaultNow(),
  seenAt: moment("seen_at").notNull().defaultNow(),
  breaker: text("breaker", { enum: BREAKER_STATES }).notNull().default("closed"),
  until: moment("until"),
  lastReply: text("last_reply"),
  /** Attempts of the last minutes, and those of them that the SMTP server deferred: `mail/operations/condition.ts`. */
  recentAttempts: integer("recent_attempts").notNull().default(0),
  recentDeferred: integer("recent_deferred").notNull().default(0),
  lastDeferral: text("last_deferral"),
});

/** The settings under which an SMTP server has accepted an email: see `mail/courier/relay-record.ts`. */
export const relay = pgTable("relay", {
  /** A digest. */
  settings: text("settings").primaryKey(),
  acceptedAt: moment("accepted_at").notNull().defaultNow(),
});

/** One row: the switch that stops every courier from claiming. */
export const mailControl = pgTable(
  "mail_control",
  {
    singleton: boolean("singleton").primaryKey().default(true),
    pausedAt: moment("paused_at"),
    pausedBy: text("paused_by"),
  },
  (t) => [check("mail_control_singleton", sql`${t.singleton}`)],
);

/** Append-only (a trigger refuses update and delete): who did what to whom, from where. */
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
