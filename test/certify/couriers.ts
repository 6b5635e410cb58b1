/** Couriers that stop while they send, or that a lock keeps from their leases. */
import type { Scenario } from "./scenario.ts";

/**
 * The three messages are orphaned by the kill, and their server stays silent when they are sent again. Other messages
 * must not wait for their replies.
 */
const orphansStaySilent: Scenario = {
  name: "orphans-silent",
  fault: "kill -9 with three emails unanswered, whose server stays silent: others do not wait for them",
  recoverySeconds: 90,
  async run(testbed) {
    await testbed.serve({ COURIER: "off" });
    const worker = await testbed.worker();
    const silent = await testbed.createAccounts(3);
    testbed.touches(silent);
    const rule = await testbed.smtp.add({ phase: "reply", recipients: silent, silent: true });
    await testbed.requestResets(silent);
    await rule.applied(3);
    await testbed.kill(worker);
    await testbed.worker();
    const load = await testbed.startLoad(3);
    // The leases end 30 s after the kill. What follows is the time in which the orphans are sent again.
    await Bun.sleep(65_000);
    await load.stop();
    await rule.remove();
    await testbed.smtp.hangUpAll();
    testbed.faultsEnd();
  },
};

/** The server kills each worker that names this recipient. Two are enough to know that the message is the cause. */
const messageKillsCouriers: Scenario = {
  name: "message-kills-couriers",
  fault: "a message whose sending kills every worker: it ends visibly after the second, and others are sent",
  recoverySeconds: 90,
  takesAway: "every courier",
  async run(testbed) {
    await testbed.serve({ COURIER: "off" });
    const [deadly = "", ...others] = await testbed.createAccounts(6);
    testbed.touches([deadly]);
    testbed.allowEnd([deadly], "*");
    const killAt = (pid: number) =>
      testbed.smtp.add({
        phase: "rcpt",
        recipients: [deadly],
        times: 1,
        hangUp: "before",
        signal: { pid, now: "SIGKILL" },
      });
    const first = await testbed.worker();
    await killAt(first.pid);
    await testbed.requestReset(deadly);
    await first.exited;
    const second = await testbed.worker();
    await killAt(second.pid);
    await testbed.requestResets(others);
    await second.exited;
    const third = await testbed.worker();
    const again = await killAt(third.pid);
    await testbed.until(
      async () =>
        again.count > 0 ||
        (await testbed.sql`select 1 from message where requested_email = ${deadly} and ended_at is not null`).length >
          0,
      "the message ends, or kills a third worker",
      90_000,
    );
    testbed.expect(again.count === 0, "the message kills no third worker");
    if (again.count > 0) await testbed.worker();
    testbed.faultsEnd();
  },
};

/** PostgreSQL's `now()` is the start of the transaction, which is 28 s before the claim commits. */
const lockInsideClaim: Scenario = {
  name: "claim-lock-wait",
  fault: "a lock that makes a claim of two workers wait for 28 s: no email is sent twice",
  takesAway: "the database",
  recoverySeconds: 60,
  async run(testbed) {
    await testbed.serve({ COURIER: "off" });
    // Each worker looks for expired leases every 10 s. Their looks are 5 s apart, so that one of them comes first.
    await testbed.worker();
    await Bun.sleep(5_000);
    await testbed.worker();
    await Bun.sleep(6_000);
    const emails = await testbed.createAccounts(20);
    await testbed.smtp.add({ phase: "reply", delayMs: 10_000 });
    await testbed.sql.begin(async (tx) => {
      await tx`lock table "user" in access exclusive mode`;
      await testbed.requestResets(emails);
      await Bun.sleep(28_000);
    });
    testbed.faultsEnd();
    await testbed.eventually(() => testbed.smtp.accepted >= emails.length, "all emails are accepted", 60_000);
    const received = (await testbed.smtp.readLog()).filter(({ event }) => event === "dot").length;
    testbed.expect(received === emails.length, `the server receives no email twice (${received} of ${emails.length})`);
  },
};

/** A laptop's lid: the only courier sleeps, and the replies wait in its sockets. A copy has no explanation. */
const suspendedAlone: Scenario = {
  name: "sigstop-alone",
  fault: "SIGSTOP of the only worker for 40 s while the server answers 250: nothing is sent twice",
  takesAway: "every courier",
  async run(testbed) {
    await testbed.serve({ COURIER: "off" });
    const worker = await testbed.worker();
    const held = await testbed.smtp.add({ phase: "reply", hold: true });
    await testbed.requestResets(await testbed.createAccounts(5));
    await held.applied(5);
    worker.signal("SIGSTOP");
    await held.remove();
    await Bun.sleep(40_000);
    worker.signal("SIGCONT");
    testbed.faultsEnd();
  },
};

export const couriers: readonly Scenario[] = [messageKillsCouriers, orphansStaySilent, lockInsideClaim, suspendedAlone];
