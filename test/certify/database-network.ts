/** A network, a load balancer or a pooler between dundie and its database that is in trouble. */
import { dropPackets, packetLossIsMissing } from "../support/packet-loss.ts";
import { findPgBouncer } from "../support/pgbouncer.ts";
import type { Scenario } from "./scenario.ts";
import type { Testbed } from "./testbed.ts";

/** A connection that gives no answer is destroyed and another is tried within this time. */
const RECOVERS_WITHIN_SECONDS = 10;

/**
 * Requests a reset every half second from the fault on.
 * @returns when the first of five consecutive requests was answered 200, in seconds from the call.
 */
async function secondsUntilAnswered(testbed: Testbed, limitSeconds: number): Promise<number> {
  const startedAt = performance.now();
  const emails = (await testbed.createAccounts(limitSeconds * 2)).values();
  let since: number | null = null;
  let successes = 0;
  for (const email of emails) {
    const at = (performance.now() - startedAt) / 1_000;
    if (at > limitSeconds) break;
    const { status } = await testbed.requestReset(email);
    if (status !== 200) [since, successes] = [null, 0];
    else {
      since ??= at;
      successes += 1;
    }
    if (since !== null && successes >= 5) return since;
    await Bun.sleep(500);
  }
  return limitSeconds;
}

/** Reads /health during the fault. @returns the statuses that it had. */
async function watchHealth(testbed: Testbed, seconds: number): Promise<number[]> {
  const statuses: number[] = [];
  const end = performance.now() + seconds * 1_000;
  while (performance.now() < end) {
    statuses.push((await testbed.health()).status);
    await Bun.sleep(250);
  }
  return statuses;
}

/** What has to hold while the connections that dundie has give no answer, and new ones work. */
async function survivesSilence(testbed: Testbed, logOf: () => readonly unknown[]): Promise<void> {
  const [seconds, statuses] = await Promise.all([
    secondsUntilAnswered(testbed, 40),
    watchHealth(testbed, RECOVERS_WITHIN_SECONDS),
  ]);
  testbed.expect(seconds <= RECOVERS_WITHIN_SECONDS, `requests are answered 200 again within 10 s (${seconds} s)`);
  const [late = ""] = await testbed.createAccounts(1);
  const before = testbed.smtp.accepted;
  const { status } = await testbed.requestReset(late);
  testbed.expect(status === 200, "a request after the fault is answered 200");
  await testbed.eventually(() => testbed.smtp.accepted > before, "emails are sent again", 10_000);
  const told = statuses.some((code) => code !== 200) || logOf().length > 0;
  testbed.expect(told, "/health or the log tells of the silent connections");
}

const errorsOf =
  (...processes: { log(): readonly Readonly<Record<string, unknown>>[] }[]) =>
  () =>
    processes.flatMap((dundie) =>
      dundie.log().filter(({ level }) => Number(level) >= 40 || /warn|error/.test(String(level))),
    );

/** A proxy that stops forwarding: the kernel still acknowledges what is sent. */
const frozen: Scenario = {
  name: "database-frozen",
  fault: "a proxy that stops forwarding on the open database connections: answered and sending again within 10 s",
  takesAway: "the database",
  recoverySeconds: 45,
  async run(testbed) {
    const proxy = await testbed.proxyDatabase();
    const api = await testbed.serve({ DATABASE_URL: proxy.through(testbed.databaseUrl) });
    await testbed.requestResets(await testbed.createAccounts(10));
    await testbed.until(() => testbed.smtp.accepted >= 10, "the first emails are accepted");
    proxy.apply("freeze");
    testbed.faultsEnd();
    await survivesSilence(testbed, errorsOf(api));
  },
};

/** A firewall that forgot the connections: packets vanish both ways, and nothing is acknowledged. */
const packetsDropped: Scenario = {
  name: "database-packets-dropped",
  fault: "every packet of the open database connections dropped: answered and sending again within 10 s",
  takesAway: "the database",
  recoverySeconds: 45,
  missing: packetLossIsMissing,
  async run(testbed) {
    const api = await testbed.serve();
    await testbed.requestResets(await testbed.createAccounts(10));
    await testbed.until(() => testbed.smtp.accepted >= 10, "the first emails are accepted");
    const serverPort = Number(new URL(testbed.databaseUrl).port);
    const open = await testbed.sql<{ port: number }[]>`select client_port as port from pg_stat_activity
      where datname = current_database() and application_name like 'dundie%'`;
    const loss = dropPackets(open.map(({ port }) => ({ clientPort: port, serverPort })));
    try {
      testbed.faultsEnd();
      await survivesSilence(testbed, errorsOf(api));
    } finally {
      loss.restore();
    }
  },
};

