/** A courier process that is stopped for a while, as by SIGSTOP or a closed laptop, and goes on. */
import { describe, expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { startEngine, type Engine } from "./support/engine.ts";
import { spawnCli } from "./support/process.ts";
import { SETTINGS } from "./support/settings.ts";
import { until } from "./support/waiting.ts";

/** A lease lasts 30 s, and counts as possibly lost 5 s before its end. */
const SUSPENDED_MS = 27_000;

/** What `dundie worker` needs to send what the engine's database holds. */
const environmentOf = ({ databaseUrl, smtp }: Engine) => ({
  ...SETTINGS,
  DATABASE_URL: databaseUrl,
  SMTP_URL: smtp.url,
  // Over while the process is suspended.
  SMTP_TIMEOUTS: "data=20,reply=20",
});

const endLeases = ({ sql }: Engine) =>
  sql`update message set lease_expires_at = now() - interval '1 second' where state = 'sending'`;
const sentOnes = async ({ sql }: Engine): Promise<number> =>
  Number((await sql`select count(*) from message where state = 'sent'`)[0]?.["count"]);

/** A busy machine stops one thread after the other. */
async function suspend(engine: Engine, pid: number): Promise<void> {
  process.kill(pid, "SIGSTOP");
  const states = () =>
    readdirSync(`/proc/${pid}/task`).map((thread) => {
      const stat = readFileSync(`/proc/${pid}/task/${thread}/stat`, "utf8");
      return stat.charAt(stat.lastIndexOf(")") + 2);
    });
  await until(async () => states().every((state) => state === "T"));
}

if (process.platform !== "linux") console.warn("SKIPPED: what suspends a process is read from /proc");

describe.skipIf(process.platform !== "linux")("a courier process that was suspended", () => {
  test.concurrent("and is alone records the replies that came meanwhile, and sends no copy", async () => {
    await using stack = new AsyncDisposableStack();
    const engine = await startEngine();
    stack.defer(() => engine[Symbol.asyncDispose]());
    const people = await engine.people(3);
    const answered = Promise.withResolvers<void>();
    let arrived = 0;
    engine.smtp.behave(({ phase }) => {
      if (phase !== "reply") return null;
      arrived += 1;
      return { held: answered.promise };
    });
    const worker = stack.use(spawnCli(["worker"], { env: environmentOf(engine) }));
    await worker.until(({ stdout }) => stdout.includes("courier_ready"));
    for (const { email } of people) await engine.requestReset(email);
    await until(async () => arrived === people.length);
    await suspend(engine, worker.pid);
    answered.resolve();
    await engine.smtp.until(({ emails }) => emails.length === people.length);
    await Bun.sleep(SUSPENDED_MS);
    await endLeases(engine);
    worker.process.kill("SIGCONT");
    await until(async () => (await sentOnes(engine)) === people.length, { timeoutMs: 20_000 });
    expect(engine.smtp.emails).toHaveLength(people.length);
    const outcomes = await engine.sql`select distinct outcome, number from attempt`;
    expect([...outcomes]).toEqual([{ outcome: "sent", number: 1 }]);
  }, 90_000);

  test.concurrent("hands nothing over that another courier has sent meanwhile", async () => {
    await using stack = new AsyncDisposableStack();
    const engine = await startEngine();
    stack.defer(() => engine[Symbol.asyncDispose]());
    await engine.people(1);
    const answered = Promise.withResolvers<void>();
    let asked = 0;
    engine.smtp.behave(({ phase }) => {
      if (phase !== "data") return null;
      asked += 1;
      return asked === 1 ? { held: answered.promise } : null;
    });
    const worker = stack.use(spawnCli(["worker"], { env: environmentOf(engine) }));
    await worker.until(({ stdout }) => stdout.includes("courier_ready"));
    await engine.requestReset("person0@example.com");
    await until(async () => asked === 1);
    await suspend(engine, worker.pid);
    const stoppedAt = performance.now();
    // The 354 waits in its socket.
    answered.resolve();
    await endLeases(engine);
    engine.startCourier();
    await until(async () => (await sentOnes(engine)) === 1, { timeoutMs: 20_000 });
    await Bun.sleep(Math.max(0, SUSPENDED_MS - (performance.now() - stoppedAt)));
    worker.process.kill("SIGCONT");
    // It is up again when it leaves the table of couriers, which it does once it has finished what it had begun.
    worker.process.kill("SIGTERM");
    await worker.ended;
    expect(engine.smtp.emails).toHaveLength(1);
  }, 90_000);
});
