/** Much at once. */
import type { HostileEvent } from "./hostile.ts";
import type { Scenario } from "./scenario.ts";
import type { Stage } from "./stage.ts";

/** Nothing breaks: this is only how long the letters take, on a machine that does everything at once. */
const DRAIN_SECONDS = 120;

const twoWorkers: Scenario = {
  name: "two-workers",
  fault: "two workers over 5,000 messages: each once",
  heavy: true,
  recoverySeconds: DRAIN_SECONDS,
  async play(stage) {
    await stage.serve({ COURIER: "off" });
    const people = await stage.people(5_000);
    await Promise.all([stage.worker(), stage.worker()]);
    await stage.askAll(people, 64);
    stage.faultsEnd();
    await stage.until(async () => {
      const busy = await stage.sql`select 1 from attempt group by courier_id having count(*) > ${people.length / 10}`;
      return busy.length === 2;
    }, "both workers take their part");
  },
};

const burst: Scenario = {
  name: "burst",
  fault: "a burst of 10,000 requests for as many accounts",
  heavy: true,
  recoverySeconds: DRAIN_SECONDS,
  async play(stage) {
    await stage.serve();
    await stage.askAll(await stage.people(10_000), 256);
    stage.faultsEnd();
  },
};

const STAFF = 5_000;
const SLOW_SEND_SECONDS = 3;

/** From the question to the server's 250, in seconds. */
async function secondsToMail(stage: Stage, email: string): Promise<number> {
  const { at } = await stage.ask(email);
  let mailedAt: number | undefined;
  await stage.until(async () => {
    const log = await stage.smtp.readLog();
    const letter = log.find((event) => event.event === "dot" && event.recipient === email);
    const answer = log.find(
      (event) => event.event === "answer" && event.letter === (letter as Dot | undefined)?.letter,
    );
    mailedAt = answer?.at;
    return mailedAt !== undefined;
  }, `the reset of ${email} is mailed`);
  return ((mailedAt ?? at) - at) / 1_000;
}

type Dot = Extract<HostileEvent, { event: "dot" }>;

/** The bulk lane holds a part of the connections: a reset finds one, however many invitations wait. */
const imported: Scenario = {
  name: "import",
  fault: `an import of ${STAFF.toLocaleString("en-US")} staff, run twice: each invited once, and no reset waits for it`,
  heavy: true,
  recoverySeconds: DRAIN_SECONDS,
  async play(stage) {
    await stage.serve();
    const [first, second] = await stage.people(2);
    const rows = Array.from({ length: STAFF }, (_, n) => `Member ${n},member${n}@example.com,sales`);
    const path = stage.file("staff.csv", ["name,email,dept", ...rows].join("\n"));
    const slow = await stage.smtp.set({ phase: "reply", delayMs: SLOW_SEND_SECONDS * 1_000 });
    const printed = await stage.command(["import-users", path, "--invite"]);
    stage.expect(printed.startsWith(`${STAFF} created and invited, 0 had an account`), "the import creates all");
    await slow.struck(3);
    const slowly = await secondsToMail(stage, first ?? "");
    stage.expect(slowly <= SLOW_SEND_SECONDS + 1, `a reset takes one slow send and a second at most (${slowly} s)`);
    await slow.lift();
    const quickly = await secondsToMail(stage, second ?? "");
    stage.expect(stage.smtp.accepted < STAFF, "the reset came in the middle of the import");
    stage.expect(quickly <= 1, `a reset over an instant server takes a second at most (${quickly} s)`);
    const again = await stage.command(["import-users", path, "--invite"]);
    stage.expect(again.startsWith(`0 created and invited, ${STAFF} had an account`), "a second run creates nobody");
    stage.faultsEnd();
    await stage.until(() => stage.smtp.accepted >= STAFF + 2, "everybody is invited", DRAIN_SECONDS * 1_000);
    const invited = (await stage.smtp.readLog()).flatMap((event) => (event.event === "dot" ? [event.recipient] : []));
    stage.expect(new Set(invited).size === STAFF + 2 && invited.length === STAFF + 2, "each is invited once");
  },
};

export const loads = [twoWorkers, burst, imported];
