/** Workloads: many requests at once, without any fault. */
import type { SmtpEvent } from "./faulty-smtp.ts";
import type { Scenario } from "./scenario.ts";
import type { Testbed } from "./testbed.ts";

/** Nothing fails here. The limit is how long a machine that runs client, servers and database together may need. */
const DRAIN_SECONDS = 120;

const twoWorkers: Scenario = {
  name: "two-workers",
  fault: "two workers over 5,000 messages: each once",
  heavy: true,
  takesAway: "capacity",
  recoverySeconds: DRAIN_SECONDS,
  async run(testbed) {
    await testbed.serve({ COURIER: "off" });
    const emails = await testbed.createAccounts(5_000);
    await Promise.all([testbed.worker(), testbed.worker()]);
    await testbed.requestResets(emails, 64);
    testbed.faultsEnd();
    await testbed.until(async () => {
      const busy = await testbed.sql`select 1 from attempt group by courier_id having count(*) > ${emails.length / 10}`;
      return busy.length === 2;
    }, "each worker sends a part of the messages");
  },
};

const burst: Scenario = {
  name: "burst",
  fault: "a burst of 10,000 requests for as many accounts",
  heavy: true,
  takesAway: "capacity",
  recoverySeconds: DRAIN_SECONDS,
  async run(testbed) {
    await testbed.serve();
    await testbed.requestResets(await testbed.createAccounts(10_000), 256);
    testbed.faultsEnd();
  },
};

const STAFF = 5_000;
const SLOW_SEND_SECONDS = 3;

/** From the request to the server's 250, in seconds. */
export async function secondsToMail(testbed: Testbed, recipient: string): Promise<number> {
  const { at } = await testbed.requestReset(recipient);
  let mailedAt: number | undefined;
  await testbed.until(async () => {
    const log = await testbed.smtp.readLog();
    const email = log.find((event) => event.event === "dot" && event.recipient === recipient);
    const answer = log.find((event) => event.event === "answer" && event.email === (email as Dot | undefined)?.email);
    mailedAt = answer?.at;
    return mailedAt !== undefined;
  }, `the reset of ${recipient} is mailed`);
  return ((mailedAt ?? at) - at) / 1_000;
}

type Dot = Extract<SmtpEvent, { event: "dot" }>;

/** The bulk lane may use only a part of the connections, so a reset finds one however many invitations wait. */
const imported: Scenario = {
  name: "import",
  fault: `an import of ${STAFF.toLocaleString("en-US")} staff, run twice: each invited once, and no reset waits for the import`,
  heavy: true,
  takesAway: "capacity",
  recoverySeconds: DRAIN_SECONDS,
  async run(testbed) {
    await testbed.serve();
    const [first, second] = await testbed.createAccounts(2);
    const rows = Array.from({ length: STAFF }, (_, n) => `Member ${n},member${n}@example.com,sales`);
    const path = testbed.file("staff.csv", ["name,email,dept", ...rows].join("\n"));
    const slow = await testbed.smtp.add({ phase: "reply", delayMs: SLOW_SEND_SECONDS * 1_000 });
    const printed = await testbed.command(["import-users", path, "--invite"]);
    testbed.expect(
      printed.startsWith(`${STAFF} created and invited, 0 had an account`),
      "the import creates all accounts",
    );
    await slow.applied(3);
    const slowly = await secondsToMail(testbed, first ?? "");
    testbed.expect(slowly <= SLOW_SEND_SECONDS + 1, `a reset takes one slow send and a second at most (${slowly} s)`);
    await slow.remove();
    const quickly = await secondsToMail(testbed, second ?? "");
    testbed.expect(testbed.smtp.accepted < STAFF, "the reset came in the middle of the import");
    testbed.expect(quickly <= 1, `a reset over an instant server takes a second at most (${quickly} s)`);
    const again = await testbed.command(["import-users", path, "--invite"]);
    testbed.expect(
      again.startsWith(`0 created and invited, ${STAFF} had an account`),
      "a second run creates no account",
    );
    testbed.faultsEnd();
    await testbed.until(() => testbed.smtp.accepted >= STAFF + 2, "all staff are invited", DRAIN_SECONDS * 1_000);
    const invited = (await testbed.smtp.readLog()).flatMap((event) => (event.event === "dot" ? [event.recipient] : []));
    testbed.expect(new Set(invited).size === STAFF + 2 && invited.length === STAFF + 2, "each is invited once");
  },
};

export const workloads = [twoWorkers, burst, imported];
