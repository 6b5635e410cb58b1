/** Messages whose courier stopped while it sent them, and what the others wait for them. */
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import type { Log } from "../src/log.ts";
import { createCourier } from "../src/mail/courier/handle.ts";
import { startEngine, type Engine } from "./support/engine.ts";
import type { SmtpPhase } from "./support/smtp.ts";
import { until } from "./support/waiting.ts";

let engine: Engine;

beforeEach(async () => {
  engine = await startEngine();
});
afterEach(async () => {
  await engine[Symbol.asyncDispose]();
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
      await until(async () => (await engine.sql`select 1 from message where state = 'sending'`).length === 3);
      // As a kill -9 in the moment of handing over would leave them: no drain, no word.
      await first.drain(0);
      await engine.sql`update attempt set phase = null`;
      await endLeases();

      before = engine.smtp.connections;
      engine.startCourier();
      await until(async () => (await engine.sql`select 1 from attempt where number = 2`).length > 0);
      const askedAt = performance.now();
      for (const { email } of others) await engine.requestReset(email);
      await until(async () => (await sent()) >= others.length, { timeoutMs: 30_000 });
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
        await until(async () => crashes() === crash, { timeoutMs: 20_000 });
        await endLeases();
      }
      await until(async () => (await engine.timelineOf("person0@example.com")).state === "failed", {
        timeoutMs: 20_000,
      });
      await until(async () => (await sent()) === people.length - 1, { timeoutMs: 20_000 });
      expect((await engine.timelineOf("person0@example.com")).reason).toBe("crashed");
      expect(crashes()).toBe(2);
      const isolated = engine.smtp.emails.filter(({ recipient }) => recipient === "person0@example.com");
      expect(isolated).toEqual([]);
    } finally {
      await courier.drain(2_000);
    }
  }, 90_000);
});
