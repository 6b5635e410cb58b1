/**
 * `bun run check:migrations`: fails when `src/db/schema.ts` has moved on without a migration, when a migration names the
 * schema `public`, in which the tables are not, and when it would break processes of the version before it.
 */
import { cp, mkdtemp, readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { offlineStatements } from "./online.ts";

const root = join(import.meta.dirname, "..");
// Inside the checkout: drizzle-kit takes a folder relative to where it runs.
const copy = await mkdtemp(join(root, "drizzle", "check-"));
try {
  const migrations = (await readdir(join(root, "drizzle"))).filter((name) => name.endsWith(".sql"));
  for (const name of [...migrations, "meta"])
    await cp(join(root, "drizzle", name), join(copy, name), { recursive: true });
  const out = `./drizzle/${copy.split("/").at(-1)}`;
  const command = [
    "drizzle-kit",
    "generate",
    "--dialect",
    "postgresql",
    "--schema",
    "./src/db/schema.ts",
    "--out",
    out,
  ];
  const run = Bun.spawn(["bun", "x", ...command], { cwd: root, stdout: "pipe", stderr: "inherit" });
  const output = await new Response(run.stdout).text();
  const after = (await readdir(copy)).filter((name) => name.endsWith(".sql"));
  if ((await run.exited) !== 0 || after.length !== migrations.length) {
    process.stderr.write(`${output}\nThe schema has no migration for its last change: run "bun run migrations".\n`);
    process.exitCode = 1;
  }
  for (const name of migrations) {
    const sql = await Bun.file(join(root, "drizzle", name)).text();
    const faults = offlineStatements(name.replace(".sql", ""), sql);
    if (sql.includes('"public".')) faults.push('It names the schema "public": run "bun run migrations".');
    for (const fault of faults) process.stderr.write(`drizzle/${name}: ${fault}\n`);
    if (faults.length > 0) process.exitCode = 1;
  }
} finally {
  await rm(copy, { recursive: true });
}
