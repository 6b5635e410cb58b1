/** What is held about a person, for how long, and what is left after an account was deleted: docs/privacy.md. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { smallestUuidOf } from "../src/db/uuid.ts";
import { purgeBatch } from "../src/db/purge.ts";
import { PASSWORD, startApi, type TestApi } from "./support/api.ts";
import { until } from "./support/waiting.ts";

let api: TestApi;
let superuser: string;
beforeAll(async () => {
  api = await startApi();
  superuser = (await api.logIn("michael-scott")).access_token;
});
afterAll(() => api[Symbol.asyncDispose]());

const DAYS = { messageDays: 30, auditDays: 365 };
const FIREFOX = { "user-agent": "Mozilla/5.0 Firefox/145.0" };
let made = 0;

/** An account that has logged in, been sent emails and asked for another address. */
async function person() {
  made += 1;
  const email = `private${made}@example.com`;
  const name = `Private Person ${made}`;
  const json = { name, email, dept: "sales", password: PASSWORD };
  const { body } = await api.call("POST", "/user/", { token: superuser, json });
  const login = { username: email, password: PASSWORD };
  const token = (await api.call("POST", "/token", { form: login, headers: FIREFOX })).body.access_token as string;
  const change = { email: `next-${email}`, current_password: PASSWORD };
  await api.call("POST", "/user/me/email/", { token, json: change, headers: FIREFOX });
  await api.call("POST", "/user/pwd_reset_token/", { json: { email }, headers: FIREFOX });
  await api.call("POST", "/token", { form: { ...login, password: "a wrong one" }, headers: FIREFOX });
  await api.deliver();
  const [row] = await api.sql<{ id: string }[]>`select id from "user" where email = ${email}`;
  return { id: row!.id, email, name, token, username: body.username as string };
}

const dump = async (): Promise<string> => {
  const tables = ["user", "session", "refresh_token", "one_time_token", "message", "attempt", "audit_event", "erasure"];
  const rows = await Promise.all(
    tables.map((table) => api.sql`select to_jsonb(t)::text as row from ${api.sql(table)} t`),
  );
  return rows
    .flat()
    .map(({ row }) => String(row))
    .join("\n");
};

test("R65 a deleted account leaves no address, name or place, and the audit still says what happened", async () => {
  const { id, email, name, token, username } = await person();
  const eventsOf = () => api.sql`
    select id, at, action, actor_id, subject_id, request_id, details from audit_event
    where subject_id = ${id} or actor_id = ${id} order by id`;
  const superusersOwn = () => api.sql`select ip from audit_event where subject_id = ${id} and action = 'user_created'`;
  await api.sql`update attempt set reply = ${`250 <${email}> ok`} where message_id in (select id from message where user_id = ${id})`;
  expect(await dump()).toContain(email);
  const json = { current_password: PASSWORD };
  expect((await api.call("DELETE", `/user/${username}/`, { token, json, headers: FIREFOX })).status).toBe(204);
  const before = await eventsOf();

  while (await purgeBatch(api.sql, DAYS));
  const after = await dump();
  expect(after).not.toContain(email);
  expect(after).not.toContain(name);
  const placed = await api.sql`
    select action from audit_event where (actor_id = ${id} or (subject_id = ${id} and actor_id is null))
      and (ip is not null or browser is not null)`;
  expect(placed).toHaveLength(0);
  const messages = await api.sql`
    select kind, state, client_ip, client_browser, props from message where user_id = ${id} order by id`;
  expect(messages.length).toBeGreaterThanOrEqual(4);
  for (const { client_ip, client_browser, props } of messages)
    expect([client_ip, client_browser, props]).toEqual([null, null, null]);
  // The audit is as it was, but for the places of the person: those of a superuser are not this person's.
  expect(await eventsOf()).toEqual(before);
  expect(await superusersOwn()).toEqual([{ ip: "127.0.0.1" }] as never);
  expect(await api.sql`select 1 from erasure`).toHaveLength(0);
});

