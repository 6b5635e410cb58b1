/**
 * A random mix of faults under a steady load. Three sequences of faults run beside each other: one in the processes, one
 * in the SMTP server, one in the database. The plan is drawn before anything starts, so that a seed repeats it.
 */
import type { Dundie } from "../support/process.ts";
import type { Random } from "../support/random.ts";
import type { Rule } from "./faulty-smtp.ts";
import type { Scenario } from "./scenario.ts";
import type { Testbed } from "./testbed.ts";

const LENGTH_MS = 60_000;
const PER_SECOND = 25;
/**
 * A lease (30 s); a backoff of up to 20 s, because a message may have been deferred three times; and the breaker, which
 * pauses up to 16 s after the longest outage of the plan.
 */
const RECOVERY_SECONDS = 60;

interface Step {
  readonly fault: string;
  /** In milliseconds from the start of the mix. */
  readonly atMs: number;
  readonly lastsMs: number;
  run(running: Running, lastsMs: number): Promise<void>;
}

interface Running {
  readonly testbed: Testbed;
  api: Dundie;
  worker: Dundie;
}

type Fault = Pick<Step, "run"> & { readonly name: string; readonly seconds: readonly [low: number, high: number] };

const processFaults: readonly [Fault, ...Fault[]] = [
  {
    name: "kill -9 of the API and its courier",
    seconds: [0, 2],
    async run(running, lastsMs) {
      await running.testbed.kill(running.api);
      await Bun.sleep(lastsMs);
      running.api = await running.testbed.serveBreakable();
    },
  },
  {
    name: "kill -9 of the worker",
    seconds: [0, 2],
    async run(running, lastsMs) {
      await running.testbed.kill(running.worker);
      await Bun.sleep(lastsMs);
      running.worker = await running.testbed.worker();
    },
  },
  {
    name: "SIGTERM to the worker",
    seconds: [0, 1],
    async run(running, lastsMs) {
      const { testbed, worker } = running;
      worker.signal("SIGTERM");
      const code = await worker.exited;
      // The SMTP server's faults run beside these and may have killed this worker, before the SIGTERM or after it.
      const events = await testbed.smtp.readLog();
      const killed = code === null && events.some((event) => event.event === "signal" && event.pid === worker.pid);
      testbed.expect(code === 0 || killed, `SIGTERM ends a worker in time, with exit code 0 (${code})`);
      await Bun.sleep(lastsMs);
      running.worker = await running.testbed.worker();
    },
  },
  {
    name: "SIGSTOP of the worker",
    seconds: [5, 15],
    async run({ testbed, worker }, lastsMs) {
      await testbed.explainCopies("the process was suspended", async () => {
        worker.signal("SIGSTOP");
        await Bun.sleep(lastsMs);
        worker.signal("SIGCONT");
      });
    },
  },
  ...(["throws", "exits", "rejects", "spins"] as const).map((fault) => ({
    name: `a thread that ${fault}`,
    seconds: [0, 0] as const,
    async run({ testbed, api }: Running) {
      const before = api.logged("courier_ready");
      await testbed.explainCopies(`the thread ${fault}`, async () => {
        testbed.breakThread(fault);
        await testbed.until(() => api.logged("courier_ready") > before, "the courier thread is started again");
      });
    },
  })),
];

/** The server behaves again after a while, and closes the connections that it has kept waiting. */
const serverFault = (name: string, ...rules: Rule[]): Fault => ({
  name,
  seconds: [2, 6],
  async run({ testbed }, lastsMs) {
    const active = await Promise.all(rules.map((rule) => testbed.smtp.add(rule)));
    await Bun.sleep(lastsMs);
    for (const rule of active) await rule.remove();
    if (rules.some(({ silent, dripMs }) => silent ?? dripMs)) await testbed.smtp.hangUpAll();
  },
});

const MOMENTS = ["greeting", "ehlo", "mail", "rcpt", "data", "body", "reply"] as const;

