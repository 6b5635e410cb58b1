/** What Prometheus scrapes, who may scrape it, and that both threads are in it. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { listenForOperations } from "../src/operations-listener.ts";
import { createMetrics } from "../src/metrics/metrics.ts";
import { testDatabase, type TestDatabase } from "./support/database.ts";
import { startApplication, type Application } from "./support/application.ts";
import { freePort } from "./support/ports.ts";
import { spawnCli } from "./support/process.ts";
import { until } from "./support/waiting.ts";

const TOKEN = "a.token-of_the~tests/0123456789==";

let database: TestDatabase;
let dundie: Application;
let port: number;
beforeAll(async () => {
  database = await testDatabase();
  port = freePort();
  dundie = await startApplication({ DATABASE_URL: database.url, METRICS_TOKEN: TOKEN, METRICS_PORT: String(port) });
}, 120_000);
afterAll(async () => {
  await dundie[Symbol.asyncDispose]();
  await database.drop();
});

const scrape = async (url: string, authorization = `Bearer ${TOKEN}`, headers: Record<string, string> = {}) => {
  const answer = await fetch(`${url}/metrics`, { headers: { authorization, ...headers } });
  return { status: answer.status, headers: answer.headers, text: await answer.text() };
};

/** The value of one sample, by its name and labels as they are written; null where it is not there. */
const valueOf = (text: string, sample: string): number | null => {
  const line = text.split("\n").find((one) => one.startsWith(`${sample} `));
  return line === undefined ? null : Number(line.slice(sample.length));
};

/** Scrapes until `condition` holds. @throws with the last scrape after 60 s. */
async function scrapeUntil(condition: (text: string) => boolean, url = dundie.url): Promise<string> {
  let text = "";
  const holds = async (): Promise<boolean> => condition(({ text } = await scrape(url)).text);
  await until(holds, { timeoutMs: 60_000, everyMs: 50, seen: () => text });
  return text;
}

describe("who may scrape", () => {
  test("the holder of METRICS_TOKEN, and no other", async () => {
    for (const [authorization, status] of [
      [`Bearer ${TOKEN}`, 200],
      [`bearer ${TOKEN}`, 200],
      [`Bearer ${TOKEN}x`, 401],
      [`Bearer ${TOKEN} ${TOKEN}`, 401],
      [`Basic ${TOKEN}`, 401],
      ["", 401],
    ] as const) {
      for (const url of [dundie.url, `http://127.0.0.1:${port}`]) {
        const { status: seen, headers } = await scrape(url, authorization);
        expect([authorization, url, seen]).toEqual([authorization, url, status]);
        if (seen === 401) expect(headers.get("www-authenticate")).toStartWith("Bearer");
      }
    }
  });

  test("no caller where neither a token nor a port is set: 404", async () => {
    await using other = await startApplication({ DATABASE_URL: database.url });
    expect((await scrape(other.url)).status).toBe(404);
    const document = await (await fetch(`${other.url}/openapi.json`)).text();
    expect(document).not.toContain("/metrics");
  }, 60_000);

  test("this machine at METRICS_PORT without a token, under no other name", async () => {
    const free = freePort();
    const config = { token: null, port: free, host: "127.0.0.1", counted: true };
    const readiness = { check: async () => ({ status: "ready", reasons: [] }) as const };
    const listener = listenForOperations({ config, metrics: createMetrics(), readiness });
    const url = `http://127.0.0.1:${free}`;
    expect((await scrape(url, "")).status).toBe(200);
    expect((await scrape(url, "", { host: "evil.example" })).status).toBe(403);
    expect((await fetch(`${url}/user/`)).status).toBe(404);
    // A second process gets a sentence that names the variable.
    expect(() => listenForOperations({ config, metrics: createMetrics(), readiness })).toThrow("METRICS_PORT");
    await listener.stop();
  });
});

