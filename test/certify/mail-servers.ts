/** SMTP servers that refuse, stall, or close connections. */
import { LANES, type Lane } from "../../src/mail/kinds.ts";
import type { Testbed } from "./testbed.ts";
import { LEASE_RECOVERY_SECONDS, type Scenario } from "./scenario.ts";

const down: Scenario = {
  name: "smtp-down",
  fault: "SMTP down: connections refused for 12 s, under load",
  takesAway: "SMTP",
  async run(testbed) {
    await testbed.serve();
    await testbed.requestResets(await testbed.createAccounts(20));
    await testbed.smtp.refuse();
    const load = await testbed.startLoad(8);
    await Bun.sleep(12_000);
    await load.stop();
    await testbed.smtp.open();
    testbed.faultsEnd();
  },
};

const slow: Scenario = {
  name: "smtp-slow",
  fault: "SMTP slow: 3 s for each email",
  takesAway: "capacity",
  async run(testbed) {
    await testbed.serve();
    await testbed.smtp.add({ phase: "reply", delayMs: 3_000 });
    const answers = await testbed.requestResets(await testbed.createAccounts(40));
    testbed.faultsEnd();
    testbed.expect(
      answers.every(({ status, tookMs }) => status === 200 && tookMs < 3_000),
      "no request waits for the slow server",
    );
  },
};

const greylisting: Scenario = {
  name: "smtp-greylisting",
  fault: "greylisting: each recipient is deferred twice (451)",
  async run(testbed) {
    await testbed.serve();
    const emails = await testbed.createAccounts(40);
    const rule = await testbed.smtp.add({
      phase: "rcpt",
      perRecipient: 2,
      reply: "451 4.7.1 Greylisted, try again later",
    });
    await testbed.requestResets(emails);
    await rule.applied(2 * emails.length);
    testbed.faultsEnd();
  },
};

const refusing: Scenario = {
  name: "smtp-refusing",
  fault: "one recipient of 30 refused (550)",
  async run(testbed) {
    await testbed.serve();
    const emails = await testbed.createAccounts(30);
    const refused = emails.slice(7, 8);
    testbed.allowEnd(refused, "rejected");
    await testbed.smtp.add({ phase: "rcpt", recipients: refused, reply: "550 5.1.1 No such user here" });
    await testbed.requestResets(emails);
    testbed.faultsEnd();
  },
};

const denying: Scenario = {
  name: "smtp-denying",
  takesAway: "SMTP",
  fault: "a relay that denies everything (554) for 8 s: none of 30 messages fails",
  async run(testbed) {
    await testbed.serve();
    const rule = await testbed.smtp.add({ phase: "rcpt", reply: "554 5.7.1 Relay access denied" });
    await testbed.requestResets(await testbed.createAccounts(30));
    await Bun.sleep(8_000);
    await rule.remove();
    testbed.faultsEnd();
  },
};

const MOMENTS = ["greeting", "ehlo", "mail", "rcpt", "data", "body", "reply"] as const;

const closing: Scenario = {
  name: "smtp-closing",
  fault: "connections closed in every SMTP phase, before the answer and after it",
  async run(testbed) {
    await testbed.serve();
    for (const phase of MOMENTS) {
      for (const hangUp of ["before", "after"] as const) {
        const rule = await testbed.smtp.add({ phase, hangUp, times: 2 });
        // A connection that was opened before has its greeting and EHLO behind it.
        await testbed.smtp.hangUpAll();
        await testbed.requestResets(await testbed.createAccounts(6));
        await rule.applied(2);
      }
    }
    testbed.faultsEnd();
  },
};

/** The defaults are minutes (RFC 5321 §4.5.3.2). */
const LIMIT_SECONDS = 20;
const SMTP_TIMEOUTS = ["greeting", "ehlo", "mail", "rcpt", "data", "body", "reply"]
  .map((step) => `${step}=${LIMIT_SECONDS}`)
  .join(",");

/** One message for each phase, all at once, so that their deadlines run at the same time. */
const silent: Scenario = {
  name: "smtp-silent",
  fault: `silence in every SMTP phase, until its time limit (set to ${LIMIT_SECONDS} s)`,
  recoverySeconds: LEASE_RECOVERY_SECONDS + LIMIT_SECONDS,
  async run(testbed) {
    await testbed.serve({ SMTP_POOL: "10", SMTP_TIMEOUTS });
    const rules = await Promise.all(MOMENTS.map((phase) => testbed.smtp.add({ phase, silent: true, times: 1 })));
    await testbed.requestResets(await testbed.createAccounts(10));
    await Promise.all(rules.map((rule) => rule.applied()));
    testbed.faultsEnd();
    const others = await testbed.createAccounts(20);
    const before = testbed.smtp.accepted;
    await testbed.requestResets(others);
    await testbed.until(
      () => testbed.smtp.accepted >= before + others.length,
      "the others are mailed meanwhile",
      45_000,
    );
  },
};

