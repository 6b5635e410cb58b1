/** One trace follows a reset from the request through the courier thread to the SMTP server's reply. */
import { afterAll, afterEach, beforeAll, expect, test } from "bun:test";
import { seedDemoStaff } from "../src/accounts/seed.ts";
import { openSql, type Sql } from "../src/db/client.ts";
import { PASSWORD } from "./support/api.ts";
import { testDatabase, type TestDatabase } from "./support/database.ts";
import { startApplication, type Application } from "./support/application.ts";
import { until } from "./support/waiting.ts";

/** A span as OTLP/HTTP has it in JSON, with what its resource says of the thread. */
interface Span {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly name: string;
  readonly startTimeUnixNano: string;
  readonly endTimeUnixNano: string;
  readonly attributes: Readonly<Record<string, unknown>>;
  readonly thread: unknown;
}

/** A collector that keeps what it is sent. */
const spans: Span[] = [];
const attributesOf = (list: readonly { key: string; value: Record<string, unknown> }[] = []) =>
  Object.fromEntries(list.map(({ key, value }) => [key, Object.values(value)[0]]));
const collector = Bun.serve({
  hostname: "127.0.0.1",
  port: 0,
  async fetch(request) {
    if (new URL(request.url).pathname !== "/v1/traces") return new Response(null, { status: 404 });
    const { resourceSpans } = (await request.json()) as any;
    for (const { resource, scopeSpans } of resourceSpans) {
      const thread = attributesOf(resource.attributes)["thread.id"];
      for (const span of scopeSpans.flatMap((scope: any) => scope.spans)) {
        spans.push({ ...span, attributes: attributesOf(span.attributes), thread });
      }
    }
    return Response.json({});
  },
});

