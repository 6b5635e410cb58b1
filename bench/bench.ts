/**
 * The figures: `bun run bench [--only NAME]... [--rounds N] [--quick] [--out DIRECTORY] [--list]`.
 *
 * Real processes on loopback: PostgreSQL as durable as it comes, an SMTP sink, the server in production settings, its
 * peers, and a generator. Trust the ratios: both sides of one are measured in the same round, on the same machine.
 */
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { judge, runRounds, type Figure, type Judged, type Samples } from "./figure.ts";
import { figures } from "./figures.ts";
import { openGround, type Ground } from "./ground.ts";
import { describeMachine } from "./machine.ts";
import { FULL, QUICK, type Plan } from "./plan.ts";
import { svgOf } from "./plot.ts";
import { number, section, table } from "./report.ts";

const { values: options } = parseArgs({
  options: {
    only: { type: "string", multiple: true },
    rounds: { type: "string" },
    quick: { type: "boolean", default: false },
    out: { type: "string", default: fileURLToPath(new URL("./results", import.meta.url)) },
    list: { type: "boolean", default: false },
  },
});

interface Result {
  readonly figure: string;
  readonly title: string;
  readonly seconds: number;
  readonly samples: Samples;
  readonly judged: readonly Judged[];
  readonly notes: readonly string[];
}

async function main(): Promise<number> {
  if (options.list) {
    for (const { name, title } of figures) console.log(`${name.padEnd(16)}${title}`);
    return 0;
  }
  const chosen = figures.filter(({ name, onlyByName }) => options.only?.includes(name) ?? !onlyByName);
  const base = options.quick ? QUICK : FULL;
  const plan: Plan = { ...base, rounds: options.rounds === undefined ? base.rounds : Number(options.rounds) };
  if (chosen.length === 0 || !(plan.rounds >= 1)) {
    console.error("Usage: bun run bench [--only NAME]... [--rounds N] [--quick] [--out DIRECTORY] [--list]");
    return 64;
  }

  const ground = await openGround(plan);
  const machine = describeMachine(ground.settings);
  console.log(machine.join("\n"));
  await mkdir(options.out, { recursive: true });
  const results: Result[] = [];
  try {
    for (const figure of chosen) {
      const result = await run(figure, ground);
      results.push(result);
      console.log(section(result.title, result.samples, result.judged, result.notes));
      // After each, so that what was measured is there when a later one fails.
      await save(machine, plan, results);
    }
  } finally {
    await ground.close();
  }
  console.log(`\n## All of it\n\n${summary(results)}\n\nWritten to ${options.out}`);
  return results.every(({ judged }) => judged.every(({ verdict }) => verdict !== "miss")) ? 0 : 1;
}

async function run(figure: Figure, ground: Ground): Promise<Result> {
  const begun = performance.now();
  const prepared = await figure.prepare(ground);
  try {
    const rounds = prepared.rounds ?? ground.plan.rounds;
    const samples = await runRounds(prepared.conditions, rounds, (condition, sample) => {
      const said = Object.entries(sample).map(([measure, value]) => `${measure} ${number(value)}`);
      console.error(`  ${figure.name}: ${condition}: ${said.join("; ")}`);
    });
    for (const plot of prepared.plots?.() ?? []) await Bun.write(join(options.out, `${plot.name}.svg`), svgOf(plot));
    return {
      ...{ figure: figure.name, title: figure.title, samples },
      judged: prepared.checks.map((check) => judge(check, samples)),
      notes: prepared.notes?.() ?? [],
      seconds: Math.round((performance.now() - begun) / 1_000),
    };
  } finally {
    await prepared.close();
  }
}

async function save(machine: readonly string[], plan: Plan, results: readonly Result[]): Promise<void> {
  const plain = results.map((result) => ({ ...result, samples: Object.fromEntries(result.samples) }));
  await Bun.write(join(options.out, "results.json"), `${JSON.stringify({ machine, plan, results: plain }, null, 2)}\n`);
}

const summary = (results: readonly Result[]): string =>
  table(
    ["figure", "measured", "target", "verdict"],
    results
      .flatMap(({ judged }) => judged)
      .map(({ what, value, theirs, target, verdict }) => [
        what,
        value === null ? "–" : `${number(value)}${theirs === null ? "" : " ×"}`,
        target,
        verdict === "said" ? "not judged" : verdict,
      ]),
  );

// What runs is ended by the exit handlers of those who started it; the cluster by its janitor.
for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => process.exit(130));
process.exit(await main());
