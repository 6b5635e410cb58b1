/** SMTP servers as they are on bad days. */
import { LEASE_RECOVERY_SECONDS, REPLY_DEADLINE_SECONDS, type Scenario } from "./scenario.ts";

const down: Scenario = {
  name: "smtp-down",
  fault: "SMTP down: connections refused for 12 s, under load",
  async play(stage) {
    await stage.serve();
    const people = await stage.people(120);
    await stage.askAll(people.slice(0, 20));
    await stage.smtp.refuse();
    await stage.pour(people.slice(20), 8, AbortSignal.timeout(12_000));
    await stage.smtp.open();
    stage.faultsEnd();
  },
};

const slow: Scenario = {
  name: "smtp-slow",
  fault: "SMTP slow: 3 s a letter",
  async play(stage) {
    await stage.serve();
    await stage.smtp.set({ phase: "reply", delayMs: 3_000 });
    const answers = await stage.askAll(await stage.people(40));
    stage.faultsEnd();
    stage.expect(
      answers.every(({ status, tookMs }) => status === 200 && tookMs < 3_000),
      "no answer waits for the slow server",
    );
  },
};

const greylisting: Scenario = {
  name: "smtp-greylisting",
  fault: "greylisting: each recipient is put off twice (451)",
  async play(stage) {
    await stage.serve();
    const people = await stage.people(40);
    const trap = await stage.smtp.set({ phase: "rcpt", perRecipient: 2, reply: "451 4.7.1 Greylisted, come again" });
    await stage.askAll(people);
    await trap.struck(2 * people.length);
    stage.faultsEnd();
  },
};

const refusing: Scenario = {
  name: "smtp-refusing",
  fault: "one recipient of 30 refused (550)",
  async play(stage) {
    await stage.serve();
    const people = await stage.people(30);
    const refused = people.slice(7, 8);
    stage.provoke(refused, "rejected");
    await stage.smtp.set({ phase: "rcpt", recipients: refused, reply: "550 5.1.1 No such user here" });
    await stage.askAll(people);
    stage.faultsEnd();
  },
};

const denying: Scenario = {
  name: "smtp-denying",
  fault: "a relay that denies everything (554) for 8 s: none of 30 letters pays for it",
  async play(stage) {
    await stage.serve();
    const trap = await stage.smtp.set({ phase: "rcpt", reply: "554 5.7.1 Relay access denied" });
    await stage.askAll(await stage.people(30));
    await Bun.sleep(8_000);
    await trap.lift();
    stage.faultsEnd();
  },
};

const MOMENTS = ["greeting", "ehlo", "mail", "rcpt", "data", "body", "reply"] as const;

const closing: Scenario = {
  name: "smtp-closing",
  fault: "connections closed in every SMTP phase, before the answer and after it",
  async play(stage) {
    await stage.serve();
    for (const phase of MOMENTS) {
      for (const hangUp of ["before", "after"] as const) {
        const trap = await stage.smtp.set({ phase, hangUp, times: 2 });
        await stage.askAll(await stage.people(6));
        await trap.struck(2);
      }
    }
    stage.faultsEnd();
  },
};

/** A letter for each phase, all at once: their deadlines run side by side. */
const silent: Scenario = {
  name: "smtp-silent",
  fault: "silence in every SMTP phase, until the courier's deadline",
  recoverySeconds: LEASE_RECOVERY_SECONDS + REPLY_DEADLINE_SECONDS,
  async play(stage) {
    await stage.serve({ SMTP_POOL: "10" });
    const traps = await Promise.all(MOMENTS.map((phase) => stage.smtp.set({ phase, silent: true, times: 1 })));
    await stage.askAll(await stage.people(10));
    await Promise.all(traps.map((trap) => trap.struck()));
    stage.faultsEnd();
    const others = await stage.people(20);
    const before = stage.smtp.accepted;
    await stage.askAll(others);
    await stage.until(() => stage.smtp.accepted >= before + others.length, "the others are mailed meanwhile", 45_000);
  },
};

const dripping: Scenario = {
  name: "smtp-dripping",
  fault: "answers a byte every 6 s: no slot is held past the deadline, nobody else waits",
  recoverySeconds: LEASE_RECOVERY_SECONDS + REPLY_DEADLINE_SECONDS,
  async play(stage) {
    await stage.serve();
    const slow = await stage.people(3);
    const traps = await Promise.all(
      (["mail", "rcpt", "reply"] as const).map((phase) => stage.smtp.set({ phase, dripMs: 6_000, times: 1 })),
    );
    await stage.askAll(slow);
    await Promise.all(traps.map((trap) => trap.struck()));
    stage.faultsEnd();
    const before = stage.smtp.accepted;
    await stage.askAll(await stage.people(20));
    await stage.until(() => stage.smtp.accepted >= before + 20, "the others are mailed meanwhile", 20_000);
  },
};

export const mailServers = [silent, dripping, down, slow, greylisting, refusing, denying, closing];