test("R65 a message that is still under way is blanked when it has ended, in batches if there are many", async () => {
  const { id, email, username } = await person();
  await api.sql`
    insert into message (id, kind, lane, state, user_id, recipient, expires_at, ended_at)
    select gen_random_uuid(), 'welcome', 1, 'sent', ${id}, ${email}, now(), now() from generate_series(1, 2500)`;
  const [held] = await api.sql<{ id: string }[]>`
    insert into message (id, kind, lane, state, user_id, recipient, expires_at, lease_id)
    values (gen_random_uuid(), 'welcome', 1, 'sending', ${id}, ${email}, now(), gen_random_uuid()) returning id`;
  expect((await api.call("DELETE", `/user/${username}/`, { token: superuser })).status).toBe(204);
  expect(await purgeBatch(api.sql, DAYS)).toBe(true);
  const left = () => api.sql`select id from message where recipient = ${email}`;
  expect((await left()).length).toBeGreaterThan(1000);
  while (await purgeBatch(api.sql, DAYS));
  expect((await left()).map((row) => row["id"])).toEqual([held!.id]);
  await api.sql`update message set state = 'sent', lease_id = null, ended_at = now() where id = ${held!.id}`;
  await purgeBatch(api.sql, DAYS);
  expect(await left()).toHaveLength(0);
  expect(await api.sql`select 1 from erasure`).toHaveLength(0);
});

test("R65 an account is blanked while the last emails of many others are under way, and many are at once", async () => {
  await api.sql`
    with held as (
      insert into message (id, kind, lane, user_id, recipient, expires_at)
      select gen_random_uuid(), 'welcome', 1, gen_random_uuid(), 'held@example.com', now() + interval '1 day'
      from generate_series(1, 30) returning user_id
    ) insert into erasure (user_id, requested_at) select user_id, now() - interval '1 hour' from held`;
  await api.sql`
    with ended as (
      insert into message (id, kind, lane, state, user_id, recipient, expires_at, ended_at)
      select gen_random_uuid(), 'welcome', 1, 'sent', gen_random_uuid(), 'ended@example.com', now(), now()
      from generate_series(1, 30) returning user_id
    ) insert into erasure (user_id) select user_id from ended`;
  while (await purgeBatch(api.sql, DAYS));
  const left = await api.sql`select recipient from erasure join message using (user_id)`;
  expect(left.map((row) => row["recipient"] as string)).toEqual(Array.from({ length: 30 }, () => "held@example.com"));
  await api.sql`update message set state = 'sent', ended_at = now() where recipient = 'held@example.com'`;
  while (await purgeBatch(api.sql, DAYS));
  expect(await api.sql`select 1 from erasure`).toHaveLength(0);
});

test("R65 the audit is kept for AUDIT_RETENTION, and then purged in batches", async () => {
  const insert = (daysAgo: number, count: number) => api.sql`
    insert into audit_event (id, at, action)
    select (${smallestUuidOf(new Date(Date.now() - daysAgo * 86_400_000)).slice(0, 18)} || '-8000-' || lpad(to_hex(n), 12, '0'))::uuid,
      now() - make_interval(days => ${daysAgo}), 'login' from generate_series(1, ${count}) n`;
  await insert(366, 1500);
  await insert(364, 3);
  const count = async () => (await api.sql`select 1 from audit_event where at < now() - interval '300 days'`).length;
  expect(await purgeBatch(api.sql, DAYS)).toBe(true);
  expect(await count()).toBe(503);
  await purgeBatch(api.sql, DAYS);
  expect(await count()).toBe(3);
});

test("R65 the audit refuses every other change, also beside a purge", async () => {
  const changes = [
    (tx: TestApi["sql"]) => tx`delete from audit_event`,
    (tx: TestApi["sql"]) => tx`update audit_event set ip = null, browser = null`,
    (tx: TestApi["sql"]) => tx`update audit_event set action = 'login', ip = null, browser = null`,
  ];
  const refused = async (announce: (tx: TestApi["sql"]) => Promise<unknown>, change: (typeof changes)[number]) => {
    const result = await api.sql
      .begin(async (tx) => {
        await announce(tx as never);
        await change(tx as never);
        throw new Error("it was let through");
      })
      .catch((error: Error) => error.message);
    expect(result).toBe("audit_event is append-only");
  };
  for (const change of changes) await refused(async () => {}, change);
  const asPurge = (tx: TestApi["sql"]) =>
    tx`select set_config('dundie.audit_before', (now() - interval '1 year')::text, true)`;
  const asBlanking = (tx: TestApi["sql"]) => tx`select set_config('dundie.audit', 'blank', true)`;
  for (const change of [changes[0]!, changes[1]!]) await refused(asPurge, change);
  for (const change of [changes[0]!, changes[2]!]) await refused(asBlanking, change);
});

