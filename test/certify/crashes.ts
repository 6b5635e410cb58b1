/** kill -9, at the worst moments. */
import type { Scenario } from "./scenario.ts";
import type { Stage } from "./stage.ts";

const killTheApi = (turns: number): Scenario => ({
  name: "kill-api",
  fault: `kill -9 of the API right after each of ${turns} answers`,
  async play(stage) {
    for (const email of await stage.people(turns)) {
      const api = await stage.serve();
      await stage.askAndKill(api, email);
    }
    stage.faultsEnd();
    await stage.serve();
  },
});

const PHASES = ["greeting", "ehlo", "mail", "rcpt", "data", "body", "reply"] as const;

/** The server kills the worker by its pid, at exactly that moment, and says nothing. */
const killTheWorkerInEveryPhase: Scenario = {
  name: "kill-worker",
  fault: `kill -9 of the worker in every SMTP phase (${PHASES.join(", ")}), and as the 250 arrives`,
  async play(stage) {
    await stage.serve({ COURIER: "off" });
    for (const phase of PHASES) {
      const worker = await stage.worker();
      const strike = { pid: worker.pid, now: "SIGKILL" } as const;
      await stage.smtp.set({ phase, times: 1, hangUp: "before", strike });
      await stage.askAll(await stage.people(3));
      await worker.exited;
    }
    const worker = await stage.worker();
    // Stopped first, so that it cannot be quicker than the kill: the 250 is in its hands, and unread.
    await stage.smtp.set({
      phase: "reply",
      times: 1,
      strike: { pid: worker.pid, now: "SIGSTOP", answered: "SIGKILL" },
    });
    await stage.askAll(await stage.people(3));
    await worker.exited;
    stage.faultsEnd();
    await stage.worker();
  },
};

/**
 * The settle waits for a lock of ours, so the worker has read the 250 and cannot have recorded it. Then it is killed;
 * in one round its word dies with it, in the other the database still gets to hear it.
 */
const killBetween250AndSettle: Scenario = {
  name: "kill-before-settle",
  fault: "kill -9 between the 250 and the record of it, with and without the database backend",
  async play(stage) {
    await stage.serve({ COURIER: "off" });
    for (const backendToo of [true, false]) {
      const worker = await stage.worker();
      const held = await stage.smtp.set({ phase: "reply", hold: true });
      await stage.askAll(await stage.people(3));
      await held.struck(3);
      await stage.sql.begin(async (tx) => {
        await tx`select 1 from message where state = 'sending' for update`;
        await held.lift();
        await stage.until(() => settleWaits(stage), "the record of a 250 waits for a lock");
        await stage.kill(worker);
        if (backendToo)
          await tx`select pg_terminate_backend(pid) from pg_stat_activity
          where application_name = 'dundie courier' and datname = current_database()`;
      });
    }
    stage.faultsEnd();
    await stage.worker();
  },
};

const settleWaits = async ({ sql }: Stage): Promise<boolean> => {
  const waiting = await sql`select 1 from pg_stat_activity
    where application_name = 'dundie courier' and datname = current_database() and wait_event_type = 'Lock'`;
  return waiting.length > 0;
};

export const crashes = [killTheApi(24), killTheWorkerInEveryPhase, killBetween250AndSettle];

/** For the tests. */
export const shortCrashes = [killTheApi(3), killBetween250AndSettle];