let database: TestDatabase;
let sql: Sql;
let dundie: Application;
beforeAll(async () => {
  database = await testDatabase();
  sql = openSql(database.url, { max: 1, name: "test tracing" });
  dundie = await startApplication({
    DATABASE_URL: database.url,
    OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${collector.port}`,
  });
  await seedDemoStaff(dundie.running.deps, PASSWORD);
}, 150_000);
afterAll(async () => {
  await dundie[Symbol.asyncDispose]();
  await collector.stop(true);
  await sql.end({ timeout: 1 });
  await database.drop();
});
afterEach(() => dundie.smtp.behave(null));

const TRACE_ID = "0af7651916cd43dd8448eb211c80319c";
const CALLER = "b7ad6b7169203331";

const requestReset = (email: string, headers: Record<string, string> = {}): Promise<Response> =>
  fetch(`${dundie.url}/user/pwd_reset_token/`, {
    method: "POST",
    headers: { "content-type": "application/json", ...headers },
    body: JSON.stringify({ email }),
  });

/** Polls until a trace has a span of this name. @throws with the names that it has after 50 s. */
async function traceWith(traceId: string, name: string): Promise<Span[]> {
  const trace = (): Span[] => spans.filter((span) => span.traceId === traceId);
  const names = (): string[] => trace().map((span) => span.name);
  await until(() => names().includes(name), {
    timeoutMs: 50_000,
    seen: () => `no ${name} among ${names().join(", ")}`,
  });
  return trace();
}

/** The trace as an indented list, in the order of its starts. */
function outline(trace: readonly Span[]): string[] {
  const ids = new Set(trace.map(({ spanId }) => spanId));
  const below = (parent: string | undefined, depth: number): string[] =>
    trace
      .filter((span) => (parent === undefined ? !ids.has(span.parentSpanId ?? "") : span.parentSpanId === parent))
      .toSorted((a, b) => Number(BigInt(a.startTimeUnixNano) - BigInt(b.startTimeUnixNano)))
      .flatMap((span) => [`${"  ".repeat(depth)}${span.name}`, ...below(span.spanId, depth + 1)]);
  return below(undefined, 0);
}

test("spans of both threads are in the caller's trace, each under the one that caused it", async () => {
  const email = await dundie.addPerson("Holly Flax");
  expect((await requestReset(email, { traceparent: `00-${TRACE_ID}-${CALLER}-01` })).status).toBe(200);
  const trace = await traceWith(TRACE_ID, "send password_reset");
  await traceWith(TRACE_ID, "POST /user/pwd_reset_token/");
  const whole = spans.filter(({ traceId }) => traceId === TRACE_ID);
  expect(outline(whole)).toEqual([
    "POST /user/pwd_reset_token/",
    "  accept password_reset",
    "    send password_reset",
    "      wait for a slot",
    "      render",
    "      smtp connect",
    "      smtp mail",
    "      smtp reply",
    "      record",
  ]);
  const request = whole.find(({ name }) => name.startsWith("POST"));
  expect(request).toMatchObject({
    parentSpanId: CALLER,
    attributes: { "http.route": "/user/pwd_reset_token/", "http.response.status_code": 200 },
  });
  const attempt = trace.find(({ name }) => name === "send password_reset");
  expect(attempt?.attributes).toMatchObject({
    "dundie.message.kind": "password_reset",
    "dundie.outcome": "sent",
    "smtp.reply.code": 250,
  });
  expect(new Set(whole.map(({ thread }) => thread)).size).toBe(2);
  expect(JSON.stringify(whole)).not.toContain(email);
}, 90_000);

test("the span that accepted a message is stored with it", async () => {
  const [row] = await sql<{ traceparent: string }[]>`
    select traceparent from message where traceparent like ${`00-${TRACE_ID}-%`}`;
  const accept = spans.find(({ traceId, name }) => traceId === TRACE_ID && name === "accept password_reset");
  expect(row?.traceparent).toBe(`00-${TRACE_ID}-${accept?.spanId}-01`);
});

test("a deferred attempt has the code, not the words, which name the address, and is marked as failed", async () => {
  const traceId = "1af7651916cd43dd8448eb211c80319c";
  const email = await dundie.addPerson("Toby Flenderson");
  dundie.smtp.behave(({ phase }) => (phase === "rcpt" ? { reply: `451 4.3.1 <${email}>: try again` } : null));
  await requestReset(email, { traceparent: `00-${traceId}-${CALLER}-01` });
  const trace = await traceWith(traceId, "send password_reset");
  expect(trace.find(({ name }) => name.startsWith("send"))).toMatchObject({
    attributes: { "dundie.outcome": "deferred", "smtp.reply.code": 451 },
    status: { code: 2, message: "deferred" },
  });
  expect(JSON.stringify(trace)).not.toContain(email);
}, 90_000);

test("an email that is written in a transaction continues the request itself", async () => {
  const traceId = "4af7651916cd43dd8448eb211c80319c";
  const login = { method: "POST", body: new URLSearchParams({ username: "michael-scott", password: PASSWORD }) };
  const { access_token: token } = (await (await fetch(`${dundie.url}/token`, login)).json()) as {
    access_token: string;
  };
  const created = await fetch(`${dundie.url}/user/`, {
    method: "POST",
    headers: {
      "content-type": "application/json",
      authorization: `Bearer ${token}`,
      traceparent: `00-${traceId}-${CALLER}-01`,
    },
    body: JSON.stringify({ name: "Ryan Howard", email: "ryan@example.com", dept: "sales" }),
  });
  expect(created.status).toBe(201);
  await traceWith(traceId, "send invitation");
  const request = (await traceWith(traceId, "POST /user/")).find(({ name }) => name === "POST /user/");
  expect(spans.find(({ name }) => name === "send invitation")?.parentSpanId).toBe(request?.spanId ?? "");
}, 90_000);

test("a request without traceparent begins a trace, and so does one whose traceparent is malformed", async () => {
  for (const headers of [
    {},
    { traceparent: "00-0-0-01" },
    { traceparent: `ff-${TRACE_ID}-${CALLER}-01` },
    { traceparent: `00-${"0".repeat(32)}-${CALLER}-01` },
  ] as Record<string, string>[]) {
    const before = new Set(spans.map(({ traceId }) => traceId));
    const answer = await fetch(`${dundie.url}/`, { headers });
    const began = () => spans.find(({ traceId, name }) => !before.has(traceId) && name === "GET /");
    const { parentSpanId } = await until(began, { timeoutMs: 50_000, seen: () => JSON.stringify(headers) });
    expect([answer.status, parentSpanId ?? ""]).toEqual([200, ""]);
  }
}, 240_000);

test("a caller that does not keep its trace has no spans, and probes have none", async () => {
  const unkept = "2af7651916cd43dd8448eb211c80319c";
  const email = await dundie.addPerson("Jan Levinson");
  await requestReset(email, { traceparent: `00-${unkept}-${CALLER}-00` });
  await dundie.received(email);
  await fetch(`${dundie.url}/health/ready`);
  const last = "3af7651916cd43dd8448eb211c80319c";
  await requestReset(email, { traceparent: `00-${last}-${CALLER}-01` });
  await traceWith(last, "POST /user/pwd_reset_token/");
  expect(spans.filter(({ traceId }) => traceId === unkept)).toEqual([]);
  expect(spans.filter(({ name }) => name.includes("health"))).toEqual([]);
}, 90_000);

test("without an endpoint nothing is traced and nothing is stored", async () => {
  const other = await testDatabase();
  const rows = openSql(other.url, { max: 1, name: "test tracing" });
  await using off = await startApplication({ DATABASE_URL: other.url });
  const email = await off.addPerson("Kelly Kapoor");
  await fetch(`${off.url}/user/pwd_reset_token/`, {
    method: "POST",
    headers: { "content-type": "application/json", traceparent: `00-${TRACE_ID}-${CALLER}-01` },
    body: JSON.stringify({ email }),
  });
  await off.received(email);
  expect([...(await rows`select traceparent from message`)]).toEqual([{ traceparent: null }]);
  await rows.end({ timeout: 1 });
}, 90_000);
