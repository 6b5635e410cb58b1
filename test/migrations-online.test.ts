/** `drizzle/online.ts`: which statements a migration may have while the version before it serves requests. */
import { expect, test } from "bun:test";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { offlineStatements } from "../drizzle/online.ts";
import { migrationsFolder } from "../src/db/migrate.ts";

test("no migration of dundie breaks a process of the version before it", async () => {
  for (const file of await readdir(migrationsFolder)) {
    if (!file.endsWith(".sql")) continue;
    const sql = await Bun.file(join(migrationsFolder, file)).text();
    expect([file, offlineStatements(file.replace(".sql", ""), sql)]).toEqual([file, []]);
  }
});

// PostgreSQL documentation, ALTER TABLE, "Notes": which forms rewrite or read the table, and which lock they take.
test.each([
  'ALTER TABLE "message" DROP COLUMN "lane";',
  'ALTER TABLE "message" DROP COLUMN IF EXISTS "lane" CASCADE;',
  'ALTER TABLE "message" DROP "lane";',
  'ALTER TABLE "user" ADD COLUMN "a" text, DROP COLUMN "b";',
  'DROP TABLE "relay";',
  'DROP TABLE IF EXISTS "relay" CASCADE;',
  'TRUNCATE "login_throttle";',
  'ALTER TABLE "message" RENAME COLUMN "lane" TO "priority";',
  'ALTER TABLE "message" RENAME TO "email";',
  'ALTER TABLE "message" ALTER COLUMN "attempts" SET DATA TYPE integer;',
  'ALTER TABLE "message" ALTER COLUMN "attempts" TYPE bigint USING attempts::bigint;',
  'ALTER TABLE "user" ALTER COLUMN "name" SET NOT NULL;',
  'ALTER TABLE "user" ALTER COLUMN "state" DROP DEFAULT;',
  'ALTER TABLE "user" ADD COLUMN "phone" text NOT NULL;',
  `ALTER TABLE "message" ADD COLUMN "ordinal" bigint DEFAULT nextval('ordinal') NOT NULL;`,
  'ALTER TABLE "message" ADD COLUMN "key" uuid DEFAULT gen_random_uuid();',
  'ALTER TABLE "message" ADD COLUMN "n" bigserial;',
  'ALTER TABLE "message" ADD COLUMN "n" integer GENERATED ALWAYS AS (attempts + 1) STORED;',
  'ALTER TABLE "message" ADD CONSTRAINT "c" CHECK ("attempts" < 9);',
  'ALTER TABLE "session" ADD CONSTRAINT "f" FOREIGN KEY ("user_id") REFERENCES "user"("id");',
  'CREATE UNIQUE INDEX "one_name" ON "user" USING btree ("name");',
  'CREATE INDEX "message_due" ON "message" USING btree ("due_at") WHERE "state" = \'queued\';',
  'UPDATE "user" SET "name" = trim("name");',
  'DELETE FROM "session";',
  '-- A word of explanation.\nALTER TABLE\n  "message"\n  DROP COLUMN "lane";',
  'CREATE TABLE "other" ("id" uuid);--> statement-breakpoint\nALTER TABLE "message" DROP COLUMN "lane";',
])("refused: %s", (sql) => {
  expect(offlineStatements("9999_next", sql)).toHaveLength(1);
});

test.each([
  'CREATE TABLE "limit" ("key" text PRIMARY KEY NOT NULL, CONSTRAINT "c" CHECK (true));',
  'CREATE TABLE "limit" ("key" text);--> statement-breakpoint\nCREATE UNIQUE INDEX "i" ON "limit" ("key");',
  'CREATE TABLE "limit" ("u" uuid);--> statement-breakpoint\nALTER TABLE "limit" ADD CONSTRAINT "f" FOREIGN KEY ("u") REFERENCES "user"("id");',
  'ALTER TABLE "courier" ADD COLUMN "recent_attempts" integer DEFAULT 0 NOT NULL;',
  'ALTER TABLE "user" ADD COLUMN "superuser" boolean DEFAULT false NOT NULL;',
  'ALTER TABLE "user" ADD COLUMN "made_at" timestamp with time zone DEFAULT now() NOT NULL;',
  'ALTER TABLE "user" ADD COLUMN "phone" text;',
  'ALTER TABLE "user" ALTER COLUMN "phone" SET DEFAULT \'none\';',
  'ALTER TABLE "user" ALTER COLUMN "phone" DROP NOT NULL;',
  'ALTER TABLE "message" DROP CONSTRAINT "message_state_reason";',
  'DROP INDEX "message_user";',
  'CREATE SEQUENCE "ordinal";',
  '-- DROP TABLE "relay" comes later.\nALTER TABLE "user" ADD COLUMN "phone" text;',
])("allowed: %s", (sql) => {
  expect(offlineStatements("9999_next", sql)).toEqual([]);
});
