/**
 * Clock steps of the database. The clock cannot be stepped for one database alone, so every stored time moves the other
 * way instead: to the database both are the same.
 */
import type { Scenario } from "./scenario.ts";
import type { Testbed } from "./testbed.ts";

/**
 * Times that stay as they are: those that were sent with an email, since the recipient has them, and the ends of
 * messages, since the checker compares them with its own clock.
 */
const PINNED = ["dated_at", "link_expires_at", "ended_at"];

/** @param seconds how far the clock steps: forward when positive. */
async function stepClock({ sql }: Testbed, seconds: number): Promise<void> {
  const columns = await sql<{ table: string; column: string }[]>`
    select c.table_name as table, c.column_name as column from information_schema.columns c
    join information_schema.tables t using (table_schema, table_name)
    where c.table_schema = any(current_schemas(false)) and t.table_type = 'BASE TABLE'
      and c.data_type = 'timestamp with time zone' and c.is_generated = 'NEVER'
      and not c.column_name = any(${PINNED}::text[])`;
  await sql.begin(async (tx) => {
    // Triggers keep the audit log append-only, and checks of the times hold before and after.
    await tx`set local session_replication_role = replica`;
    for (const [table, of] of Map.groupBy(columns, ({ table }) => table)) {
      const moves = of.map(({ column }) => `"${column}" = "${column}" - make_interval(secs => ${seconds})`);
      await tx.unsafe(`update "${table}" set ${moves.join(", ")}`);
    }
  });
}

const back: Scenario = {
  name: "clock-back",
  fault: "the database's clock steps one hour back: new requests are mailed, not taken for revoked ones",
  async run(testbed) {
    await testbed.serve();
    await testbed.requestResets(await testbed.createAccounts(20));
    await testbed.until(() => testbed.smtp.accepted >= 20, "the first emails are accepted");
    const emails = await testbed.createAccounts(20);
    await stepClock(testbed, -3_600);
    await testbed.requestResets(emails);
    testbed.faultsEnd();
  },
};

/** The server has accepted the emails, and its replies arrive after the step. */
const forward: Scenario = {
  name: "clock-forward",
  fault: "the database's clock steps three hours forward between an email and its 250: recorded as sent, not copied",
  async run(testbed) {
    await testbed.serve();
    const held = await testbed.smtp.add({ phase: "reply", hold: true });
    await testbed.requestResets(await testbed.createAccounts(5));
    await held.applied(5);
    await stepClock(testbed, 3 * 3_600);
    await Bun.sleep(3_000);
    await held.remove();
    testbed.faultsEnd();
    await testbed.requestResets(await testbed.createAccounts(10));
  },
};

export const clocks: readonly Scenario[] = [back, forward];
