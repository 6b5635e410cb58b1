/**
 * The certificate: `bun run certify [--only NAME[,NAME]] [--list] [--seed N] [--json FILE] [--product DIRECTORY]`.
 *
 * It starts real processes, a real PostgreSQL and an SMTP server that can misbehave, and injects each fault in a
 * scenario of its own. It exits with 1 when a promised email is lost, a copy has no explanation or differs from the
 * first, a recovery is late, messages that the fault does not touch wait too long, or the outbox contradicts the SMTP
 * server's log. `docs/certificate.md` says what each fault does.
 */
import { cpus } from "node:os";
import { resolve } from "node:path";
import { parseArgs } from "node:util";
import { startCluster } from "../support/cluster.ts";
import { ROOT } from "../support/process.ts";
import { summary, table, type Row } from "./report.ts";
import { run } from "./run.ts";
import { scenarios } from "./scenarios.ts";

const { values: options } = parseArgs({
  options: {
    only: { type: "string", multiple: true },
    seed: { type: "string" },
    json: { type: "string" },
    list: { type: "boolean", default: false },
    /** Another checkout of dundie, with its packages installed, to be judged by this certificate. */
    product: { type: "string", default: ROOT },
  },
});

const USAGE =
  "Usage: bun run certify [--only NAME[,NAME]] [--list] [--seed N] [--json FILE] [--product DIRECTORY]\n" +
  "`bun run certify --list` prints the names.";

/** Most of a scenario's time is spent waiting for a lease or a deadline. */
const AT_A_TIME = 6;

async function main(): Promise<number> {
  if (options.list) {
    for (const { name, fault } of scenarios) console.log(`${name.padEnd(28)}${fault}`);
    return 0;
  }
  const names = options.only?.flatMap((list) => list.split(",")).filter(Boolean);
  const unknown = names?.filter((name) => !scenarios.some((scenario) => scenario.name === name)) ?? [];
  const chosen = names ? scenarios.filter(({ name }) => names.includes(name)) : scenarios;
  const seed = options.seed === undefined ? crypto.getRandomValues(new Uint32Array(1))[0] : Number(options.seed);
  if (unknown.length > 0 || chosen.length === 0 || seed === undefined || !Number.isSafeInteger(seed)) {
    if (unknown.length > 0) console.error(`No fault has the name ${unknown.join(", ")}.`);
    console.error(USAGE);
    return 64;
  }

  const startedAt = performance.now();
  const product = resolve(options.product);
  const { version } = (await Bun.file(resolve(product, "package.json")).json()) as { version: string };
  const clusters = await Promise.all(Array.from({ length: Math.min(AT_A_TIME, chosen.length) }, startCluster));
  const settings = (await clusters[0]?.settings()) ?? {};
  console.log(`seed ${seed}; ${chosen.length} faults, up to ${clusters.length} at a time`);
  const rows = await run({ scenarios: chosen, clusters, seed, product, onRow: printProgress });
  await Promise.all(clusters.map((cluster) => cluster.remove()));

  const platform = `${process.platform} ${process.arch}, ${cpus().length} cores`;
  const machine = { dundie: version, bun: Bun.version, platform, postgres: settings };
  const seconds = Math.round((performance.now() - startedAt) / 1_000);
  console.log(`\n${table(rows)}\n\n${summary(rows)}\n`);
  console.log(`dundie ${version}, Bun ${Bun.version}, ${platform}; PostgreSQL ${describeSettings(settings)}.`);
  console.log(`Took ${seconds} s. To repeat the same plan: bun run certify --seed ${seed}`);
  const failed = rows.filter(({ failures }) => failures.length > 0);
  for (const { name, failures } of failed) console.log(`\nFAILED ${name}\n${failures.map((f) => `  ${f}`).join("\n")}`);
  const skipped = rows.filter((row) => row.skipped !== null);
  for (const row of skipped) console.log(`\nSKIPPED ${row.name}: ${row.skipped}`);
  if (options.json) await Bun.write(options.json, `${JSON.stringify({ seed, seconds, ...machine, rows }, null, 2)}\n`);
  return failed.length === 0 ? 0 : 1;
}

function printProgress({ name, seconds, failures, skipped }: Row): void {
  const result = skipped !== null ? "SKIPPED" : failures.length === 0 ? "ok" : "FAILED";
  console.log(`${result.padEnd(8)}${name.padEnd(28)} ${seconds.toFixed(0).padStart(4)} s`);
}

const describeSettings = ({ server_version: version, ...settings }: Record<string, string>): string =>
  [version, ...Object.entries(settings).map(([name, value]) => `${name} ${value}`)].join(", ");

// Exit handlers of the modules that started processes end them; each cluster has a janitor process that removes it.
for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => process.exit(130));
process.exit(await main());
