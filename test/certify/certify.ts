/**
 * The certificate: `bun run certify [--only NAME] [--seed N] [--json FILE] [--list]`.
 *
 * Real processes, a real PostgreSQL, a hostile SMTP server; each fault in a scenario of its own. Exits 1 when anything
 * promised is lost, a copy is unexplained or another letter, a recovery is late, or the outbox does not tell the truth.
 */
import { cpus } from "node:os";
import { parseArgs } from "node:util";
import { version } from "../../package.json";
import { startCluster } from "./cluster.ts";
import { summary, table, type Row } from "./report.ts";
import { run } from "./run.ts";
import { scenarios } from "./scenarios.ts";

const { values: options } = parseArgs({
  options: {
    only: { type: "string", multiple: true },
    seed: { type: "string" },
    json: { type: "string" },
    list: { type: "boolean", default: false },
  },
});

/** Most of a scenario is waiting for a lease or a deadline. */
const AT_A_TIME = 5;

async function main(): Promise<number> {
  if (options.list) {
    for (const { name, fault } of scenarios) console.log(`${name.padEnd(24)}${fault}`);
    return 0;
  }
  const chosen = options.only ? scenarios.filter(({ name }) => options.only?.includes(name)) : scenarios;
  const seed = options.seed === undefined ? crypto.getRandomValues(new Uint32Array(1))[0] : Number(options.seed);
  if (chosen.length === 0 || seed === undefined || !Number.isSafeInteger(seed)) {
    console.error("Usage: bun run certify [--only NAME]... [--seed N] [--json FILE] [--list]");
    return 64;
  }

  const begun = performance.now();
  const clusters = await Promise.all(Array.from({ length: Math.min(AT_A_TIME, chosen.length) }, startCluster));
  const settings = (await clusters[0]?.settings()) ?? {};
  console.log(`seed ${seed}; ${chosen.length} faults, up to ${clusters.length} at a time`);
  const rows = await run(chosen, clusters, seed, progress);
  await Promise.all(clusters.map((cluster) => cluster.remove()));

  const ground = {
    dundie: version,
    bun: Bun.version,
    platform: `${process.platform} ${process.arch}, ${cpus().length} cores`,
    postgres: settings,
  };
  const seconds = Math.round((performance.now() - begun) / 1_000);
  console.log(`\n${table(rows)}\n\n${summary(rows)}\n`);
  console.log(`dundie ${version}, Bun ${Bun.version}, ${ground.platform}; PostgreSQL ${said(settings)}.`);
  console.log(`Took ${seconds} s. Again with the same plan: bun run certify --seed ${seed}`);
  const failed = rows.filter(({ failures }) => failures.length > 0);
  for (const { name, failures } of failed) console.log(`\nFAILED ${name}\n${failures.map((f) => `  ${f}`).join("\n")}`);
  if (options.json) await Bun.write(options.json, `${JSON.stringify({ seed, seconds, ...ground, rows }, null, 2)}\n`);
  return failed.length === 0 ? 0 : 1;
}

function progress({ name, seconds, failures }: Row): void {
  console.log(`${failures.length === 0 ? "ok    " : "FAILED"} ${name.padEnd(24)} ${seconds.toFixed(0).padStart(4)} s`);
}

const said = ({ server_version: version, ...settings }: Record<string, string>): string =>
  [version, ...Object.entries(settings).map(([name, value]) => `${name} ${value}`)].join(", ");

// What runs is ended by the exit handlers of those who started it; clusters by their janitors.
for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => process.exit(130));
process.exit(await main());
