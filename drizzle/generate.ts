/**
 * `bun run migrations [--name what_changes]`: writes the migration that `src/db/schema.ts` asks for.
 *
 * drizzle-kit writes the schema `public` into foreign keys. It is removed, because the tables live in `DATABASE_SCHEMA`,
 * which is the `search_path` while a migration runs.
 */
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { offlineStatements } from "./online.ts";

const folder = import.meta.dirname;
const root = join(folder, "..");

const generate = Bun.spawn(
  ["bun", "x", "drizzle-kit", "generate", "--config", "drizzle/drizzle.config.ts", ...process.argv.slice(2)],
  { cwd: root, stdin: "inherit", stdout: "inherit", stderr: "inherit" },
);
process.exitCode = await generate.exited;

for (const name of await readdir(folder)) {
  if (!name.endsWith(".sql")) continue;
  const path = join(folder, name);
  const sql = await Bun.file(path).text();
  if (sql.includes('"public".')) await Bun.write(path, sql.replaceAll('"public".', ""));
  for (const fault of offlineStatements(name.replace(".sql", ""), sql))
    process.stderr.write(`drizzle/${name}: ${fault}\n`);
}
