/** Plays scenarios, several at a time, each on a database of its own; what needs the machine for itself comes last. */
import { check } from "./check.ts";
import type { Cluster } from "./cluster.ts";
import { createRandom } from "./random.ts";
import { judge, type Row } from "./report.ts";
import { LEASE_RECOVERY_SECONDS, type Scenario } from "./scenario.ts";
import { withStage } from "./stage.ts";

/** What is late is still waited for, so that it is told from what is lost. */
const EXTRA_PATIENCE_SECONDS = 30;

/** @returns a row a scenario, in the order given. */
export async function run(
  scenarios: readonly Scenario[],
  clusters: readonly Cluster[],
  seed: number,
  onRow: (row: Row) => void = () => {},
): Promise<Row[]> {
  const rows = new Map<Scenario, Row>();
  const playAll = async (waiting: Iterator<Scenario>, cluster: Cluster): Promise<void> => {
    for (let next = waiting.next(); !next.done; next = waiting.next()) {
      const row = await play(next.value, cluster, seed);
      rows.set(next.value, row);
      onRow(row);
    }
  };
  const light = scenarios.filter(({ heavy }) => !heavy).values();
  await Promise.all(clusters.map((cluster) => playAll(light, cluster)));
  const heavy = scenarios.filter((scenario) => scenario.heavy).values();
  for (const cluster of clusters.slice(0, 1)) await playAll(heavy, cluster);
  return scenarios.flatMap((scenario) => rows.get(scenario) ?? []);
}

async function play(scenario: Scenario, cluster: Cluster, seed: number): Promise<Row> {
  const limit = scenario.recoverySeconds ?? LEASE_RECOVERY_SECONDS;
  const begun = performance.now();
  const seconds = (): number => (performance.now() - begun) / 1_000;
  try {
    const options = { cluster, random: createRandom(seed), patienceSeconds: limit + EXTRA_PATIENCE_SECONDS };
    const { facts, broken } = await withStage(options, (stage) => scenario.play(stage));
    return judge(scenario, limit, seconds(), check(facts), broken);
  } catch (error) {
    return judge(scenario, limit, seconds(), null, [`it could be played to its end (${error})`]);
  }
}
