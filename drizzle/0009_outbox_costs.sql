ALTER TABLE "message" DROP CONSTRAINT "message_state_reason";--> statement-breakpoint
ALTER TABLE "message" DROP CONSTRAINT "message_lease";--> statement-breakpoint
ALTER TABLE "message" DROP CONSTRAINT "message_ended_at";--> statement-breakpoint
ALTER TABLE "attempt" DROP CONSTRAINT "attempt_message_id_message_id_fk";
--> statement-breakpoint
CREATE INDEX "message_recipient" ON "message" USING btree (coalesce("recipient", "requested_email")) WHERE "message"."recipient" is not null or "message"."ended_at" is not null;--> statement-breakpoint
ALTER TABLE "message" ADD CONSTRAINT "message_state" CHECK (case "message"."state"
        when 'queued' then "message"."reason" is null and "message"."lease_id" is null and "message"."ended_at" is null
        when 'sending' then "message"."reason" is null and "message"."lease_id" is not null and "message"."ended_at" is null
        when 'sent' then "message"."reason" is null and "message"."lease_id" is null and "message"."ended_at" is not null
        when 'failed' then "message"."reason" in ('rejected', 'expired', 'unconfirmed', 'render_error', 'key_retired', 'crashed', 'unrecordable') and "message"."lease_id" is null and "message"."ended_at" is not null
        when 'dropped' then "message"."reason" in ('no_account', 'account_disabled', 'superseded', 'rate_limited', 'suppressed', 'revoked', 'cancelled') and "message"."lease_id" is null and "message"."ended_at" is not null
        else false end);
--> statement-breakpoint
-- An email leaves two dead rows of its message behind. By default they are taken away when they are a fifth of the table,
-- which at ten million messages is after a million emails; at a twentieth their room is used again four times as soon.
-- Less would read all indexes of a long history too often, because each vacuum reads them whole.
ALTER TABLE "message" SET (autovacuum_vacuum_scale_factor = 0.05, autovacuum_vacuum_insert_scale_factor = 0.05, autovacuum_analyze_scale_factor = 0.05);--> statement-breakpoint
-- Room in each page for the end of an attempt, which then changes no index.
ALTER TABLE "attempt" SET (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.05, autovacuum_vacuum_insert_scale_factor = 0.05);
