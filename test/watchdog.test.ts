/** A courier thread that makes no progress is replaced; one that only gets no CPU is not. Real threads. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import type { Log } from "../src/log.ts";
import { createCourier, type Courier } from "../src/mail/courier/handle.ts";
import { faultOf } from "../src/mail/courier/watchdog.ts";
import { startEngine } from "./support/engine.ts";
import { until } from "./support/waiting.ts";

describe("faultOf()", () => {
  const stuckMs = fc.nat(119_999);

  test("replaces no thread that answers, however little CPU time it gets", () => {
    fc.assert(
      fc.property(fc.nat(9), fc.nat(100_000), stuckMs, (unanswered, cpuMs, stuck) => {
        expect(faultOf({ unanswered, cpuMs, stuckMs: stuck })).toBeNull();
      }),
    );
  });

  test("waits for a starved thread six times as long as for one that spins", () => {
    fc.assert(
      fc.property(fc.integer({ min: 10, max: 59 }), fc.nat(4_999), stuckMs, (unanswered, cpuMs, stuck) => {
        expect(faultOf({ unanswered, cpuMs, stuckMs: stuck })).toBeNull();
        expect(faultOf({ unanswered, cpuMs: cpuMs + 5_000, stuckMs: stuck })).toBe("spins without an answer");
      }),
    );
    expect(faultOf({ unanswered: 60, cpuMs: 0, stuckMs: 0 })).toBe("does not answer");
    expect(faultOf({ unanswered: 60, cpuMs: null, stuckMs: 0 })).toBe("does not answer");
  });

  test("replaces a thread that answers while its claims do not end", () => {
    expect(faultOf({ unanswered: 0, cpuMs: 0, stuckMs: 120_000 })).toBe("its claims or its records do not end");
  });
});

/** The events of a courier's log, and how to wait for one. */
function recordingLog() {
  const events: Record<string, unknown>[] = [];
  const record = (fields: Record<string, unknown>): void => void events.push(fields);
  const log = { info: record, warn: record, error: record } as unknown as Log;
  const named = (event: string) => events.filter((one) => one["event"] === event);
  return { log, named };
}

test("a thread that spins is replaced, and the next one sends what waits", async () => {
  await using stack = new AsyncDisposableStack();
  const engine = await startEngine();
  stack.defer(() => engine[Symbol.asyncDispose]());
  await engine.people(1);
  const { log, named } = recordingLog();
  const courier = startOne(engine, log, new URL("./support/spinning.worker.ts", import.meta.url));
  stack.defer(() => courier.drain(2_000));
  await until(() => named("courier_ready").length === 1);
  courier.nudge(-1);
  await until(() => named("courier_lost").length === 1, { timeoutMs: 60_000 });
  expect(named("courier_lost")[0]?.["why"]).toBe("spins without an answer");
  await engine.requestReset("person0@example.com");
  await engine.smtp.until(({ emails }) => emails.length === 1, 20_000);
}, 120_000);

const startOne = (
  { config, databaseUrl, smtp }: Awaited<ReturnType<typeof startEngine>>,
  log: Log,
  module?: URL,
): Courier => {
  const courier = createCourier({ config, log, module });
  courier.start({ databaseUrl, smtpUrl: smtp.url });
  return courier;
};

const MAY_STARVE =
  process.platform === "linux" && process.getuid?.() === 0 && Bun.which("taskset") && Bun.which("renice");
if (!MAY_STARVE) console.warn("SKIPPED: starving a thread takes root, taskset and renice on Linux");

test.skipIf(!MAY_STARVE)(
  "a thread that gets no CPU for a quarter of a minute is left alone, and sends what waits",
  async () => {
    await using stack = new AsyncDisposableStack();
    const engine = await startEngine();
    stack.defer(() => engine[Symbol.asyncDispose]());
    await engine.people(1);
    const { log, named } = recordingLog();
    const courier = startOne(engine, log);
    stack.defer(() => courier.drain(2_000));
    await until(() => named("courier_ready").length === 1);
    const thread = String(named("courier_ready")[0]?.["threadId"]);

    // The thread alone shares one core with neighbours that take nearly all of it.
    Bun.spawnSync(["taskset", "-cp", "0", thread]);
    Bun.spawnSync(["renice", "-n", "19", "-p", thread]);
    const neighbours = Array.from({ length: 4 }, () =>
      Bun.spawn(["nice", "-n", "-15", "taskset", "-c", "0", "sh", "-c", "while :; do :; done"]),
    );
    const release = async (): Promise<void> => {
      for (const neighbour of neighbours) neighbour.kill("SIGKILL");
      await Promise.all(neighbours.map(({ exited }) => exited));
    };
    stack.defer(release);
    await Bun.sleep(15_000);
    await release();
    await engine.requestReset("person0@example.com");
    await engine.smtp.until(({ emails }) => emails.length === 1, 20_000);
    expect(named("courier_lost")).toEqual([]);
  },
  90_000,
);