const ACCEPTS_AND_CLOSES_SECONDS = 60;

/** A load balancer without a live server behind it. The driver must not reconnect without a pause. */
const acceptsAndCloses: Scenario = {
  name: "database-accepts-and-closes",
  fault: `a front end of the database that accepts and closes for ${ACCEPTS_AND_CLOSES_SECONDS} s`,
  takesAway: "the database",
  async run(testbed) {
    const proxy = await testbed.proxyDatabase();
    const url = proxy.through(testbed.databaseUrl);
    await testbed.serve({ DATABASE_URL: url });
    await testbed.requestResets(await testbed.createAccounts(5));
    await testbed.until(() => testbed.smtp.accepted >= 5, "the first emails are accepted");
    const before = proxy.accepted;
    proxy.setMode("close");
    await testbed.explainCopies("the database connection was killed", () => Promise.resolve(proxy.apply("close")));
    const load = await testbed.startLoad(2);
    await Bun.sleep(ACCEPTS_AND_CLOSES_SECONDS * 1_000);
    const { status } = await testbed.health();
    testbed.expect(status === 503, `/health answers 503 meanwhile (${status})`);
    const perSecond = (proxy.accepted - before) / ACCEPTS_AND_CLOSES_SECONDS;
    testbed.expect(perSecond <= 50, `at most 50 connections are tried each second (${perSecond.toFixed(0)})`);
    proxy.setMode("forward");
    testbed.faultsEnd();
    await Bun.sleep(2_000);
    await load.stop();
  },
};

const RESTARTS = 30;

const restarts: Scenario = {
  name: "database-restarts",
  fault: `${RESTARTS} restarts of the database under load: no process and no thread ends`,
  takesAway: "the database",
  heavy: true,
  async run(testbed) {
    const api = await testbed.serve();
    const worker = await testbed.worker();
    const ended: string[] = [];
    void api.exited.then(() => ended.push("API"));
    void worker.exited.then(() => ended.push("worker"));
    const load = await testbed.startLoad(40);
    for (let turn = 0; turn < RESTARTS; turn += 1) {
      await testbed.explainCopies("the database was restarted", () =>
        testbed.cluster.restart(turn % 3 === 2 ? "immediate" : "fast"),
      );
      await Bun.sleep(testbed.random.between(200, 1_500));
    }
    testbed.faultsEnd();
    testbed.expect(ended.length === 0, `no process ends (${ended})`);
    const lost = api.logged("courier_lost") + worker.logged("courier_lost");
    testbed.expect(lost === 0, `no courier thread ends (${lost})`);
    await load.stop();
    if (ended.length > 0) await testbed.serve();
  },
};

const pooled = (mode: "session" | "transaction"): Scenario => ({
  name: `pgbouncer-${mode}`,
  fault:
    mode === "session"
      ? "PgBouncer in session mode with its default settings, restarted under load"
      : "PgBouncer in transaction mode: works, or is refused at start with a sentence",
  takesAway: "the database",
  missing: () => (findPgBouncer() ? null : "PgBouncer is not installed"),
  async run(testbed) {
    const pooler = await testbed.poolDatabase(mode);
    try {
      // One API with its courier takes up to 15 of the pooler's 20 connections: see docs/postgresql.md.
      await testbed.serve({ DATABASE_URL: pooler.url });
    } catch (error) {
      const named = mode === "transaction" && /pool|PgBouncer/i.test(String(error));
      testbed.expect(named, `dundie starts, or says which setting it needs (${error})`);
      await testbed.serve();
    }
    const load = await testbed.startLoad(20);
    await Bun.sleep(5_000);
    await testbed.explainCopies("the pooler was restarted", () => pooler.restart());
    testbed.faultsEnd();
    await Bun.sleep(5_000);
    await load.stop();
  },
});

export const databaseNetwork: readonly Scenario[] = [
  acceptsAndCloses,
  frozen,
  packetsDropped,
  pooled("session"),
  pooled("transaction"),
  restarts,
];
