/**
 * Everything at once, by chance: three strands of faults beside each other, one against the processes, one by the SMTP
 * server, one by the database, under a steady load. The plan is drawn before anything starts, so a seed replays it.
 */
import type { Dundie } from "./processes.ts";
import type { Random } from "./random.ts";
import type { Rule } from "./hostile.ts";
import type { Scenario } from "./scenario.ts";
import type { Stage } from "./stage.ts";

const LENGTH_MS = 60_000;
const PER_SECOND = 25;
/**
 * A lease; a backoff, because a letter may have been put off three times (up to 20 s); a breaker, which pauses up to
 * 16 s after the longest outage of the plan.
 */
const RECOVERY_SECONDS = 60;

interface Step {
  readonly fault: string;
  /** From the start of the mix. */
  readonly atMs: number;
  readonly lastsMs: number;
  play(cast: Cast, lastsMs: number): Promise<void>;
}

interface Cast {
  readonly stage: Stage;
  api: Dundie;
  worker: Dundie;
}

type Fault = Pick<Step, "play"> & { readonly name: string; readonly seconds: readonly [low: number, high: number] };

const processFaults: readonly [Fault, ...Fault[]] = [
  {
    name: "kill -9 of the API and its courier",
    seconds: [0, 2],
    async play(cast, lastsMs) {
      await cast.stage.kill(cast.api);
      await Bun.sleep(lastsMs);
      cast.api = await cast.stage.serveBreakable();
    },
  },
  {
    name: "kill -9 of the worker",
    seconds: [0, 2],
    async play(cast, lastsMs) {
      await cast.stage.kill(cast.worker);
      await Bun.sleep(lastsMs);
      cast.worker = await cast.stage.worker();
    },
  },
  {
    name: "SIGTERM to the worker",
    seconds: [0, 1],
    async play(cast, lastsMs) {
      cast.worker.signal("SIGTERM");
      cast.stage.expect((await cast.worker.exited) === 0, "SIGTERM ends a worker in time, with exit code 0");
      await Bun.sleep(lastsMs);
      cast.worker = await cast.stage.worker();
    },
  },
  {
    name: "SIGSTOP of the worker",
    seconds: [5, 15],
    async play({ stage, worker }, lastsMs) {
      await stage.disturb("the process was suspended", async () => {
        worker.signal("SIGSTOP");
        await Bun.sleep(lastsMs);
        worker.signal("SIGCONT");
      });
    },
  },
  ...(["throws", "exits", "rejects", "spins"] as const).map((fault) => ({
    name: `a thread that ${fault}`,
    seconds: [0, 0] as const,
    async play({ stage, api }: Cast) {
      const before = api.logged("courier_ready");
      await stage.disturb(`the thread ${fault}`, async () => {
        stage.breakThread(fault);
        await stage.until(() => api.logged("courier_ready") > before, "the courier thread is started again");
      });
    },
  })),
];

/** The server behaves again after a while, and hangs up on whom it has kept waiting. */
const serverFault = (name: string, ...rules: Rule[]): Fault => ({
  name,
  seconds: [2, 6],
  async play({ stage }, lastsMs) {
    const traps = await Promise.all(rules.map((rule) => stage.smtp.set(rule)));
    await Bun.sleep(lastsMs);
    for (const trap of traps) await trap.lift();
    if (rules.some(({ silent, dripMs }) => silent ?? dripMs)) await stage.smtp.hangUpAll();
  },
});

const MOMENTS = ["greeting", "ehlo", "mail", "rcpt", "data", "body", "reply"] as const;

