/** Messages whose courier stopped while it sent them, and what the others wait for them. */
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { Log } from "../src/log.ts";
import { createCourier } from "../src/mail/courier/handle.ts";
import { startEngine, type Engine } from "./support/engine.ts";
import type { SmtpPhase } from "./support/smtp.ts";

let engine: Engine;

beforeEach(async () => {
  engine = await startEngine();
});
afterEach(async () => {
  await engine.stop();
});

const endLeases = () =>
  engine.sql`update message set lease_expires_at = now() - interval '1 second' where state = 'sending'`;
const sent = async (): Promise<number> =>
  Number((await engine.sql`select count(*) from message where state = 'sent'`)[0]?.["count"]);

describe("orphaned messages", () => {
  test.each(["reply", "rcpt", "greeting"] as const)(
    "whose server is silent at %s hold up the others for seconds at most",
    async (phase: SmtpPhase) => {
      const people = await engine.people(23);
      const [silent, others] = [people.slice(0, 3), people.slice(3)];
      // A greeting is for no recipient: three connections of the second courier get none.
      let before = Infinity;
      const isSilent = (recipient: string | null, connection: number): boolean =>
        phase === "greeting" ? connection <= before + 3 : silent.some(({ email }) => email === recipient);
      engine.smtp.behave((moment) =>
        moment.phase === phase && isSilent(moment.recipient, moment.connection) ? { silent: true } : null,
      );
      const first = engine.startCourier();
      for (const { email } of silent) await engine.requestReset(email);
      await engine.until(async () => (await engine.sql`select 1 from message where state = 'sending'`).length === 3);
      // As a kill -9 in the moment of handing over would leave them: no drain, no word.
      await first.drain(0);
      await engine.sql`update attempt set phase = null`;
      await endLeases();

      before = engine.smtp.connections;
      engine.startCourier();
      await engine.until(async () => (await engine.sql`select 1 from attempt where number = 2`).length > 0);
      const askedAt = performance.now();
      for (const { email } of others) await engine.requestReset(email);
      await engine.until(async () => (await sent()) >= others.length, 30_000);
      expect(performance.now() - askedAt).toBeLessThan(15_000);
    },
    60_000,
  );

  test("that crash two couriers end visibly, and take no other along", async () => {
    const people = await engine.people(10);
    await engine.sql`update "user" set name = 'Poison' where email = 'person0@example.com'`;
    const events: Record<string, unknown>[] = [];
    const record = (fields: Record<string, unknown>): void => void events.push(fields);
    const log = { info: record, warn: record, error: record } as unknown as Log;
    const module = new URL("./support/poisoned.worker.ts", import.meta.url);
    const courier = createCourier({ config: engine.config, log, module });
    courier.start({ databaseUrl: engine.databaseUrl, smtpUrl: engine.smtp.url });
    try {
      const crashes = (): number => events.filter(({ event }) => event === "courier_lost").length;
      for (const { email } of people) await engine.requestReset(email);
      for (const crash of [1, 2]) {
        await engine.until(async () => crashes() === crash, 20_000);
        await endLeases();
      }
      await engine.until(async () => (await engine.timelineOf("person0@example.com")).state === "failed", 20_000);
      await engine.until(async () => (await sent()) === people.length - 1, 20_000);
      expect((await engine.timelineOf("person0@example.com")).reason).toBe("crashed");
      expect(crashes()).toBe(2);
      const isolated = engine.smtp.emails.filter(({ recipient }) => recipient === "person0@example.com");
      expect(isolated).toEqual([]);
    } finally {
      await courier.drain(2_000);
    }
  }, 90_000);
});

