DROP INDEX "message_user";--> statement-breakpoint
CREATE INDEX "message_user" ON "message" USING btree ("user_id","kind","id") WHERE "message"."user_id" is not null;