/** kill -9 at the worst moments. */
import type { Scenario } from "./scenario.ts";
import type { Testbed } from "./testbed.ts";

const killApi = (times: number): Scenario => ({
  name: "kill-api",
  fault: `kill -9 of the API right after each of ${times} answers`,
  takesAway: "every courier",
  async run(testbed) {
    for (const email of await testbed.createAccounts(times)) {
      const api = await testbed.serve();
      await testbed.requestAndKill(api, email);
    }
    testbed.faultsEnd();
    await testbed.serve();
  },
});

const PHASES = ["greeting", "ehlo", "mail", "rcpt", "data", "body", "reply"] as const;

/** The server kills the worker by its pid at exactly that moment, and does not answer. */
const killWorker: Scenario = {
  name: "kill-worker",
  fault: `kill -9 of the worker in every SMTP phase (${PHASES.join(", ")}), and as the 250 arrives`,
  takesAway: "every courier",
  async run(testbed) {
    await testbed.serve({ COURIER: "off" });
    for (const phase of PHASES) {
      const worker = await testbed.worker();
      const signal = { pid: worker.pid, now: "SIGKILL" } as const;
      await testbed.smtp.add({ phase, times: 1, hangUp: "before", signal });
      await testbed.requestResets(await testbed.createAccounts(3));
      await worker.exited;
    }
    const worker = await testbed.worker();
    // The worker is suspended first, so that the 250 reaches its socket and the worker cannot read it before the kill.
    await testbed.smtp.add({
      phase: "reply",
      times: 1,
      signal: { pid: worker.pid, now: "SIGSTOP", answered: "SIGKILL" },
    });
    await testbed.requestResets(await testbed.createAccounts(3));
    await worker.exited;
    testbed.faultsEnd();
    await testbed.worker();
  },
};

/**
 * The record of the 250 waits for a table lock that the scenario holds: the worker has read the 250 and cannot have
 * recorded it. Then the worker is killed: in one round with its database connection, so that the record is lost, in the other
 * without it, so that the database still executes the record.
 */
const killBeforeSettle: Scenario = {
  name: "kill-before-settle",
  fault: "kill -9 between the 250 and the record of it, with and without the database connection",
  takesAway: "every courier",
  async run(testbed) {
    await testbed.serve({ COURIER: "off" });
    for (const connectionToo of [true, false]) {
      const worker = await testbed.worker();
      const held = await testbed.smtp.add({ phase: "reply", hold: true });
      await testbed.requestResets(await testbed.createAccounts(3));
      await held.applied(3);
      await testbed.sql.begin(async (tx) => {
        await tx`lock table message in exclusive mode`;
        await held.remove();
        await testbed.until(() => settleWaits(testbed), "the record of a 250 waits for a lock");
        await testbed.kill(worker);
        if (connectionToo)
          await tx`select pg_terminate_backend(pid) from pg_stat_activity
          where application_name = 'dundie courier' and datname = current_database()`;
      });
    }
    testbed.faultsEnd();
    await testbed.worker();
  },
};

/** The statement that records outcomes begins with a table expression of this name. */
const settleWaits = async ({ sql }: Testbed): Promise<boolean> => {
  const waiting = await sql`select 1 from pg_stat_activity
    where application_name = 'dundie courier' and datname = current_database() and wait_event_type = 'Lock'
      and query like '%with verdict as%'`;
  return waiting.length > 0;
};

export const crashes = [killApi(24), killWorker, killBeforeSettle];

/** A short form for the tests. */
export const shortCrashes = [killApi(3), killBeforeSettle];
