/** SMTP servers as they are on bad days. */
import { LANES, type Lane } from "../../src/mail/kinds.ts";
import type { Stage } from "./stage.ts";
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
        // A connection that is kept from before says no greeting and no EHLO any more.
        await stage.smtp.hangUpAll();
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

/** Letters of the slower lanes, as an import makes them. */
const enqueueInvitations = (stage: Stage, emails: readonly string[], lane: Lane) => stage.sql`
  insert into message (id, kind, lane, user_id, request_id, expires_at)
  select uuidv7(), 'invitation', ${LANES[lane]}, id, gen_random_uuid()::text, now() + interval '72 hours'
  from "user" where email = any(${emails as string[]}::text[])`;

/** The part of one core that a process took meanwhile. Where there is no /proc: unknown. */
async function coreShare(pid: number, during: () => Promise<void>): Promise<number | null> {
  const ticks = async (): Promise<number | null> => {
    const stat = await Bun.file(`/proc/${pid}/stat`)
      .text()
      .catch(() => null);
    // After the name, which may hold anything: utime and stime are the 14th and 15th fields, in hundredths of a second.
    const fields = stat?.slice(stat.lastIndexOf(")") + 2).split(" ");
    return fields ? Number(fields[11]) + Number(fields[12]) : null;
  };
  const [before, begun] = [await ticks(), performance.now()];
  await during();
  const after = await ticks();
  return before === null || after === null ? null : (after - before) / 100 / ((performance.now() - begun) / 1_000);
}

const IDLE_SHARE = 0.1;
/** Letters that may overtake: as many as there are connections, and the probe. */
const OVERTAKING = 6;

/** Time is moved by shifting rows: half an hour passes between two statements. */
const outage: Scenario = {
  name: "smtp-outage",
  fault: "SMTP down for half an hour (shifted): nothing is abandoned, the process idles, lanes drain in order",
  async play(stage) {
    const resets = await stage.people(300);
    const invitations = await stage.people(40);
    const imports = await stage.people(60);
    const expired = await stage.people(3);
    const api = await stage.serve();
    await stage.smtp.refuse();
    await stage.askAll([...resets, ...expired]);
    await enqueueInvitations(stage, invitations, "account");
    await enqueueInvitations(stage, imports, "bulk");
    const share = await coreShare(api.pid, () => Bun.sleep(12_000));
    stage.expect(share === null || share < IDLE_SHARE, `CPU stays idle meanwhile (${share} of a core)`);
    await shift(stage, "30 minutes");
    stage.provoke(expired, "expired");
    await stage.sql`update message set expires_at = now() where requested_email = any(${expired}::text[])`;
    const [given] =
      await stage.sql`select count(*)::int as up from message where state = 'failed' and reason <> 'expired'`;
    stage.expect(given?.["up"] === 0, "nothing is abandoned");
    await stage.smtp.open();
    stage.faultsEnd();
    const all = resets.length + invitations.length + imports.length;
    await stage.until(() => stage.smtp.accepted >= all, "the backlog is mailed");
    const order = (await stage.smtp.readLog()).flatMap((event) => (event.event === "dot" ? [event.recipient] : []));
    const late = overtaken(order, resets, invitations) + overtaken(order, invitations, imports);
    stage.expect(late <= 2 * OVERTAKING, `the backlog drains in lane order (${late} came too late)`);
    stage.expect(!order.some((recipient) => expired.includes(recipient)), "what has expired is not sent");
  },
};

/** How many of those that come first came after the first of those that come next. */
function overtaken(order: readonly string[], first: readonly string[], next: readonly string[]): number {
  const begun = order.findIndex((recipient) => next.includes(recipient));
  return order.slice(begun).filter((recipient) => first.includes(recipient)).length;
}

const shift = ({ sql }: Stage, interval: string) =>
  sql.begin(async (tx) => {
    await tx`update "user" set credentials_changed_at = credentials_changed_at - ${interval}::interval`;
    await tx`
      update message set created_at = created_at - ${interval}::interval, due_at = due_at - ${interval}::interval,
        expires_at = expires_at - ${interval}::interval where state = 'queued'`;
  });

export const mailServers = [silent, dripping, outage, down, slow, greylisting, refusing, denying, closing];