describe.skipIf(process.platform !== "linux")("a courier process that was suspended", () => {
  const SOURCE = fileURLToPath(new URL("..", import.meta.url));

  /** Waits until the process is ready, by its log. */
  async function startWorker(stack: AsyncDisposableStack) {
    const { databaseUrl, smtp } = engine;
    const child = Bun.spawn([process.execPath, "src/cli.ts", "worker"], {
      cwd: SOURCE,
      env: {
        PATH: process.env["PATH"] ?? "",
        DATABASE_URL: databaseUrl,
        SMTP_URL: smtp.url,
        MAIL_FROM: "Dundie <no-reply@dm.com>",
        PUBLIC_URL: "http://localhost:8000",
        SECRET_KEY: "engine tests: a key that is long and no secret",
      },
      stdout: "pipe",
      stderr: "inherit",
    });
    stack.defer(async () => {
      child.kill("SIGKILL");
      await child.exited;
    });
    const reader = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
    for (let text = ""; !text.includes("courier_ready");) {
      const { value, done } = await reader.read();
      if (done) throw new Error(`The worker did not start: ${text}`);
      text += value;
    }
    void (async () => {
      while (!(await reader.read()).done);
    })();
    return child;
  }

  /** A busy machine stops one thread after the other. */
  async function suspend({ pid }: Bun.Subprocess): Promise<void> {
    process.kill(pid, "SIGSTOP");
    const states = () =>
      readdirSync(`/proc/${pid}/task`).map((thread) => {
        const stat = readFileSync(`/proc/${pid}/task/${thread}/stat`, "utf8");
        return stat.charAt(stat.lastIndexOf(")") + 2);
      });
    await engine.until(async () => states().every((state) => state === "T"));
  }

  test("and is alone records the replies that came meanwhile, and sends no copy", async () => {
    await using stack = new AsyncDisposableStack();
    const people = await engine.people(3);
    const arrived = Promise.withResolvers<void>();
    const answered = Promise.withResolvers<void>();
    let seen = 0;
    engine.smtp.behave(({ phase }) => {
      if (phase !== "reply") return null;
      seen += 1;
      if (seen === people.length) arrived.resolve();
      return { held: answered.promise };
    });
    const worker = await startWorker(stack);
    for (const { email } of people) await engine.requestReset(email);
    await arrived.promise;
    await suspend(worker);
    answered.resolve();
    await engine.smtp.until(({ emails }) => emails.length === people.length);
    // Longer than a suspension has to last to be seen as one.
    await Bun.sleep(8_000);
    await endLeases();
    worker.kill("SIGCONT");
    await engine.until(async () => (await sent()) === people.length, 20_000);
    expect(engine.smtp.emails).toHaveLength(people.length);
    const outcomes = await engine.sql`select distinct outcome, number from attempt`;
    expect([...outcomes]).toEqual([{ outcome: "sent", number: 1 }]);
  }, 60_000);

  test("hands nothing over that another courier has sent meanwhile", async () => {
    await using stack = new AsyncDisposableStack();
    await engine.people(1);
    const asked = Promise.withResolvers<void>();
    const answered = Promise.withResolvers<void>();
    let first = true;
    engine.smtp.behave(({ phase }) => {
      if (phase !== "data" || !first) return null;
      first = false;
      asked.resolve();
      return { held: answered.promise };
    });
    const suspended = await startWorker(stack);
    await engine.requestReset("person0@example.com");
    await asked.promise;
    await suspend(suspended);
    const stoppedAt = performance.now();
    // The 354 waits in its socket.
    answered.resolve();
    await endLeases();
    engine.startCourier();
    await engine.until(async () => (await sent()) === 1, 20_000);
    // A lease that is younger than 25 s needs no other look before the email is handed over.
    await Bun.sleep(Math.max(0, 27_000 - (performance.now() - stoppedAt)));
    suspended.kill("SIGCONT");
    await engine.requestReset("nobody@example.com");
    await engine.until(async () => (await engine.timelineOf("nobody@example.com")).state === "dropped");
    await Bun.sleep(2_000);
    expect(engine.smtp.emails).toHaveLength(1);
  }, 90_000);
});
