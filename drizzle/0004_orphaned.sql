ALTER TABLE "message" RENAME COLUMN "suspect" TO "orphaned";--> statement-breakpoint
ALTER INDEX "message_suspect" RENAME TO "message_orphaned";--> statement-breakpoint
UPDATE "message" SET "kind" = CASE "kind" WHEN 'email_changing' THEN 'email_change_notice' WHEN 'email_change' THEN 'email_change_confirmation' ELSE 'registration_duplicate' END WHERE "kind" IN ('email_changing', 'email_change', 'registration_known');