describe("what is scraped", () => {
  test("requests by the pattern of their route, and nothing that a client chooses", async () => {
    for (const path of ["/user/pam-beesly/", "/user/somebody-else", "/one-path", "/another-path"]) {
      await fetch(dundie.url + path);
    }
    await fetch(`${dundie.url}/invented`, { method: "PROPFIND" });
    const text = await scrapeUntil((seen) => valueOf(seen, none("404")) === 3);
    // Both spellings of the path are one route; neither caller has logged in.
    expect(valueOf(text, 'dundie_http_requests_total{method="GET",route="/user/:username/",status="404"}')).toBe(2);
    expect(text).not.toMatch(/pam-beesly|one-path|PROPFIND|invented/);
    expect(valueOf(text, 'dundie_http_request_duration_seconds_count{route="/user/:username/"}')).toBe(2);
  }, 90_000);

  const none = (status: string) => `dundie_http_requests_total{method="other",route="none",status="${status}"}`;

  test("an email from its acceptance in one thread to its end in the other", async () => {
    const email = await dundie.addPerson("Holly Flax");
    await dundie.requestReset(email);
    await dundie.received(email);
    const sent = 'dundie_attempts_total{kind="password_reset",outcome="sent",reply="2yz"}';
    const text = await scrapeUntil((seen) => valueOf(seen, sent) === 1);
    expect(valueOf(text, "dundie_accept_duration_seconds_count")).toBe(1);
    expect(valueOf(text, 'dundie_sent_duration_seconds_count{kind="password_reset"}')).toBe(1);
    expect(valueOf(text, 'dundie_sent_duration_seconds_sum{kind="password_reset"}')).toBeWithin(0, 30);
  }, 90_000);

  test("deferrals and bounces by the class of the reply, and the queue that they leave", async () => {
    const [deferred, refused] = [await dundie.addPerson("Jan Levinson"), await dundie.addPerson("Todd Packer")];
    dundie.smtp.behave(({ phase, recipient }) => {
      if (phase !== "rcpt") return null;
      if (recipient === deferred) return { reply: "451 4.3.1 Insufficient system storage" };
      return recipient === refused ? { reply: "550 5.1.1 User unknown" } : null;
    });
    await dundie.requestReset(refused);
    await dundie.requestReset(deferred);
    const text = await scrapeUntil(
      (seen) =>
        valueOf(seen, 'dundie_bounces_total{kind="password_reset"}') === 1 &&
        valueOf(seen, 'dundie_queue_messages{lane="security"}') === 1,
    );
    // Its backoff is a few seconds.
    const again = 'dundie_attempts_total{kind="password_reset",outcome="deferred",reply="4yz"}';
    expect(valueOf(text, again)).toBeGreaterThanOrEqual(1);
    expect(valueOf(text, 'dundie_attempts_total{kind="password_reset",outcome="rejected",reply="5yz"}')).toBe(1);
    expect(valueOf(text, 'dundie_queue_oldest_seconds{lane="security"}')).toBeGreaterThan(0);
    expect(valueOf(text, 'dundie_queue_messages{lane="bulk"}')).toBe(0);
  }, 90_000);

  test("the parts of the process: threads, pools, hashes, readiness, versions", async () => {
    const { text } = await scrape(dundie.url);
    expect(valueOf(text, "dundie_courier_running")).toBe(1);
    expect(valueOf(text, "dundie_breaker_open")).toBe(0);
    expect(valueOf(text, "dundie_ready")).toBe(1);
    expect(valueOf(text, 'dundie_database_pool_max{pool="api"}')).toBe(8);
    expect(valueOf(text, 'dundie_database_pool_max{pool="courier"}')).toBe(4);
    expect(valueOf(text, 'dundie_password_hashes{state="waiting"}')).toBe(0);
    expect(text).toContain(`dundie_build_info{version="0.1.0",bun="${Bun.version}"} 1`);
    const names = text.split("\n").filter((line) => line.startsWith("# TYPE"));
    expect(new Set(names).size).toBe(names.length);
  });
});

test("a worker is scraped and asked for its health at METRICS_PORT", async () => {
  const free = freePort();
  await using worker = spawnCli(["worker"], {
    env: {
      DATABASE_URL: database.url,
      SMTP_URL: dundie.smtp.url,
      MAIL_FROM: "Dundie <no-reply@dm.com>",
      PUBLIC_URL: "http://localhost:8000",
      SECRET_KEY: "tests of the metrics: a key that is long and no secret",
      METRICS_PORT: String(free),
      PORT: "0",
    },
  });
  await worker.until(({ stdout }) => stdout.includes('"courier_ready"'));
  const url = `http://127.0.0.1:${free}`;
  const text = await scrapeUntil((seen) => valueOf(seen, "dundie_courier_running") === 1, url);
  expect(valueOf(text, 'dundie_database_pool_max{pool="courier"}')).toBe(4);
  expect(text).not.toContain("dundie_password_hashes");
  expect(await (await fetch(`${url}/health/ready`)).json()).toMatchObject({ reasons: expect.any(Array) });
  expect((await fetch(`${url}/health/live`)).status).toBe(200);
  worker.process.kill("SIGTERM");
  expect(await worker.ended).toBe(0);
}, 120_000);
