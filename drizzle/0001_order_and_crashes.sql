CREATE SEQUENCE "ordinal" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1;--> statement-breakpoint
ALTER TABLE "message" DROP CONSTRAINT "message_state_reason";--> statement-breakpoint
DROP INDEX "message_user";--> statement-breakpoint
ALTER TABLE "attempt" ALTER COLUMN "number" SET DATA TYPE integer;--> statement-breakpoint
ALTER TABLE "message" ALTER COLUMN "attempts" SET DATA TYPE integer;--> statement-breakpoint
ALTER TABLE "message" ALTER COLUMN "tries" SET DATA TYPE integer;--> statement-breakpoint
ALTER TABLE "message" ALTER COLUMN "unknowns" SET DATA TYPE integer;--> statement-breakpoint
ALTER TABLE "message" ALTER COLUMN "render_errors" SET DATA TYPE integer;--> statement-breakpoint
-- Accounts first: what is queued was requested after the last change of credentials, but for what the times say.
ALTER TABLE "user" ADD COLUMN "credentials_ordinal" bigint DEFAULT nextval('ordinal') NOT NULL;--> statement-breakpoint
ALTER TABLE "message" ADD COLUMN "ordinal" bigint DEFAULT nextval('ordinal') NOT NULL;--> statement-breakpoint
ALTER TABLE "message" ADD COLUMN "crashes" integer DEFAULT 0 NOT NULL;--> statement-breakpoint
CREATE INDEX "message_charged" ON "message" USING btree ("user_id","kind","ended_at") WHERE "message"."state" = 'sent' or "message"."unknowns" > 0;--> statement-breakpoint
CREATE INDEX "message_user" ON "message" USING btree ("user_id","kind","ended_at") WHERE "message"."user_id" is not null;--> statement-breakpoint
UPDATE "message" m SET "ordinal" = 0 FROM "user" u
  WHERE m."state" IN ('queued', 'sending') AND m."created_at" < u."credentials_changed_at"
    AND (m."user_id" = u."id" OR m."user_id" IS NULL AND m."requested_email" = u."email");--> statement-breakpoint
ALTER TABLE "user" DROP COLUMN "credentials_changed_at";--> statement-breakpoint
ALTER TABLE "message" ADD CONSTRAINT "message_state_reason" CHECK (case "message"."state"
        when 'failed' then "message"."reason" in ('rejected', 'expired', 'unconfirmed', 'render_error', 'key_retired', 'crashed', 'unrecordable')
        when 'dropped' then "message"."reason" in ('no_account', 'account_disabled', 'superseded', 'rate_limited', 'suppressed', 'revoked', 'cancelled')
        else "message"."reason" is null end);