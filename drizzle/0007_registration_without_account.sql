DROP INDEX "message_forgettable";--> statement-breakpoint
ALTER TABLE "one_time_token" ALTER COLUMN "user_id" DROP NOT NULL;--> statement-breakpoint
ALTER TABLE "user" drop column "state";--> statement-breakpoint
ALTER TABLE "user" ADD COLUMN "state" text GENERATED ALWAYS AS (case
      when disabled_at is not null and frozen_at is not null then 'frozen'
      when disabled_at is not null then 'disabled'
      when password_hash is null then 'invited'
      when email_verified_at is null then 'unverified'
      else 'active' end) STORED NOT NULL;--> statement-breakpoint
ALTER TABLE "one_time_token" ADD COLUMN "mailbox" text;--> statement-breakpoint
CREATE INDEX "one_time_token_registration" ON "one_time_token" USING btree ("sent_to") WHERE "one_time_token"."purpose" = 'registration';--> statement-breakpoint
CREATE INDEX "one_time_token_mailbox" ON "one_time_token" USING btree ("mailbox","created_at") WHERE "one_time_token"."mailbox" is not null;--> statement-breakpoint
CREATE INDEX "message_forgettable" ON "message" USING btree ("ended_at") WHERE "message"."ended_at" is not null and "message"."user_id" is null and "message"."requested_email" is not null;--> statement-breakpoint
-- Registrations that nobody has completed: their addresses can be registered again.
DELETE FROM "user" WHERE "pending_username" IS NOT NULL;--> statement-breakpoint
ALTER TABLE "user" DROP COLUMN "pending_username";--> statement-breakpoint
-- It went with the column that is made anew above.
CREATE INDEX "user_state" ON "user" USING btree ("state","username");--> statement-breakpoint
-- Only http and https are stored from now on.
UPDATE "user" SET "avatar" = NULL WHERE "avatar" !~* '^https?://';