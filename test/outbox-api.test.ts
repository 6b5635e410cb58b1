/** The outbox over HTTP: what an operator and what an owner may see and do. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { startApplication, type Application } from "./support/application.ts";
import type { Answer } from "./support/client.ts";
import { until } from "./support/waiting.ts";

let app: Application;
let operator: string;
let owner: string;

beforeAll(async () => {
  app = await startApplication();
  operator = (await app.logIn("michael-scott")).access_token;
  owner = (await app.logIn("pam-beesly")).access_token;
});
afterAll(() => app[Symbol.asyncDispose]());

const call = (method: string, path: string, token: string, json?: unknown): Promise<Answer> =>
  app.call(method, path, { ...(token ? { token } : {}), ...(json === undefined ? {} : { json }) });

async function requestReset(email: string): Promise<string> {
  await call("POST", "/user/pwd_reset_token/", "", { email });
  const { body } = await call("GET", `/message/?recipient=${email}&limit=1`, operator);
  return body[0].id;
}

async function becomes(id: string, state: string): Promise<void> {
  await until(async () => (await call("GET", `/message/${id}/`, operator)).body.state === state);
}

test("the timeline of a greylisted email runs from the request to the use of its link", async () => {
  let refusals = 1;
  app.smtp.behave(({ phase }) => (phase === "rcpt" && refusals-- > 0 ? { reply: "451 4.7.1 Greylisted" } : null));
  const id = await requestReset("pbeesly@dm.com");
  await becomes(id, "sent");
  const token = new URL(app.smtp.emails.at(-1)?.link ?? "").searchParams.get("pwd_reset_token");
  const password = "eleven blue umbrellas";
  const used = await call("POST", "/user/password/", "", {
    pwd_reset_token: token,
    password,
    password_confirm: password,
  });
  expect(used.status).toBe(200);
  const { body } = await call("GET", `/message/${id}/`, operator);
  expect(body.timeline.map(({ text }: { text: string }) => text)).toEqual([
    "requested",
    "committed",
    "attempt 1: deferred at rcpt “451 4.7.1 Greylisted”",
    expect.stringMatching(/^attempt 2: sent at reply “250 .* queued as/),
    "accepted by the SMTP server",
    "link used",
  ]);
  expect(JSON.stringify(body)).not.toContain(token ?? "");
  await app.logIn("pam-beesly", password);
}, 30_000);

test("R53 filters are an allow-list: an unknown one is refused, and so are values outside it", async () => {
  expect((await call("GET", "/message/?sort=password", operator)).status).toBe(422);
  expect((await call("GET", "/message/?state=lost", operator)).status).toBe(422);
  expect((await call("GET", "/user/?order=email", operator)).status).toBe(422);
  const { status, body } = await call("GET", "/message/?state=sent&kind=password_reset", operator);
  expect(status).toBe(200);
  expect(
    body.every(({ state, kind }: { state: string; kind: string }) => state === "sent" && kind === "password_reset"),
  ).toBe(true);
});

test("pages follow each other by the Link header, and miss nothing", async () => {
  for (let n = 0; n < 5; n += 1) await requestReset(`page${n}@example.com`);
  const seen: string[] = [];
  let path: string | undefined = "/message/?limit=2";
  while (path) {
    const { body, headers }: Awaited<ReturnType<typeof call>> = await call("GET", path, operator);
    seen.push(...body.map(({ id }: { id: string }) => id));
    path = /<([^>]+)>; rel="next"/.exec(headers.get("link") ?? "")?.[1];
  }
  const { body } = await call("GET", "/message/?limit=1000", operator);
  expect(seen).toEqual(body.map(({ id }: { id: string }) => id));
});

test("a rejected email is retried as a new message; what was sent cannot be", async () => {
  app.smtp.behave(({ phase }) => (phase === "rcpt" ? { reply: "550 5.1.1 No such user" } : null));
  const id = await requestReset("jhalpert@dm.com");
  await becomes(id, "failed");
  app.smtp.behave(null);
  const { status, body, headers } = await call("POST", `/message/${id}/retry/`, operator);
  expect(status).toBe(201);
  expect(headers.get("location")).toBe(`/message/${body.id}/`);
  expect(body.retry_of).toBe(id);
  await becomes(body.id, "sent");
  expect((await call("POST", `/message/${body.id}/retry/`, operator)).status).toBe(409);
  expect((await call("POST", `/message/${body.id}/cancel/`, operator)).status).toBe(409);
}, 30_000);

test("a message that is retried by three clicks at once is sent once, and can be retried when that one ended", async () => {
  await call("POST", "/message/pause/", operator);
  try {
    const id = await requestReset("amartin@dm.com");
    expect((await call("POST", `/message/${id}/cancel/`, operator)).status).toBe(200);
    const click = () => call("POST", `/message/${id}/retry/`, operator);
    const clicks = (await Promise.all([click(), click(), click()])).toSorted((a, b) => a.status - b.status);
    expect(clicks.map(({ status }) => status)).toEqual([201, 409, 409]);
    const retry = clicks[0]!.body.id as string;
    expect(clicks[1]!.body.detail).toBe(`The message is being retried already, as ${retry}.`);
    expect((await call("POST", `/message/${retry}/cancel/`, operator)).status).toBe(200);
    const again = await click();
    expect(again.status).toBe(201);
    await call("POST", `/message/${again.body.id}/cancel/`, operator);
  } finally {
    await call("POST", "/message/resume/", operator);
  }
}, 30_000);

test("paused mail is accepted, can be cancelled, and goes out when it is resumed", async () => {
  expect((await call("POST", "/message/pause/", operator)).body).toEqual({ paused: true });
  const cancelled = await requestReset("amartin@dm.com");
  expect((await call("POST", `/message/${cancelled}/cancel/`, operator)).body.reason).toBe("cancelled");
  const kept = await requestReset("dschrute@dm.com");
  // Figures that took long to read are answered from the last look for a while.
  const stats = await until(async () => {
    const { body } = await call("GET", "/message/stats", operator);
    return body.paused !== null && body.queued.security === 1 ? body : null;
  });
  expect(stats.paused.by).toBe("michael-scott");
  expect((await call("POST", "/message/resume/", operator)).body).toEqual({ paused: false });
  await becomes(kept, "sent");
  expect(app.smtp.emails.some(({ recipient }) => recipient === "amartin@dm.com")).toBe(false);
}, 30_000);

test("a preview shows the email with a link that opens nothing", async () => {
  const id = await requestReset("dschrute@dm.com");
  const { status, body } = await call("GET", `/message/${id}/preview`, operator);
  expect(status).toBe(200);
  expect(body.subject).toContain("password");
  expect(body.html).toContain("pwd_reset_token=preview");
  expect(body.text).toContain("pwd_reset_token=preview");
  const stranger = await requestReset("nobody@example.com");
  expect((await call("GET", `/message/${stranger}/preview`, operator)).status).toBe(404);
});

test("an owner reads the timelines of the own messages, and of no others", async () => {
  owner = (await app.logIn("pam-beesly", "eleven blue umbrellas")).access_token;
  const { status, body } = await call("GET", "/user/me/message/", owner);
  expect(status).toBe(200);
  expect(body.map(({ kind }: { kind: string }) => kind).toSorted()).toEqual(["password_changed", "password_reset"]);
  expect(Object.keys(body[0]).toSorted()).toEqual(["created_at", "id", "kind", "state", "timeline"]);
  expect((await call("GET", "/message/", owner)).status).toBe(403);
  expect((await call("GET", `/message/${body[0].id}/`, owner)).status).toBe(403);
});

test("an address that is suppressed gets no mail until it is lifted", async () => {
  expect((await call("POST", "/message/suppress/", operator, { email: "AMartin@dm.com" })).body).toEqual({
    email: "amartin@dm.com",
    suppressed: true,
  });
  const id = await requestReset("amartin@dm.com");
  await becomes(id, "dropped");
  expect((await call("GET", `/message/${id}/`, operator)).body.reason).toBe("suppressed");
  expect((await call("POST", "/message/lift/", operator, { email: "amartin@dm.com" })).status).toBe(200);
  expect((await call("POST", "/message/lift/", operator, { email: "amartin@dm.com" })).status).toBe(404);
  await becomes(await requestReset("amartin@dm.com"), "sent");
}, 30_000);