test("R65 a person exports all that is held about the account, and nothing that opens it", async () => {
  const { id, email, token, username } = await person();
  const other = await person();
  const answer = await api.call("GET", "/user/me/export", { token });
  expect(answer.status).toBe(200);
  expect(answer.headers.get("content-disposition")).toBe(`attachment; filename="${username}.json"`);
  expect(answer.headers.get("cache-control")).toBe("no-store");
  const { account, sessions, links, messages, events, suppressions } = answer.body;
  expect(account).toMatchObject({ id, email, username, requested_email: `next-${email}`, has_password: true });
  expect(sessions).toMatchObject([{ browser: "Firefox", ip: "127.0.0.1" }]);
  expect(links.map(({ purpose }: { purpose: string }) => purpose).toSorted()).toEqual([
    "account_freeze",
    "email_change",
    "password_reset",
  ]);
  expect(messages.map(({ kind }: { kind: string }) => kind).toSorted()).toEqual([
    "email_change_confirmation",
    "email_change_notice",
    "password_reset",
    "welcome",
  ]);
  expect(messages[0].attempts).toMatchObject([{ number: 1, outcome: "sent" }]);
  // The superuser who made the account caused the first email, at the superuser's place.
  const placesOf = messages.map(({ kind, client_ip }: Record<string, string | null>) => [kind, client_ip]);
  expect(placesOf).toContainEqual(["welcome", null]);
  expect(placesOf).toContainEqual(["password_reset", "127.0.0.1"]);
  const places = events.map(({ action, ip }: { action: string; ip: string | null }) => [action, ip]);
  expect(places).toEqual([
    ["user_created", null],
    ["login", "127.0.0.1"],
    ["email_change_requested", "127.0.0.1"],
    ["login_refused", "127.0.0.1"],
  ]);
  expect(suppressions).toEqual([]);
  const text = JSON.stringify(answer.body);
  expect(text).not.toContain("argon2");
  expect(text).not.toContain("digest");
  expect(text).not.toContain(other.email);

  const bySuperuser = await api.call("GET", `/user/${username}/export/`, { token: superuser });
  expect({ ...bySuperuser.body, exported_at: "" }).toEqual({ ...answer.body, exported_at: "" });
  expect((await api.call("GET", `/user/${username}/export/`, { token: other.token })).status).toBe(403);
  expect((await api.call("GET", "/user/nobody-here/export/", { token: superuser })).status).toBe(404);
});

test("R65 the export of a superuser says what was done to others, and not who they are", async () => {
  const { email, username } = await person();
  await api.call("POST", "/message/suppress/", { token: superuser, json: { email, note: "asked for it" } });
  await api.call("DELETE", `/user/${username}/`, { token: superuser });
  const { body } = await api.call("GET", "/user/me/export", { token: superuser });
  const actions = body.events.map(({ action }: { action: string }) => action);
  expect(actions).toContain("address_suppressed");
  expect(actions).toContain("user_deleted");
  const text = JSON.stringify(body);
  expect(text).not.toContain(email);
  expect(text).not.toContain(username);
});

test("R65 an export that the database ends early has no end, and the log says so without its parameters", async () => {
  const { id, token } = await person();
  await api.sql`alter table suppression rename to suppression_away`;
  try {
    const end = await api.call("GET", "/user/me/export", { token }).then(
      () => "whole",
      () => "broken off",
    );
    expect(end).toBe("broken off");
  } finally {
    await api.sql`alter table suppression_away rename to suppression`;
  }
  const line = await until(() => api.logLines.find((one) => one.includes('"export_failed"')));
  expect(JSON.parse(line)).toMatchObject({ level: "error", requestId: expect.any(String), err: { code: "42P01" } });
  expect(line).not.toContain(id);
  expect((await api.call("GET", "/user/me/export", { token })).body.suppressions).toEqual([]);
});

test("R65 an export of more rows than one query reads has each of them once", async () => {
  const { id, token } = await person();
  await api.sql`
    insert into message (id, kind, lane, state, user_id, expires_at, ended_at)
    select gen_random_uuid(), 'welcome', 1, 'sent', ${id}, now(), now() from generate_series(1, 1250)`;
  const { body } = await api.call("GET", "/user/me/export", { token });
  expect(body.messages).toHaveLength(1254);
  expect(new Set(body.messages.map((message: { id: string }) => message.id)).size).toBe(1254);
});
