/** A database that goes away, loses connections, or makes everybody wait. */
import type { Scenario } from "./scenario.ts";

const restarted = (mode: "fast" | "immediate", words: string): Scenario => ({
  name: `database-${mode}`,
  fault: `the database ${words}, twice, under load`,
  async play(stage) {
    await stage.serve();
    await stage.worker();
    const load = new AbortController();
    const pouring = stage.pour(await stage.people(1_000), 40, load.signal);
    for (const _ of [1, 2]) {
      await Bun.sleep(3_000);
      await stage.disturb("the database was restarted", () => stage.cluster.restart(mode));
    }
    stage.faultsEnd();
    await Bun.sleep(3_000);
    load.abort();
    await pouring;
  },
});

const killedBackends: Scenario = {
  name: "database-backends",
  fault: "every database connection of the API and the courier killed, four times a second for 8 s, under load",
  async play(stage) {
    await stage.serve();
    await stage.worker();
    const load = new AbortController();
    const pouring = stage.pour(await stage.people(1_000), 40, load.signal);
    const end = Date.now() + 8_000;
    await stage.disturb("the database backend was killed", async () => {
      while (Date.now() < end) {
        await stage.sql`select pg_terminate_backend(pid) from pg_stat_activity
          where datname = current_database() and application_name like 'dundie %'`;
        await Bun.sleep(250);
      }
    });
    stage.faultsEnd();
    load.abort();
    await pouring;
  },
};

/** A lock is no excuse: nothing may be sent twice because of it. */
const locked = (table: "message" | "user"): Scenario => ({
  name: `database-locked-${table}`,
  fault: `the table "${table}" locked for 8 s, under load`,
  async play(stage) {
    await stage.serve();
    const load = new AbortController();
    const pouring = stage.pour(await stage.people(1_000), 40, load.signal);
    await Bun.sleep(1_000);
    await stage.sql.begin(async (tx) => {
      await tx`lock table ${tx(table)} in access exclusive mode`;
      await Bun.sleep(8_000);
    });
    stage.faultsEnd();
    await Bun.sleep(1_000);
    load.abort();
    await pouring;
  },
});

export const databases = [
  restarted("fast", "restarted"),
  restarted("immediate", "crashed and recovered"),
  killedBackends,
  locked("message"),
  locked("user"),
];
