/**
 * `bun run test:fast [<commit>]`: the test files that are nearest to what has changed, by imports, as many as run in
 * about 20 s on two cores. Without a commit the changes are those of the work tree, or of the last commit where it is
 * clean. What it leaves out `bun run test` runs.
 */
import { existsSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import timings from "../timings.json" with { type: "json" };
import { ROOT } from "./process.ts";

/** The sum of measured times: two processes run the files side by side. */
const BUDGET_MS = 20_000;
/** What a file that was not measured is taken to need. */
const UNMEASURED_MS = 2_000;
/** One walk through each part: they always run, because most changes can break them. */
const CORE = ["test/course.test.ts", "test/engine.test.ts", "test/pace.test.ts", "test/permissions.test.ts"];
/** These need a browser, an MTA or servers of their own, and have scripts of their own. */
const OTHER_SUITES = /^test\/(browser|build|mta|postgresql|prometheus|proxy)\//;

const git = (...args: string[]): string[] =>
  Bun.spawnSync(["git", ...args], { cwd: ROOT })
    .stdout.toString()
    .split("\n")
    .filter(Boolean);

function changedFiles(): string[] {
  const commit = process.argv[2];
  const untracked = git("ls-files", "--others", "--exclude-standard");
  const changed = [...git("diff", "--name-only", commit ?? "HEAD"), ...untracked];
  return changed.length > 0 ? changed : git("diff", "--name-only", "HEAD~1");
}

/** @returns for each file the files that import it. Paths are relative to the root. */
async function readImporters(files: readonly string[]): Promise<Map<string, string[]>> {
  const importers = new Map<string, string[]>();
  const transpilers = { ts: new Bun.Transpiler({ loader: "ts" }), tsx: new Bun.Transpiler({ loader: "tsx" }) };
  await Promise.all(
    files.map(async (file) => {
      const text = await Bun.file(join(ROOT, file)).text();
      for (const { path } of transpilers[file.endsWith("x") ? "tsx" : "ts"].scanImports(text)) {
        if (!path.startsWith(".")) continue;
        const target = relative(ROOT, join(ROOT, dirname(file), path));
        importers.set(target, [...(importers.get(target) ?? []), file]);
      }
    }),
  );
  return importers;
}

/** @returns each file that imports a changed one, with the number of imports between them. */
function distancesFrom(changed: readonly string[], importers: ReadonlyMap<string, readonly string[]>) {
  const distances = new Map(changed.map((file) => [file, 0]));
  for (const [file, distance] of distances) {
    for (const importer of importers.get(file) ?? []) {
      if (!distances.has(importer)) distances.set(importer, distance + 1);
    }
  }
  return distances;
}

const timeOf = (file: string): number => (timings.files as Record<string, number>)[file] ?? UNMEASURED_MS;

const sources = [...git("ls-files"), ...git("ls-files", "--others", "--exclude-standard")].filter(
  (file) => /\.tsx?$/.test(file) && existsSync(join(ROOT, file)),
);
const distances = distancesFrom(changedFiles(), await readImporters(sources));
const affected = [...distances]
  .filter(([file]) => file.endsWith(".test.ts") && !OTHER_SUITES.test(file) && existsSync(join(ROOT, file)))
  .toSorted(([a, near], [b, far]) => near - far || timeOf(a) - timeOf(b))
  .map(([file]) => file);
const chosen = new Set<string>();
let planned = 0;
for (const file of [...affected.filter((file) => distances.get(file) === 0), ...CORE, ...affected]) {
  const fits = planned + timeOf(file) <= BUDGET_MS || distances.get(file) === 0;
  if (!fits || chosen.has(file) || !existsSync(join(ROOT, file))) continue;
  chosen.add(file);
  planned += timeOf(file);
}
const left = affected.filter((file) => !chosen.has(file)).length;
console.log(`${chosen.size} test files; ${left} more import what has changed, and run with \`bun run test\`.`);
const options = ["--timeout", "30000", "--parallel=2", "--no-isolate"];
const run = Bun.spawn([process.execPath, "test", ...options, ...[...chosen].map((file) => `./${file}`)], {
  cwd: ROOT,
  stdio: ["ignore", "inherit", "inherit"],
});
process.exit(await run.exited);
