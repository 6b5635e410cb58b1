DROP INDEX "user_superusers";--> statement-breakpoint
ALTER TABLE "user" ADD COLUMN "superuser" boolean DEFAULT false NOT NULL;--> statement-breakpoint
ALTER TABLE "user" ADD COLUMN "frozen_at" timestamp with time zone;--> statement-breakpoint
ALTER TABLE "user" ADD COLUMN "last_login_at" timestamp with time zone;--> statement-breakpoint
UPDATE "user" SET "superuser" = true WHERE "dept" = 'management';--> statement-breakpoint
-- A freeze removes the password, and nothing else removes it from an account that has one.
UPDATE "user" u SET "frozen_at" = "disabled_at" WHERE "disabled_at" IS NOT NULL AND "password_hash" IS NULL
  AND EXISTS (SELECT FROM "audit_event" a WHERE a."subject_id" = u."id" AND a."action" = 'account_frozen');--> statement-breakpoint
UPDATE "user" u SET "last_login_at" = s."at"
  FROM (SELECT "user_id", max("created_at") AS "at" FROM "session" GROUP BY "user_id") s WHERE s."user_id" = u."id";--> statement-breakpoint
-- All runs of three characters of a text: a text holds another one only if it has all of the other one's.
CREATE FUNCTION "trigrams"(t text) RETURNS text[] LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
  SELECT coalesce(array_agg(DISTINCT substr(t, i, 3)), '{}') FROM generate_series(1, length(t) - 2) i
$$;--> statement-breakpoint
ALTER TABLE "user" ADD COLUMN "state" text GENERATED ALWAYS AS (case
      when disabled_at is not null and frozen_at is not null then 'frozen'
      when disabled_at is not null then 'disabled'
      when pending_username is not null then 'pending'
      when password_hash is null then 'invited'
      when email_verified_at is null then 'unverified'
      else 'active' end) STORED NOT NULL;--> statement-breakpoint
ALTER TABLE "user" ADD COLUMN "search_text" text GENERATED ALWAYS AS (lower(username || ' ' || email || ' ' || name)) STORED NOT NULL;--> statement-breakpoint
CREATE INDEX "user_search" ON "user" USING gin (trigrams("search_text"));--> statement-breakpoint
CREATE INDEX "user_state" ON "user" USING btree ("state","username");--> statement-breakpoint
CREATE INDEX "user_dept" ON "user" USING btree ("dept","username");--> statement-breakpoint
CREATE INDEX "user_superusers" ON "user" USING btree ("id") WHERE "user"."superuser";