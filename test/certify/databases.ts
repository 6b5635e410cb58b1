/** A database that goes away, loses connections, or holds locks. */
import type { Scenario } from "./scenario.ts";

const restarted = (mode: "fast" | "immediate", words: string): Scenario => ({
  name: `database-${mode}`,
  fault: `the database ${words}, twice, under load`,
  takesAway: "the database",
  async run(testbed) {
    await testbed.serve();
    await testbed.worker();
    const load = await testbed.startLoad(40);
    for (const _ of [1, 2]) {
      await Bun.sleep(3_000);
      await testbed.explainCopies("the database was restarted", () => testbed.cluster.restart(mode));
    }
    testbed.faultsEnd();
    await Bun.sleep(3_000);
    await load.stop();
  },
});

const killedConnections: Scenario = {
  name: "database-connections",
  fault: "every database connection of the API and the courier killed, four times a second for 8 s, under load",
  takesAway: "the database",
  async run(testbed) {
    await testbed.serve();
    await testbed.worker();
    const load = await testbed.startLoad(40);
    const end = Date.now() + 8_000;
    await testbed.explainCopies("the database connection was killed", async () => {
      while (Date.now() < end) {
        await testbed.sql`select pg_terminate_backend(pid) from pg_stat_activity
          where datname = current_database() and application_name like 'dundie %'`;
        await Bun.sleep(250);
      }
    });
    testbed.faultsEnd();
    await load.stop();
  },
};

/** A lock explains no copies: nothing may be sent twice because of it. */
const locked = (table: "message" | "user"): Scenario => ({
  name: `database-locked-${table}`,
  fault: `the table "${table}" locked for 8 s, under load`,
  takesAway: "the database",
  async run(testbed) {
    await testbed.serve();
    const load = await testbed.startLoad(40);
    await Bun.sleep(1_000);
    await testbed.sql.begin(async (tx) => {
      await tx`lock table ${tx(table)} in access exclusive mode`;
      await Bun.sleep(8_000);
    });
    testbed.faultsEnd();
    await Bun.sleep(1_000);
    await load.stop();
  },
});

export const databases = [
  restarted("fast", "restarted"),
  restarted("immediate", "crashed and recovered"),
  killedConnections,
  locked("message"),
  locked("user"),
];
