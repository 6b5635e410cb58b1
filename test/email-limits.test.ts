/** What bounds each kind of email that a person can cause: the table of `docs/security.md`, kind by kind. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { KINDS, type KindName } from "../src/mail/kinds.ts";
import { PASSWORD, startApi, type Answer, type TestApi } from "./support/api.ts";

let api: TestApi;
let superuser: string;
beforeAll(async () => {
  api = await startApi({ REGISTRATION: "on", RATE_LIMIT: "on", TRUST_PROXY: "127.0.0.1" });
  superuser = (await api.logIn("michael-scott")).access_token;
});
afterAll(() => api[Symbol.asyncDispose]());

let clients = 0;
/** As a client that has asked for nothing yet, so that only the limits of emails count. */
const call: TestApi["call"] = (method, path, more = {}) => {
  clients += 1;
  const address = `198.51.${clients >> 8}.${clients & 255}`;
  return api.call(method, path, { ...more, headers: { "x-forwarded-for": address, ...more.headers } });
};
const logIn = async (username: string, password: string): Promise<string> =>
  (await call("POST", "/token", { form: { username, password } })).body.access_token;

let made = 0;
async function person(more: object = {}): Promise<{ username: string; email: string }> {
  made += 1;
  const email = `limited${made}@example.com`;
  const json = { name: `Limited ${made}`, email, dept: "sales", password: PASSWORD, ...more };
  const created = await call("POST", "/user/", { token: superuser, json });
  expect(created.status).toBe(201);
  return { username: created.body.username, email };
}

/** Sends all that is queued, also what rests for a second because one account has had its share of a claim. */
async function deliverAll(): Promise<void> {
  for (;;) {
    await api.deliver();
    const resting = await api.sql`update message set due_at = now() where state = 'queued'`;
    if (resting.count === 0) return;
  }
}

const sentOf = async (kind: KindName, to: string): Promise<number> => {
  await deliverAll();
  const rows = await api.sql`select 1 from message where kind = ${kind} and recipient = ${to} and state = 'sent'`;
  return rows.length;
};
const tally = (answers: readonly Answer[]): Record<string, number> =>
  Object.fromEntries(
    Map.groupBy(answers, ({ status }) => status)
      .entries()
      .map(([status, all]) => [status, all.length]),
  );

test("R62 the table of the security page has a row for each kind of email", async () => {
  const page = await Bun.file(new URL("../docs/security.md", import.meta.url)).text();
  const table = page.slice(page.indexOf("## What bounds each kind of email"));
  const rows = [...table.matchAll(/^\| `([a-z_]+)` \|/gm)].map(([, kind]) => kind);
  expect(new Set(rows)).toEqual(new Set(Object.keys(KINDS)));
});

