/**
 * Where Bun (1.4.5) loses the answer of a request that was handled, as docs/operations.md says. A test here fails when
 * Bun has changed: then remove its case and what the docs say of it.
 */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { startApi, type TestApi } from "./support/api.ts";
import { until } from "./support/waiting.ts";

let api: TestApi;
beforeAll(async () => {
  api = await startApi();
});
afterAll(() => api[Symbol.asyncDispose]());

/** The bytes of one reset request. */
function ask(email: string): string {
  const body = JSON.stringify({ email });
  const head = ["POST /user/pwd_reset_token/ HTTP/1.1", "Host: localhost", "Content-Type: application/json"];
  return `${head.join("\r\n")}\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
}

/** @returns the statuses that came before the server closed the connection, or within `PATIENCE_MS`. */
async function statusesOf(bytes: string, { halfClose = false } = {}): Promise<string[]> {
  let received = "";
  const ended = Promise.withResolvers<void>();
  const socket = await Bun.connect({
    hostname: "127.0.0.1",
    port: Number(new URL(api.url).port),
    allowHalfOpen: true,
    socket: {
      data: (_, chunk) => void (received += chunk.toString()),
      end: () => ended.resolve(),
      close: () => ended.resolve(),
      error() {},
    },
  });
  socket.write(bytes);
  if (halfClose) socket.shutdown();
  const patience = setTimeout(() => ended.resolve(), PATIENCE_MS);
  await ended.promise;
  clearTimeout(patience);
  socket.terminate();
  return [...received.matchAll(/HTTP\/1\.1 (\d{3})/g)].map(([, status]) => status ?? "");
}

/** An answer takes some milliseconds; a connection that stays open has none to give. */
const PATIENCE_MS = 3_000;

/** The requests of a domain that were committed: a handler may be at work when its connection is closed. */
async function committed(domain: string): Promise<number> {
  return await until(async () => {
    const [row] = await api.sql`select count(*)::int as n from message where requested_email like ${`%@${domain}`}`;
    return row!["n"] as number;
  });
}

test("one request on a connection is committed and answered", async () => {
  expect(await statusesOf(ask("a@one.example").replace("Host:", "Connection: close\r\nHost:"))).toEqual(["200"]);
  expect(await committed("one.example")).toBe(1);
});

test("pipelined requests: the first is committed, and none is answered", async () => {
  const statuses = await statusesOf(ask("a@pipe.example") + ask("b@pipe.example") + ask("c@pipe.example"));
  expect([statuses, await committed("pipe.example")]).toEqual([[], 1]);
});

test("a CRLF after the body: the request is committed, and the answer is a 400 of Bun's own", async () => {
  const statuses = await statusesOf(`${ask("a@crlf.example")}\r\n`);
  expect([statuses, await committed("crlf.example")]).toEqual([["400"], 1]);
});

test("a client that closes its side after the request: it is committed, and no answer comes", async () => {
  const statuses = await statusesOf(ask("a@half.example"), { halfClose: true });
  expect([statuses, await committed("half.example")]).toEqual([[], 1]);
});
