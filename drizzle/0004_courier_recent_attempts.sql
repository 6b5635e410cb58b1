ALTER TABLE "courier" ADD COLUMN "recent_attempts" integer DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE "courier" ADD COLUMN "recent_deferred" integer DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE "courier" ADD COLUMN "last_deferral" text;