describe("R62 one person cannot cause emails without limit:", () => {
  test("sixty requests for another address, by their owner, send three notices and three confirmations", async () => {
    const { username, email } = await person();
    const token = await logIn(username, PASSWORD);
    const answers: Answer[] = [];
    for (let n = 0; n < 60; n += 1) {
      const json = { email: `new${n % 2 === 0 ? n : 0}@example.net`, current_password: PASSWORD };
      answers.push(await call("POST", "/user/me/email/", { token, json }));
    }
    expect(tally(answers)).toEqual({ 200: 3, 429: 57 });
    expect(answers.at(-1)!.headers.get("retry-after")).toBe("3600");
    expect(await sentOf("email_change_notice", email)).toBe(3);
    const asked = await api.sql`
      select count(*)::int as count from message where kind = 'email_change_confirmation' and state = 'sent'`;
    expect(asked[0]!["count"]).toBeLessThanOrEqual(3);
  });

  test("each request that is let through is told to the old address", async () => {
    const { username, email } = await person();
    const token = await logIn(username, PASSWORD);
    for (let n = 1; n <= 3; n += 1) {
      const json = { email: `told${n}@example.net`, current_password: PASSWORD };
      expect((await call("POST", "/user/me/email/", { token, json })).status).toBe(200);
      expect(await sentOf("email_change_notice", email)).toBe(n);
    }
  });

  test("several accounts that ask for one mailbox and its sub-addresses send it three confirmations", async () => {
    for (let n = 0; n < 6; n += 1) {
      const { username } = await person();
      const token = await logIn(username, PASSWORD);
      const json = { email: `victim+${n}@example.org`, current_password: PASSWORD };
      expect((await call("POST", "/user/me/email/", { token, json })).status).toBe(200);
    }
    // A registration counts towards the same limit.
    expect((await call("POST", "/register/", { json: { email: "victim@example.org" } })).status).toBe(200);
    await deliverAll();
    const sent = await api.sql`select 1 from message where recipient like 'victim%@example.org' and state = 'sent'`;
    expect(sent).toHaveLength(3);
  });

  test("an account that is made and deleted again and again sends a mailbox no more", async () => {
    for (let n = 0; n < 5; n += 1) {
      const { username } = await person();
      const token = await logIn(username, PASSWORD);
      const json = { email: `again+${n}@example.org`, current_password: PASSWORD };
      expect((await call("POST", "/user/me/email/", { token, json })).status).toBe(200);
      await deliverAll();
      const own = { current_password: PASSWORD };
      expect((await call("DELETE", `/user/${username}/`, { token, json: own })).status).toBe(204);
    }
    const sent = await api.sql`select 1 from message where recipient like 'again%@example.org' and state = 'sent'`;
    expect(sent).toHaveLength(3);
  });

  test("requests to verify one's own address send three emails", async () => {
    const { username, email } = await person();
    const token = await logIn(username, PASSWORD);
    for (let n = 0; n < 8; n += 1) {
      const json = { email, current_password: PASSWORD };
      expect((await call("POST", "/user/me/email/", { token, json })).status).toBe(200);
      await api.deliver();
    }
    expect(await sentOf("email_verification", email)).toBe(3);
  });

  test("changes of a password, by its owner and by superusers, are five, and each is told", async () => {
    const { username, email } = await person();
    const token = await logIn(username, PASSWORD);
    const words = ["a first", "a second", "a third", "a fourth", "a fifth", "a sixth", "a seventh"];
    let current = PASSWORD;
    const answers: Answer[] = [];
    for (const [n, word] of words.entries()) {
      const password = `${word} harbour in the fog`;
      const own = n < 4;
      const json = { password, password_confirm: password, ...(own ? { current_password: current } : {}) };
      answers.push(await call("POST", `/user/${username}/password/`, { token: own ? token : superuser, json }));
      if (answers.at(-1)!.status === 200) current = password;
    }
    expect(tally(answers)).toEqual({ 200: 5, 429: 2 });
    expect(await sentOf("password_changed", email)).toBe(5);
    // The last one that was refused changed nothing.
    expect(await logIn(username, "a fifth harbour in the fog")).toBeString();
  });

  test("requests for a reset send three emails", async () => {
    const { email } = await person();
    for (let n = 0; n < 8; n += 1) {
      expect((await call("POST", "/user/pwd_reset_token/", { json: { email } })).status).toBe(200);
      await api.deliver();
    }
    expect(await sentOf("password_reset", email)).toBe(3);
  });

  test("registrations with the address of an account send three emails", async () => {
    const { email } = await person();
    for (let n = 0; n < 8; n += 1) {
      expect((await call("POST", "/register/", { json: { email } })).status).toBe(200);
      await api.deliver();
    }
    expect(await sentOf("registration_duplicate", email)).toBeLessThanOrEqual(3);
  });

  test("an account that is made sends one welcome or one invitation", async () => {
    const welcomed = await person();
    const invited = await person({ password: undefined });
    for (const { email } of [welcomed, invited]) {
      const json = { name: "Again", email, dept: "sales" };
      expect((await call("POST", "/user/", { token: superuser, json })).status).toBe(409);
    }
    expect([await sentOf("welcome", welcomed.email), await sentOf("invitation", invited.email)]).toEqual([1, 1]);
  });
});
