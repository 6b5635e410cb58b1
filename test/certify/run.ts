/** Runs scenarios several at a time, each on a database of its own. Heavy scenarios run last, one at a time. */
import { check } from "./check.ts";
import type { Cluster } from "../support/cluster.ts";
import { createRandom } from "../support/random.ts";
import { judge, type Row } from "./report.ts";
import { LEASE_RECOVERY_SECONDS, type Scenario } from "./scenario.ts";
import { withTestbed } from "./testbed.ts";

/** A late message is waited for beyond its limit, so that the report can tell late from lost. */
const EXTRA_PATIENCE_SECONDS = 30;

export interface RunOptions {
  readonly scenarios: readonly Scenario[];
  /** One scenario runs on each at a time. */
  readonly clusters: readonly Cluster[];
  readonly seed: number;
  /** The directory of the checkout that is judged. */
  readonly product: string;
  readonly onRow?: (row: Row) => void;
}

/** @returns one row for each scenario, in the order given. */
export async function run({ scenarios, clusters, seed, product, onRow }: RunOptions): Promise<Row[]> {
  const rows = new Map<Scenario, Row>();
  const runAll = async (waiting: Iterator<Scenario>, cluster: Cluster): Promise<void> => {
    for (let next = waiting.next(); !next.done; next = waiting.next()) {
      const row = await runOne(next.value, cluster, seed, product);
      rows.set(next.value, row);
      onRow?.(row);
    }
  };
  const light = scenarios.filter(({ heavy }) => !heavy).values();
  await Promise.all(clusters.map((cluster) => runAll(light, cluster)));
  const heavy = scenarios.filter((scenario) => scenario.heavy).values();
  for (const cluster of clusters.slice(0, 1)) await runAll(heavy, cluster);
  return scenarios.flatMap((scenario) => rows.get(scenario) ?? []);
}

async function runOne(scenario: Scenario, cluster: Cluster, seed: number, product: string): Promise<Row> {
  const limit = scenario.recoverySeconds ?? LEASE_RECOVERY_SECONDS;
  const startedAt = performance.now();
  const seconds = (): number => (performance.now() - startedAt) / 1_000;
  const skipped = scenario.missing?.() ?? null;
  if (skipped !== null) return { ...judge(scenario, limit, 0, null, []), skipped };
  try {
    const options = { cluster, product, random: createRandom(seed), patienceSeconds: limit + EXTRA_PATIENCE_SECONDS };
    const { facts, violations } = await withTestbed(options, (testbed) => scenario.run(testbed));
    return judge(scenario, limit, seconds(), check(facts), violations);
  } catch (error) {
    return judge(scenario, limit, seconds(), null, [`the scenario runs to its end (${error})`]);
  }
}