const serverFaults: readonly [Fault, ...Fault[]] = [
  {
    name: "SMTP refuses connections",
    seconds: [2, 8],
    async play({ stage }, lastsMs) {
      await stage.smtp.refuse();
      await Bun.sleep(lastsMs);
      await stage.smtp.open();
    },
  },
  serverFault("SMTP takes 1.5 s a letter", { phase: "reply", delayMs: 1_500 }),
  serverFault("greylisting", { phase: "rcpt", perRecipient: 1, reply: "451 4.7.1 Greylisted, come again" }),
  serverFault("too busy for a body", { phase: "data", perRecipient: 1, reply: "451 4.3.2 Come again" }),
  serverFault("421 in MAIL", { phase: "mail", times: 3, reply: "421 4.3.2 Shutting down" }),
  serverFault("a few recipients refused", { phase: "rcpt", times: 2, reply: "550 5.1.1 No such user here" }),
  serverFault("a relay that denies everything", { phase: "rcpt", perRecipient: 2, reply: "554 5.7.1 Relay denied" }),
  serverFault("answers by the byte", { phase: "rcpt", times: 3, dripMs: 500 }),
  ...MOMENTS.map((phase) => serverFault(`closing in ${phase}`, { phase, times: 4, hangUp: "before" })),
  ...MOMENTS.map((phase) => serverFault(`silence in ${phase}`, { phase, times: 3, silent: true })),
  ...MOMENTS.map((phase): Fault => ({
    name: `kill -9 of the worker in ${phase}`,
    seconds: [2, 4],
    async play({ stage, worker }, lastsMs) {
      const strike = { pid: worker.pid, now: "SIGKILL" } as const;
      const trap = await stage.smtp.set({ phase, times: 1, hangUp: "before", strike });
      await Bun.sleep(lastsMs);
      await trap.lift();
    },
  })),
];

const databaseFaults: readonly [Fault, ...Fault[]] = [
  {
    name: "database backends killed",
    seconds: [1, 4],
    async play({ stage }, lastsMs) {
      const end = Date.now() + lastsMs;
      await stage.disturb("the database backend was killed", async () => {
        while (Date.now() < end) {
          await stage.sql`select pg_terminate_backend(pid) from pg_stat_activity
            where datname = current_database() and application_name like 'dundie %'`;
          await Bun.sleep(300);
        }
      });
    },
  },
  ...(["fast", "immediate"] as const).map((mode) => ({
    name: `the database restarted, ${mode}`,
    seconds: [0, 0] as const,
    play: ({ stage }: Cast) => stage.disturb("the database was restarted", () => stage.cluster.restart(mode)),
  })),
  ...(["message", "user"] as const).map((table) => ({
    name: `the table "${table}" locked`,
    seconds: [2, 6] as const,
    play: ({ stage }: Cast, lastsMs: number) =>
      stage.sql
        .begin(async (tx) => {
          await tx`lock table ${tx(table)} in access exclusive mode`;
          await Bun.sleep(lastsMs);
        })
        .then(() => undefined),
  })),
];

/** Faults one after the other, each at its time, with a pause between them. */
function drawStrand(random: Random, faults: readonly [Fault, ...Fault[]]): Step[] {
  const steps: Step[] = [];
  let atMs = random.between(500, 3_000);
  while (atMs < LENGTH_MS - 8_000) {
    const { name, seconds, play } = random.pick(faults);
    const lastsMs = random.between(seconds[0] * 1_000, seconds[1] * 1_000);
    steps.push({ fault: name, atMs, lastsMs, play });
    atMs += lastsMs + random.between(1_000, 5_000);
  }
  return steps;
}

/** @returns the three strands of a seed: the same for the same seed. */
export const drawPlan = (random: Random): Step[][] => [
  drawStrand(random, processFaults),
  drawStrand(random, serverFaults),
  drawStrand(random, databaseFaults),
];

export const mix: Scenario = {
  name: "mix",
  fault: `a random mix of all of it for ${LENGTH_MS / 1_000} s, under load`,
  heavy: true,
  recoverySeconds: RECOVERY_SECONDS,
  async play(stage) {
    const plan = drawPlan(stage.random);
    stage.provoke(["*"], "rejected");
    stage.provoke(["*"], "unconfirmed");
    const cast: Cast = { stage, api: await stage.serveBreakable(), worker: await stage.worker() };
    const load = new AbortController();
    const pouring = stage.pour(await stage.people((LENGTH_MS / 1_000) * PER_SECOND * 2), PER_SECOND, load.signal);
    const begun = performance.now();
    await Promise.all(plan.map((strand) => playStrand(strand, cast, begun)));
    stage.faultsEnd();
    load.abort();
    await pouring;
  },
};

async function playStrand(strand: readonly Step[], cast: Cast, begun: number): Promise<void> {
  for (const { atMs, lastsMs, play } of strand) {
    await Bun.sleep(Math.max(0, begun + atMs - performance.now()));
    await play(cast, lastsMs);
  }
}
