/** Single rows that are locked or cannot be recorded, and one account with a huge backlog. */
import type { Scenario } from "./scenario.ts";
import { secondsToMail } from "./workloads.ts";

/** An operator's open transaction in psql. */
const rowLocked: Scenario = {
  name: "row-locked",
  fault: "one message's row locked for 40 s while it is sent: the outcomes of the others are recorded",
  async run(testbed) {
    await testbed.serve();
    const held = await testbed.smtp.add({ phase: "reply", hold: true });
    const [locked = "", ...others] = await testbed.createAccounts(5);
    testbed.touches([locked]);
    await testbed.requestResets([locked, ...others]);
    await held.applied(5);
    await testbed.sql.begin(async (tx) => {
      await tx`select 1 from message where requested_email = ${locked} for update`;
      await held.remove();
      const load = await testbed.startLoad(2);
      await Bun.sleep(10_000);
      const [sent] = await testbed.sql`
        select count(*)::int as count from message where requested_email = any(${others}::text[]) and state = 'sent'`;
      testbed.expect(sent?.["count"] === 4, `the other outcomes are recorded within 10 s (${sent?.["count"]} of 4)`);
      await Bun.sleep(30_000);
      await load.stop();
    });
    testbed.faultsEnd();
  },
};

/** Rows that no attempt can be recorded for. The operator repairs the rows, and the messages are sent. */
const unrecordable: Scenario = {
  name: "row-unrecordable",
  fault: "an attempt row that exists already, and a counter at the limit of its type: others are sent meanwhile",
  recoverySeconds: 90,
  async run(testbed) {
    await testbed.serve({ COURIER: "off" });
    const [existing = "", full = ""] = await testbed.createAccounts(2);
    testbed.touches([existing, full]);
    testbed.allowEnd([existing, full], "*");
    await testbed.requestResets([existing, full]);
    await testbed.sql`
      insert into attempt (message_id, number, lease_id, courier_id)
      select id, attempts + 1, gen_random_uuid(), gen_random_uuid() from message where requested_email = ${existing}`;
    const [type] = await testbed.sql`select pg_typeof(attempts)::text as name from message limit 1`;
    const limit = type?.["name"] === "smallint" ? 32_767 : 2_147_483_647;
    await testbed.sql`update message set attempts = ${limit} where requested_email = ${full}`;
    const worker = await testbed.worker();
    const load = await testbed.startLoad(3);
    await Bun.sleep(15_000);
    await load.stop();
    const complaints = worker.log().filter(({ level }) => level === "error" || Number(level) >= 50).length;
    const [sent] = await testbed.sql<{ count: number }[]>`
      select count(*)::int as count from message where requested_email in (${existing}, ${full}) and state = 'sent'`;
    testbed.expect(sent?.count === 2 || complaints >= 1, "both messages are sent, or the log names the failure");
    testbed.expect(complaints <= 20, `the log does not repeat the failure (${complaints} errors in 15 s)`);
    await testbed.sql`
      delete from attempt a using message m where a.message_id = m.id and m.requested_email = ${existing}
        and m.state = 'queued'`;
    await testbed.sql`
      update message set attempts = 0, due_at = now() where requested_email in (${existing}, ${full})
        and state = 'queued' and not exists (select 1 from attempt where message_id = message.id)`;
    testbed.faultsEnd();
  },
};

const BACKLOG = 16_000;

/** Each request supersedes the older ones of its account. */
const backlogOfOneAccount: Scenario = {
  name: "backlog-one-account",
  fault: `${BACKLOG.toLocaleString("en-US")} requests for one address during an outage: others do not wait for them`,
  heavy: true,
  takesAway: "SMTP",
  async run(testbed) {
    await testbed.serve();
    const [flooded = "", first = "", second = ""] = await testbed.createAccounts(3);
    testbed.allowEnd([flooded], "superseded");
    await testbed.smtp.refuse();
    await testbed.requestResets(
      Array.from({ length: BACKLOG }, () => flooded),
      128,
    );
    await testbed.smtp.open();
    testbed.faultsEnd();
    for (const email of [first, second]) {
      const seconds = await secondsToMail(testbed, email);
      testbed.expect(seconds <= 15, `a reset of another account takes 15 s at most (${seconds.toFixed(1)} s)`);
    }
  },
};

export const rows: readonly Scenario[] = [rowLocked, unrecordable, backlogOfOneAccount];