const serverFaults: readonly [Fault, ...Fault[]] = [
  {
    name: "SMTP refuses connections",
    seconds: [2, 8],
    async run({ testbed }, lastsMs) {
      await testbed.smtp.refuse();
      await Bun.sleep(lastsMs);
      await testbed.smtp.open();
    },
  },
  serverFault("SMTP takes 1.5 s for each email", { phase: "reply", delayMs: 1_500 }),
  serverFault("greylisting", { phase: "rcpt", perRecipient: 1, reply: "451 4.7.1 Greylisted, try again later" }),
  serverFault("too busy for a body", { phase: "data", perRecipient: 1, reply: "451 4.3.2 Try again later" }),
  serverFault("421 in MAIL", { phase: "mail", times: 3, reply: "421 4.3.2 Shutting down" }),
  serverFault("a few recipients refused", { phase: "rcpt", times: 2, reply: "550 5.1.1 No such user here" }),
  serverFault("a relay that denies everything", { phase: "rcpt", perRecipient: 2, reply: "554 5.7.1 Relay denied" }),
  serverFault("answers by the byte", { phase: "rcpt", times: 3, dripMs: 500 }),
  ...MOMENTS.map((phase) => serverFault(`closing in ${phase}`, { phase, times: 4, hangUp: "before" })),
  ...MOMENTS.map((phase) => serverFault(`silence in ${phase}`, { phase, times: 3, silent: true })),
  ...MOMENTS.map((phase): Fault => ({
    name: `kill -9 of the worker in ${phase}`,
    seconds: [2, 4],
    async run({ testbed, worker }, lastsMs) {
      const signal = { pid: worker.pid, now: "SIGKILL" } as const;
      const rule = await testbed.smtp.add({ phase, times: 1, hangUp: "before", signal });
      await Bun.sleep(lastsMs);
      await rule.remove();
    },
  })),
];

const databaseFaults: readonly [Fault, ...Fault[]] = [
  {
    name: "database connections killed",
    seconds: [1, 4],
    async run({ testbed }, lastsMs) {
      const end = Date.now() + lastsMs;
      await testbed.explainCopies("the database connection was killed", async () => {
        while (Date.now() < end) {
          await testbed.sql`select pg_terminate_backend(pid) from pg_stat_activity
            where datname = current_database() and application_name like 'dundie %'`;
          await Bun.sleep(300);
        }
      });
    },
  },
  ...(["fast", "immediate"] as const).map((mode) => ({
    name: `the database restarted, ${mode}`,
    seconds: [0, 0] as const,
    run: ({ testbed }: Running) =>
      testbed.explainCopies("the database was restarted", () => testbed.cluster.restart(mode)),
  })),
  ...(["message", "user"] as const).map((table) => ({
    name: `the table "${table}" locked`,
    seconds: [2, 6] as const,
    run: ({ testbed }: Running, lastsMs: number) =>
      testbed.sql
        .begin(async (tx) => {
          await tx`lock table ${tx(table)} in access exclusive mode`;
          await Bun.sleep(lastsMs);
        })
        .then(() => undefined),
  })),
];

/** Faults one after the other, each at its time, with a pause between them. */
function drawSequence(random: Random, faults: readonly [Fault, ...Fault[]]): Step[] {
  const steps: Step[] = [];
  let atMs = random.between(500, 3_000);
  while (atMs < LENGTH_MS - 8_000) {
    const { name, seconds, run } = random.pick(faults);
    const lastsMs = random.between(seconds[0] * 1_000, seconds[1] * 1_000);
    steps.push({ fault: name, atMs, lastsMs, run });
    atMs += lastsMs + random.between(1_000, 5_000);
  }
  return steps;
}

/** @returns three sequences, the same for the same seed. */
export const drawPlan = (random: Random): Step[][] => [
  drawSequence(random, processFaults),
  drawSequence(random, serverFaults),
  drawSequence(random, databaseFaults),
];

export const mix: Scenario = {
  name: "mix",
  fault: `a random mix of these faults for ${LENGTH_MS / 1_000} s, under load`,
  heavy: true,
  takesAway: "the database",
  recoverySeconds: RECOVERY_SECONDS,
  async run(testbed) {
    const plan = drawPlan(testbed.random);
    testbed.allowEnd(["*"], "rejected");
    testbed.allowEnd(["*"], "unconfirmed");
    const running: Running = { testbed, api: await testbed.serveBreakable(), worker: await testbed.worker() };
    const load = await testbed.startLoad(PER_SECOND);
    const startedAt = performance.now();
    await Promise.all(plan.map((steps) => runSequence(steps, running, startedAt)));
    testbed.faultsEnd();
    await load.stop();
  },
};

async function runSequence(steps: readonly Step[], running: Running, startedAt: number): Promise<void> {
  for (const { atMs, lastsMs, run } of steps) {
    await Bun.sleep(Math.max(0, startedAt + atMs - performance.now()));
    await run(running, lastsMs);
  }
}