const dripping: Scenario = {
  name: "smtp-dripping",
  fault: "answers one byte every 6 s: no connection is held past the limit of a step, and others do not wait",
  recoverySeconds: LEASE_RECOVERY_SECONDS + LIMIT_SECONDS,
  async run(testbed) {
    await testbed.serve({ SMTP_TIMEOUTS });
    const slow = await testbed.createAccounts(3);
    const rules = await Promise.all(
      (["mail", "rcpt", "reply"] as const).map((phase) => testbed.smtp.add({ phase, dripMs: 6_000, times: 1 })),
    );
    await testbed.requestResets(slow);
    await Promise.all(rules.map((rule) => rule.applied()));
    testbed.faultsEnd();
    const before = testbed.smtp.accepted;
    await testbed.requestResets(await testbed.createAccounts(20));
    await testbed.until(() => testbed.smtp.accepted >= before + 20, "the others are mailed meanwhile", 20_000);
  },
};

/** Messages of the slower lanes, as an import enqueues them. */
const enqueueInvitations = (testbed: Testbed, emails: readonly string[], lane: Lane) => testbed.sql`
  insert into message (id, kind, lane, user_id, request_id, expires_at)
  select uuidv7(), 'invitation', ${LANES[lane]}, id, gen_random_uuid()::text, now() + interval '72 hours'
  from "user" where email = any(${emails as string[]}::text[])`;

/** @returns the part of one core that a process used meanwhile; null where there is no /proc. */
async function coreShare(pid: number, during: () => Promise<void>): Promise<number | null> {
  const ticks = async (): Promise<number | null> => {
    const stat = await Bun.file(`/proc/${pid}/stat`)
      .text()
      .catch(() => null);
    // The process name may contain spaces, so fields are counted from its end: utime and stime are the 14th and 15th
    // fields, in hundredths of a second (proc_pid_stat(5)).
    const fields = stat?.slice(stat.lastIndexOf(")") + 2).split(" ");
    return fields ? Number(fields[11]) + Number(fields[12]) : null;
  };
  const [before, startedAt] = [await ticks(), performance.now()];
  await during();
  const after = await ticks();
  return before === null || after === null ? null : (after - before) / 100 / ((performance.now() - startedAt) / 1_000);
}

const IDLE_SHARE = 0.1;
/** This many messages may overtake others: one for each connection, and the probe. */
const OVERTAKING = 6;

/** Half an hour passes between two statements, because the times in the rows are moved. */
const outage: Scenario = {
  name: "smtp-outage",
  takesAway: "SMTP",
  fault: "SMTP down for half an hour (by moving times): nothing fails, the process idles, lanes drain in order",
  async run(testbed) {
    const resets = await testbed.createAccounts(300);
    const invitations = await testbed.createAccounts(40);
    const imports = await testbed.createAccounts(60);
    const expired = await testbed.createAccounts(3);
    const api = await testbed.serve();
    await testbed.smtp.refuse();
    await testbed.requestResets([...resets, ...expired]);
    await enqueueInvitations(testbed, invitations, "account");
    await enqueueInvitations(testbed, imports, "bulk");
    const share = await coreShare(api.pid, () => Bun.sleep(12_000));
    testbed.expect(share === null || share < IDLE_SHARE, `the process idles meanwhile (it used ${share} of a core)`);
    await moveTimes(testbed, "30 minutes");
    testbed.allowEnd(expired, "expired");
    await testbed.sql`update message set expires_at = now() where requested_email = any(${expired}::text[])`;
    const [failed] =
      await testbed.sql`select count(*)::int as count from message where state = 'failed' and reason <> 'expired'`;
    testbed.expect(failed?.["count"] === 0, "no message fails during the outage");
    await testbed.smtp.open();
    testbed.faultsEnd();
    const all = resets.length + invitations.length + imports.length;
    await testbed.until(() => testbed.smtp.accepted >= all, "the backlog is mailed");
    const order = (await testbed.smtp.readLog()).flatMap((event) => (event.event === "dot" ? [event.recipient] : []));
    const late = countOvertaken(order, resets, invitations) + countOvertaken(order, invitations, imports);
    testbed.expect(late <= 2 * OVERTAKING, `the backlog drains in lane order (${late} emails came too late)`);
    testbed.expect(!order.some((recipient) => expired.includes(recipient)), "expired messages are not sent");
  },
};

/** @returns how many of the `first` recipients came after the first of the `next` ones. */
function countOvertaken(order: readonly string[], first: readonly string[], next: readonly string[]): number {
  const nextBegins = order.findIndex((recipient) => next.includes(recipient));
  return order.slice(nextBegins).filter((recipient) => first.includes(recipient)).length;
}

const moveTimes = ({ sql }: Testbed, interval: string) => sql`
  update message set created_at = created_at - ${interval}::interval, due_at = due_at - ${interval}::interval,
    expires_at = expires_at - ${interval}::interval where state = 'queued'`;

export const mailServers = [silent, dripping, outage, down, slow, greylisting, refusing, denying, closing];
