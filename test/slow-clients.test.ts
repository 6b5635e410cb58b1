import { afterAll, beforeAll, expect, test } from "bun:test";
import { startApi, type TestApi } from "./support/api.ts";

let api: TestApi;
beforeAll(async () => {
  api = await startApi();
});
afterAll(() => api[Symbol.asyncDispose]());

const HEAD = "POST /user/pwd_reset_token/ HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n";
const EACH = 100;
/** The HTTP parser's own patience is 12 s, ours 20; time-outs are looked for every 4 s. */
const PATIENCE_MS = 40_000;

const SLOW = {
  "says nothing": { begins: "", goesOn: "" },
  "stops within its head": { begins: HEAD.slice(0, 40), goesOn: "" },
  "sends an email of its head a second": { begins: `${HEAD}X-Slow: `, goesOn: "x" },
  "stops within its body": { begins: `${HEAD}Content-Length: 1000\r\n\r\n{"email": "`, goesOn: "" },
  "sends an email of its body a second": { begins: `${HEAD}Content-Length: 1000\r\n\r\n{"email": "`, goesOn: "x" },
  "sends an endless body in small chunks": {
    begins: `${HEAD}Transfer-Encoding: chunked\r\n\r\n`,
    goesOn: "1\r\nx\r\n",
  },
  "asks no more": { begins: "GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n", goesOn: "" },
} as const;

test("R55 a client that is slow is hung up on, whatever it is slow with; the others notice nothing", async () => {
  const ends = Object.entries(SLOW).flatMap(([how, slow]) =>
    Array.from({ length: EACH }, () => hungUpOn(how, slow.begins, slow.goesOn)),
  );
  const over = new AbortController();
  const others = useMeanwhile(over.signal);
  expect(new Set(await Promise.all(ends))).toEqual(new Set(Object.keys(SLOW)));
  over.abort();
  expect(new Set(await others)).toEqual(new Set([200]));
}, 60_000);

/** @returns the statuses of what was answered until the signal. */
async function useMeanwhile(over: AbortSignal): Promise<number[]> {
  const statuses: number[] = [];
  while (!over.aborted) {
    statuses.push((await api.call("GET", "/user/")).status);
    await Bun.sleep(100);
  }
  return statuses;
}

/** @returns `how`, when the server has ended the connection. */
async function hungUpOn(how: string, begins: string, goesOn: string): Promise<string> {
  const ended = Promise.withResolvers<string>();
  const socket = await Bun.connect({
    hostname: "127.0.0.1",
    port: Number(new URL(api.url).port),
    socket: { data() {}, error() {}, close: () => ended.resolve(how) },
  });
  socket.write(begins);
  const drip = setInterval(() => socket.write(goesOn), 1_000);
  const patience = setTimeout(() => ended.resolve(`still connected: ${how}`), PATIENCE_MS);
  const end = await ended.promise;
  clearInterval(drip);
  clearTimeout(patience);
  socket.terminate();
  return end;
}
