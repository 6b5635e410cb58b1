/**
 * `bun run mutants [--only <words>]… [--shard <part>/<parts>]`: removes one protection at a time and runs the test that is said to show it. A
 * mutant whose test stays green has survived, and fails the run.
 *
 * Copies of the tree are changed, two at a time, and never the tree itself.
 */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { mutate, type Mutant } from "./mutant.ts";
import { MUTANTS } from "./mutants.ts";
import { killRuns, runTests, startRunner, type Runner, type TestRun } from "./runner.ts";

const RUNNERS = 2;
const TIMEOUT_SECONDS = 90;
/** For all tests of a file that rows name. */
const BASELINE_TIMEOUT_SECONDS = 180;

type Verdict = "killed" | "timed out" | "survived" | "not judged";

const { only = [], shard = "1/1" } = parseArgs({
  options: { only: { type: "string", multiple: true }, shard: { type: "string" } },
}).values;
const [, part, parts] = (/^([1-9]\d*)\/([1-9]\d*)$/.exec(shard) ?? []).map(Number);
if (part === undefined || parts === undefined || part > parts) {
  console.error("--shard takes a part and the number of parts, such as 1/4.");
  process.exit(64);
}
const chosen = MUTANTS.filter((mutant) => only.length === 0 || only.some((words) => isChosen(mutant, words))).filter(
  (_, index) => index % parts === part - 1,
);
if (chosen.length === 0) {
  console.error(`No row has ${only.join(" or ")} as its number or in its promise or file.`);
  process.exit(64);
}

for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
  process.on(signal, () => {
    killRuns();
    process.exit(130);
  });
}
const startedAt = performance.now();
const runners = await Promise.all(Array.from({ length: RUNNERS }, startRunner));
const counts: Record<Verdict, number> = { killed: 0, "timed out": 0, survived: 0, "not judged": 0 };

const green = await judgeOriginal();
console.log(`\n${green.length} mutants, each against its own test:\n`);
let done = 0;
await shareOut(green, judge);
for (const { stop } of runners) await stop();
const seconds = Math.round((performance.now() - startedAt) / 1_000);
const { killed, survived } = counts;
console.log(
  `\n${killed} killed, ${counts["timed out"]} timed out, ${survived} survived, ${counts["not judged"]} not judged; ${seconds} s`,
);
process.exit(survived + counts["not judged"] > 0 ? 1 : 0);

function isChosen({ promise, file }: Mutant, words: string): boolean {
  if (/^R\d+$/i.test(words)) return promise.split(/[ ,]+/).includes(words.toUpperCase());
  return `${promise} ${file}`.toLowerCase().includes(words.toLowerCase());
}

/** A test that is red without a mutant kills nothing. @returns the rows whose tests are green. */
async function judgeOriginal(): Promise<Mutant[]> {
  const files = Map.groupBy(chosen, ({ test }) => test);
  console.log(`The named tests of ${files.size} files, without a mutant:\n`);
  const accepted = new Set<Mutant>();
  await shareOut([...files], async ([file, mutants], runner) => {
    const names = [...new Set(mutants.map(({ name }) => name))];
    const run = await runTests(runner, { file, names, timeoutSeconds: BASELINE_TIMEOUT_SECONDS });
    const bad = mutants.filter(({ name }) => !isGreen(run, name));
    for (const mutant of mutants) if (!bad.includes(mutant)) accepted.add(mutant);
    console.log(`${bad.length === 0 ? "green" : "RED  "} ${run.seconds.toFixed(1).padStart(5)} s  ${file}`);
    for (const { promise, name } of bad) console.log(`        no green test has ${JSON.stringify(name)}: ${promise}`);
    if (bad.length > 0) console.log(indented(run.output));
    counts["not judged"] += bad.length;
  });
  return chosen.filter((mutant) => accepted.has(mutant));
}

function isGreen({ passed, failed, timedOut }: TestRun, name: string): boolean {
  const has = (test: string): boolean => test.includes(name);
  return !timedOut && passed.some(has) && !failed.some(has);
}

async function judge(mutant: Mutant, runner: Runner): Promise<void> {
  const path = join(runner.copy, mutant.file);
  const source = await readFile(path, "utf8");
  await Bun.write(path, mutate(mutant, source));
  const { test: file, name } = mutant;
  const run = await runTests(runner, { file, names: [name], timeoutSeconds: TIMEOUT_SECONDS });
  await Bun.write(path, source);
  const verdict = verdictOf(run);
  counts[verdict] += 1;
  done += 1;
  const place = `${done}/${green.length}`.padStart(7);
  const word = (verdict === "killed" ? verdict : verdict.toUpperCase()).padEnd(10);
  console.log(`${place} ${word} ${run.seconds.toFixed(1).padStart(5)} s  ${mutant.promise}`);
  console.log(`${" ".repeat(27)}${mutant.file} by ${file}`);
  for (const test of run.failed) console.log(`${" ".repeat(29)}${test}`);
  if (verdict === "survived") console.log(indented(`${mutant.text}\n=>\n${mutant.becomes}`));
  if (verdict === "not judged") console.log(indented(run.output));
}

function verdictOf({ failed, timedOut, broken }: TestRun): Verdict {
  if (failed.length > 0) return "killed";
  if (timedOut) return "timed out";
  return broken ? "not judged" : "survived";
}

/** Each runner takes the next item when it has done with one. */
async function shareOut<T>(items: readonly T[], work: (item: T, runner: Runner) => Promise<void>): Promise<void> {
  const left = items.values();
  await Promise.all(
    runners.map(async (runner) => {
      for (const item of left) await work(item, runner);
    }),
  );
}

function indented(text: string): string {
  const lines = text.trimEnd().split("\n").slice(-40);
  return lines.map((line) => `${" ".repeat(8)}${line}`).join("\n");
}
