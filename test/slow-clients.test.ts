import { afterAll, beforeAll, expect, test } from "bun:test";
import { startApi, type TestApi } from "./support/api.ts";

/** Between two requests. Bun's HTTP parser gives a first head 12 s, the body has 20 s; time-outs are checked every 4 s. */
const IDLE_SECONDS = 36;
/** A client that is slow within a request is gone by then, and one that is idle between two is not. */
const DIVIDE_SECONDS = 31;
const PATIENCE_SECONDS = 55;
const EACH = 100;

let api: TestApi;
beforeAll(async () => {
  api = await startApi({ IDLE_TIMEOUT_SECONDS: String(IDLE_SECONDS) });
});
afterAll(() => api[Symbol.asyncDispose]());

const HEAD = "POST /user/pwd_reset_token/ HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n";

const SLOW = {
  "sends nothing": { begins: "", goesOn: "" },
  "stops within its head": { begins: HEAD.slice(0, 40), goesOn: "" },
  "sends a character of its head each second": { begins: `${HEAD}X-Slow: `, goesOn: "x" },
  "stops within its body": { begins: `${HEAD}Content-Length: 1000\r\n\r\n{"email": "`, goesOn: "" },
  "sends a character of its body each second": {
    begins: `${HEAD}Content-Length: 1000\r\n\r\n{"email": "`,
    goesOn: "x",
  },
  "sends an endless body in small chunks": {
    begins: `${HEAD}Transfer-Encoding: chunked\r\n\r\n`,
    goesOn: "1\r\nx\r\n",
  },
} as const;
const IDLE = { begins: "GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n", goesOn: "" };

test("R55 a connection that is slow within a request is closed, one that is idle lives on; others notice nothing", async () => {
  const slow = Object.entries(SLOW).flatMap(([how, { begins, goesOn }]) =>
    Array.from({ length: EACH }, async () => [how, (await secondsUntilClosed(begins, goesOn)) < DIVIDE_SECONDS]),
  );
  const idle = Array.from({ length: EACH }, () => secondsUntilClosed(IDLE.begins, IDLE.goesOn));
  const over = new AbortController();
  const others = useMeanwhile(over.signal);
  const seen = new Set((await Promise.all(slow)).map((one) => JSON.stringify(one)));
  expect(seen).toEqual(new Set(Object.keys(SLOW).map((how) => JSON.stringify([how, true]))));
  const lived = await Promise.all(idle);
  expect(Math.min(...lived)).toBeGreaterThan(DIVIDE_SECONDS);
  expect(Math.max(...lived)).toBeLessThan(PATIENCE_SECONDS);
  over.abort();
  expect(new Set(await others)).toEqual(new Set([200]));
}, 90_000);

/** @returns the statuses of what was answered until the signal. */
async function useMeanwhile(over: AbortSignal): Promise<number[]> {
  const statuses: number[] = [];
  while (!over.aborted) {
    statuses.push((await api.call("GET", "/user/")).status);
    await Bun.sleep(100);
  }
  return statuses;
}

/** How long the server kept the connection; the patience when it still does. */
async function secondsUntilClosed(begins: string, goesOn: string): Promise<number> {
  const ended = Promise.withResolvers<void>();
  const startedAt = performance.now();
  const socket = await Bun.connect({
    hostname: "127.0.0.1",
    port: Number(new URL(api.url).port),
    socket: { data() {}, error() {}, close: () => ended.resolve() },
  });
  socket.write(begins);
  const drip = setInterval(() => socket.write(goesOn), 1_000);
  const patience = setTimeout(() => ended.resolve(), PATIENCE_SECONDS * 1_000);
  await ended.promise;
  clearInterval(drip);
  clearTimeout(patience);
  socket.terminate();
  return (performance.now() - startedAt) / 1_000;
}
