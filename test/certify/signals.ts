/** Processes that are asked to stop, or are suspended. */
import type { Scenario } from "./scenario.ts";

const SIGTERM_EXIT_SECONDS = 20;

const stopped: Scenario = {
  name: "sigterm",
  fault: "SIGTERM while emails are being sent: drained, exit 0, no copy",
  // No courier runs until the next start.
  takesAway: "every courier",
  async run(testbed) {
    const api = await testbed.serve();
    const slow = await testbed.smtp.add({ phase: "reply", delayMs: 2_000 });
    await testbed.requestResets(await testbed.createAccounts(30));
    await slow.applied(5);
    const signalledAt = performance.now();
    api.signal("SIGTERM");
    const code = await api.exited;
    testbed.expect(code === 0, "SIGTERM ends the API with exit code 0");
    testbed.expect(
      performance.now() - signalledAt < SIGTERM_EXIT_SECONDS * 1_000,
      "SIGTERM ends the API within its grace period",
    );
    await slow.remove();
    testbed.faultsEnd();
    await testbed.serve();
  },
};

const forced: Scenario = {
  name: "sigterm-twice",
  fault: "a second SIGTERM while the process drains after the first",
  takesAway: "every courier",
  async run(testbed) {
    const api = await testbed.serve();
    const held = await testbed.smtp.add({ phase: "reply", hold: true });
    await testbed.requestResets(await testbed.createAccounts(30));
    await held.applied(5);
    await testbed.explainCopies("the process was forced to stop", async () => {
      api.signal("SIGTERM");
      await testbed.until(() => api.logged("stopping") > 0, "the process reacts to the first SIGTERM");
      // Two signals within 2 s are one request, because terminals and package runners repeat them.
      await Bun.sleep(2_500);
      api.signal("SIGTERM");
      testbed.expect((await api.exited) === 1, "the second SIGTERM ends the process at once, with exit code 1");
    });
    await held.remove();
    testbed.faultsEnd();
    await testbed.serve();
  },
};

/**
 * The server has four emails when the worker is suspended, and answers then: two with 250, two with 550. When the worker
 * resumes, another one has sent copies. The late 250s say what is true of their attempts and count; the late 550s must
 * not make messages fail whose copies have been accepted.
 */
const suspended: Scenario = {
  name: "sigstop",
  fault: "SIGSTOP of a worker for 40 s while it sends; a late 250 is recorded, a late 550 must not count",
  async run(testbed) {
    await testbed.serve({ COURIER: "off" });
    const suspendedWorker = await testbed.worker();
    const emails = await testbed.createAccounts(4);
    const [accepted, refused] = [emails.slice(0, 2), emails.slice(2)];
    const late250 = await testbed.smtp.add({ phase: "reply", recipients: accepted, times: 2, hold: true });
    const late550 = await testbed.smtp.add({
      phase: "reply",
      recipients: refused,
      times: 2,
      hold: true,
      reply: "550 5.1.1 This reply comes too late",
    });
    await testbed.requestResets(emails);
    await Promise.all([late250.applied(2), late550.applied(2)]);
    await testbed.explainCopies("the process was suspended", async () => {
      suspendedWorker.signal("SIGSTOP");
      const suspension = Bun.sleep(40_000);
      await Promise.all([late250.remove(), late550.remove()]);
      testbed.faultsEnd();
      await testbed.worker();
      await testbed.requestResets(await testbed.createAccounts(20));
      await suspension;
      const firstAttempts = async (outcome: string, of: readonly string[]): Promise<number> =>
        (
          await testbed.sql`select 1 from attempt a join message m on m.id = a.message_id
            where a.number = 1 and a.outcome = ${outcome} and m.state = 'sent' and m.requested_email = any(${of})`
        ).length;
      testbed.expect((await firstAttempts("unknown", emails)) === 4, "another worker has sent copies of all four");
      suspendedWorker.signal("SIGCONT");
      await testbed.until(async () => (await firstAttempts("sent", accepted)) === 2, "the late 250s are recorded");
      await testbed.until(() => suspendedWorker.logged("lease_lost") >= 2, "the late 550s are rejected");
      testbed.expect((await firstAttempts("unknown", refused)) === 2, "the late 550s change nothing");
    });
  },
};

/** A deployment: each process is stopped after its successor has started. */
const rollingRestart: Scenario = {
  name: "rolling-restart",
  fault: "two APIs and two workers replaced one by one, twice, under load: exit 0, no copy",
  async run(testbed) {
    const apis = [await testbed.serve(), await testbed.serve()];
    const workers = [await testbed.worker(), await testbed.worker()];
    const load = await testbed.startLoad(30);
    for (const _ of [1, 2]) {
      for (const [processes, start] of [
        [apis, testbed.serve],
        [workers, testbed.worker],
      ] as const) {
        for (const at of processes.keys()) {
          const old = processes[at];
          processes[at] = await start();
          old?.signal("SIGTERM");
          testbed.expect((await old?.exited) === 0, "SIGTERM ends a replaced process with exit code 0");
        }
      }
    }
    await load.stop();
    testbed.faultsEnd();
  },
};

export const signals = [rollingRestart, suspended, forced, stopped];
