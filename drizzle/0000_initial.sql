CREATE TABLE "attempt" (
	"message_id" uuid NOT NULL,
	"number" smallint NOT NULL,
	"lease_id" uuid NOT NULL,
	"courier_id" uuid NOT NULL,
	"started_at" timestamp with time zone DEFAULT now() NOT NULL,
	"ended_at" timestamp with time zone,
	"outcome" text,
	"phase" text,
	"code" smallint,
	"reply" text,
	CONSTRAINT "attempt_message_id_number_pk" PRIMARY KEY("message_id","number")
);
--> statement-breakpoint
CREATE TABLE "audit_event" (
	"id" uuid PRIMARY KEY NOT NULL,
	"at" timestamp with time zone DEFAULT now() NOT NULL,
	"action" text NOT NULL,
	"actor_id" uuid,
	"subject_id" uuid,
	"ip" text,
	"browser" text,
	"request_id" text,
	"details" jsonb
);
--> statement-breakpoint
CREATE TABLE "courier" (
	"id" uuid PRIMARY KEY NOT NULL,
	"host" text NOT NULL,
	"pid" integer NOT NULL,
	"started_at" timestamp with time zone DEFAULT now() NOT NULL,
	"seen_at" timestamp with time zone DEFAULT now() NOT NULL,
	"breaker" text DEFAULT 'closed' NOT NULL,
	"until" timestamp with time zone,
	"last_reply" text
);
--> statement-breakpoint
CREATE TABLE "login_throttle" (
	"key" text PRIMARY KEY NOT NULL,
	"points" integer NOT NULL,
	"expire" timestamp with time zone
);
--> statement-breakpoint
CREATE TABLE "mail_control" (
	"singleton" boolean PRIMARY KEY DEFAULT true NOT NULL,
	"paused_at" timestamp with time zone,
	"paused_by" text,
	CONSTRAINT "mail_control_singleton" CHECK ("mail_control"."singleton")
);
--> statement-breakpoint
CREATE TABLE "message" (
	"id" uuid PRIMARY KEY NOT NULL,
	"kind" text NOT NULL,
	"lane" smallint NOT NULL,
	"state" text DEFAULT 'queued' NOT NULL,
	"reason" text,
	"request_id" text,
	"requested_email" text,
	"user_id" uuid,
	"locale_hint" text,
	"client_ip" text,
	"client_browser" text,
	"props" jsonb,
	"retry_of" uuid,
	"recipient" text,
	"recipient_name" text,
	"locale" text,
	"mailer_version" integer,
	"key_id" text,
	"dated_at" timestamp with time zone,
	"link_expires_at" timestamp with time zone,
	"attempts" smallint DEFAULT 0 NOT NULL,
	"tries" smallint DEFAULT 0 NOT NULL,
	"unknowns" smallint DEFAULT 0 NOT NULL,
	"render_errors" smallint DEFAULT 0 NOT NULL,
	"orphaned" boolean DEFAULT false NOT NULL,
	"due_at" timestamp with time zone DEFAULT now() NOT NULL,
	"expires_at" timestamp with time zone NOT NULL,
	"lease_id" uuid,
	"lease_expires_at" timestamp with time zone,
	"courier_id" uuid,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"ended_at" timestamp with time zone,
	CONSTRAINT "message_state_reason" CHECK (case "message"."state"
        when 'failed' then "message"."reason" in ('rejected', 'expired', 'unconfirmed', 'render_error', 'key_retired')
        when 'dropped' then "message"."reason" in ('no_account', 'account_disabled', 'superseded', 'rate_limited', 'suppressed', 'revoked', 'cancelled')
        else "message"."reason" is null end),
	CONSTRAINT "message_lease" CHECK (("message"."state" = 'sending') = ("message"."lease_id" is not null)),
	CONSTRAINT "message_ended_at" CHECK (("message"."state" in ('sent', 'failed', 'dropped')) = ("message"."ended_at" is not null))
);
--> statement-breakpoint
CREATE TABLE "one_time_token" (
	"message_id" uuid PRIMARY KEY NOT NULL,
	"digest" "bytea" NOT NULL,
	"purpose" text NOT NULL,
	"user_id" uuid NOT NULL,
	"sent_to" text NOT NULL,
	"key_id" text NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"expires_at" timestamp with time zone NOT NULL,
	"consumed_at" timestamp with time zone,
	"revoked_at" timestamp with time zone
);
--> statement-breakpoint
CREATE TABLE "refresh_token" (
	"digest" "bytea" PRIMARY KEY NOT NULL,
	"session_id" uuid NOT NULL,
	"rotation" integer NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"spent_at" timestamp with time zone
);
--> statement-breakpoint
CREATE TABLE "session" (
	"id" uuid PRIMARY KEY NOT NULL,
	"user_id" uuid NOT NULL,
	"ip" text,
	"browser" text,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"used_at" timestamp with time zone DEFAULT now() NOT NULL,
	"expires_at" timestamp with time zone NOT NULL,
	"revoked_at" timestamp with time zone,
	"revoked_for" text
);
--> statement-breakpoint
CREATE TABLE "suppression" (
	"email" text PRIMARY KEY NOT NULL,
	"note" text,
	"created_by" text NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL
);
--> statement-breakpoint
CREATE TABLE "user" (
	"id" uuid PRIMARY KEY NOT NULL,
	"email" text NOT NULL,
	"username" text NOT NULL,
	"name" text NOT NULL,
	"dept" text NOT NULL,
	"avatar" text,
	"bio" text,
	"currency" text DEFAULT 'USD' NOT NULL,
	"password_hash" text,
	"locale" text,
	"email_verified_at" timestamp with time zone,
	"requested_email" text,
	"pending_username" text,
	"disabled_at" timestamp with time zone,
	"credentials_changed_at" timestamp with time zone DEFAULT now() NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "user_email_unique" UNIQUE("email"),
	CONSTRAINT "user_username_unique" UNIQUE("username")
);
--> statement-breakpoint
ALTER TABLE "attempt" ADD CONSTRAINT "attempt_message_id_message_id_fk" FOREIGN KEY ("message_id") REFERENCES "message"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "one_time_token" ADD CONSTRAINT "one_time_token_user_id_user_id_fk" FOREIGN KEY ("user_id") REFERENCES "user"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "refresh_token" ADD CONSTRAINT "refresh_token_session_id_session_id_fk" FOREIGN KEY ("session_id") REFERENCES "session"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "session" ADD CONSTRAINT "session_user_id_user_id_fk" FOREIGN KEY ("user_id") REFERENCES "user"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "audit_event_subject" ON "audit_event" USING btree ("subject_id","id");--> statement-breakpoint
CREATE INDEX "audit_event_actor" ON "audit_event" USING btree ("actor_id","id");--> statement-breakpoint
CREATE INDEX "message_due" ON "message" USING btree ("lane","due_at") WHERE "message"."state" = 'queued';--> statement-breakpoint
CREATE INDEX "message_expiring" ON "message" USING btree ("expires_at") WHERE "message"."state" = 'queued';--> statement-breakpoint
CREATE INDEX "message_orphaned" ON "message" USING btree ("lane","due_at") WHERE "message"."orphaned" and "message"."state" = 'queued';--> statement-breakpoint
CREATE INDEX "message_leased" ON "message" USING btree ("lease_expires_at") WHERE "message"."state" = 'sending';--> statement-breakpoint
CREATE INDEX "message_user" ON "message" USING btree ("user_id","kind","id") WHERE "message"."user_id" is not null;--> statement-breakpoint
CREATE INDEX "message_requested" ON "message" USING btree ("requested_email","kind") WHERE "message"."state" = 'queued';--> statement-breakpoint
CREATE INDEX "message_forgettable" ON "message" USING btree ("ended_at") WHERE "message"."reason" = 'no_account' and "message"."requested_email" is not null;--> statement-breakpoint
CREATE INDEX "message_ended" ON "message" USING btree ("ended_at") WHERE "message"."ended_at" is not null;--> statement-breakpoint
CREATE UNIQUE INDEX "one_time_token_digest" ON "one_time_token" USING btree ("digest");--> statement-breakpoint
CREATE INDEX "one_time_token_user" ON "one_time_token" USING btree ("user_id");--> statement-breakpoint
CREATE INDEX "refresh_token_session" ON "refresh_token" USING btree ("session_id");--> statement-breakpoint
CREATE INDEX "session_user" ON "session" USING btree ("user_id");--> statement-breakpoint
CREATE INDEX "user_superusers" ON "user" USING btree ("dept") WHERE "user"."dept" = 'management';--> statement-breakpoint
-- The audit is append-only for every role that may write it.
CREATE FUNCTION audit_event_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'audit_event is append-only';
END $$;
--> statement-breakpoint
CREATE TRIGGER audit_event_append_only BEFORE UPDATE OR DELETE ON audit_event
  FOR EACH ROW EXECUTE FUNCTION audit_event_refuse();
--> statement-breakpoint
CREATE TRIGGER audit_event_no_truncate BEFORE TRUNCATE ON audit_event
  FOR EACH STATEMENT EXECUTE FUNCTION audit_event_refuse();
--> statement-breakpoint
-- The one row of the table: the queries rely on it.
INSERT INTO mail_control (singleton) VALUES (true);
