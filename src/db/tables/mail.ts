/** The outbox and what its couriers share. */
import type { Address } from "../../addresses.ts";
import { sql } from "drizzle-orm";
import { boolean, check, index, integer, jsonb, pgTable, primaryKey, smallint, text, uuid } from "drizzle-orm/pg-core";
import {
  ATTEMPT_OUTCOMES,
  BREAKER_STATES,
  DROP_REASONS,
  FAIL_REASONS,
  MESSAGE_STATES,
  REASONS,
  SMTP_PHASES,
} from "../states.ts";
import { listOf, moment, ordinal } from "./columns.ts";

/** The outbox: one mail to one recipient. Only `mail/transitions/` writes `state`. */
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
    /** The span of the request (W3C Trace Context §3.2) when it is traced: the attempts continue it. */
    traceparent: text("traceparent"),
    /** The address as asked for, normalised; null when `userId` says whom it is for. */
    requestedEmail: text("requested_email").$type<Address>(),
    /** No foreign key: the audit outlives the account. */
    userId: uuid("user_id"),
    localeHint: text("locale_hint"),
    clientIp: text("client_ip"),
    clientBrowser: text("client_browser"),
    /** What only this kind needs, as its mailer defines it; never a secret. */
    props: jsonb("props").$type<Record<string, string>>(),
    retryOf: uuid("retry_of"),

    /** Pinned at the first prepare: copies of one message are the same email. */
    recipient: text("recipient").$type<Address>(),
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
    /**
     * Set when a courier stopped while it prepared, rendered or handed over this message. The next courier prepares and
     * hands it over with nothing else in that moment, so that a message that crashes the courier cannot affect others.
     */
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
    // Anonymous requests have no `user_id` until they are prepared, so accepting one adds nothing to this index. Rows
    // with `ended_at` null are queued or being sent.
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
      .where(sql`${t.endedAt} is not null and ${t.userId} is null and ${t.requestedEmail} is not null`),
    index("message_ended")
      .on(t.endedAt)
      .where(sql`${t.endedAt} is not null`),
    // To whom a message went or goes, once that is fixed; the other queued ones are in `message_requested`.
    index("message_recipient")
      .on(sql`coalesce(${t.recipient}, ${t.requestedEmail})`)
      .where(sql`${t.recipient} is not null or ${t.endedAt} is not null`),
    // One constraint, because each costs every write of a row; a lease is held exactly while "sending".
    check(
      "message_state",
      sql`case ${t.state}
        when 'queued' then ${t.reason} is null and ${t.leaseId} is null and ${t.endedAt} is null
        when 'sending' then ${t.reason} is null and ${t.leaseId} is not null and ${t.endedAt} is null
        when 'sent' then ${t.reason} is null and ${t.leaseId} is null and ${t.endedAt} is not null
        when 'failed' then ${t.reason} in (${listOf(FAIL_REASONS)}) and ${t.leaseId} is null and ${t.endedAt} is not null
        when 'dropped' then ${t.reason} in (${listOf(DROP_REASONS)}) and ${t.leaseId} is null and ${t.endedAt} is not null
        else false end`,
    ),
  ],
);

/** One numbered try. A row without an end belongs to a lease that is running, or to a courier that died. */
export const attempt = pgTable(
  "attempt",
  {
    /** No foreign key, whose check would cost each attempt a look-up: it is inserted under its message's lock, and purged with it. */
    messageId: uuid("message_id").notNull(),
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

export const suppression = pgTable("suppression", {
  email: text("email").$type<Address>().primaryKey(),
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
