import { afterAll, beforeAll, expect, test } from "bun:test";
import { PASSWORD, startApi, type TestApi } from "./support/api.ts";

let api: TestApi;
let superuser: string;
beforeAll(async () => {
  api = await startApi();
  superuser = (await api.logIn("michael-scott")).access_token;
});
afterAll(() => api[Symbol.asyncDispose]());

const read = async (query = "") => (await api.call("GET", `/audit/${query}`, { token: superuser })).body;
const actionsOf = (events: { action: string }[]): string[] => events.map(({ action }) => action);
const NEXT = { password: "the fog over a harbour", password_confirm: "the fog over a harbour" };

test("every act leaves an event: who, what, whom, from where", async () => {
  const json = { name: "Kevin Malone", email: "kevin@example.com", dept: "accounting", password: PASSWORD };
  await api.call("POST", "/user/", { token: superuser, json });
  await api.call("PATCH", "/user/kevin-malone/", { token: superuser, json: { bio: "Chili.", dept: "bar" } });
  await api.call("POST", "/token", { form: { username: "kevin-malone", password: "not the password" } });
  const { access_token: token } = await api.logIn("kevin-malone");
  const other = await api.logIn("kevin-malone");
  await api.call("POST", "/logout/", { token: other.access_token });
  await api.call("POST", "/user/kevin-malone/password/", { token, json: { ...NEXT, current_password: PASSWORD } });
  await api.call("POST", "/user/me/email/", {
    token,
    json: { email: "keleven@example.com", current_password: NEXT.password },
  });
  const change = (await api.deliver()).find(({ kind }) => kind === "email_change_confirmation");
  await api.call("POST", "/email/confirm/", { json: { token: change!.token } });
  const again = await api.logIn("keleven@example.com", NEXT.password);
  await api.call("DELETE", "/session/", { token: again.access_token });
  for (const state of ["disable", "enable"])
    await api.call("POST", `/user/kevin-malone/${state}/`, { token: superuser });

  const events = await read("?subject=kevin-malone");
  expect(actionsOf(events)).toEqual([
    "user_enabled",
    "user_disabled",
    "sessions_ended",
    "login",
    "email_changed",
    "email_change_requested",
    "password_changed",
    "logout",
    "login",
    "login",
    "login_refused",
    "user_changed",
    "user_created",
  ]);
  const [created, changed, refused] = events.toReversed();
  expect(created).toMatchObject({
    actor: "michael-scott",
    subject: "kevin-malone",
    ip: "127.0.0.1",
    browser: "a script",
  });
  expect(created.request_id).toMatch(/^[0-9a-f-]{36}$/);
  expect(changed.details).toEqual({ fields: "bio dept" });
  expect(refused).toMatchObject({ actor: null, actor_id: null });
});

test("the audit is read by action, subject, actor and time, in pages by keyset", async () => {
  for (let n = 0; n < 5; n += 1) await api.logIn("jim-halpert");
  expect(actionsOf(await read("?actor=jim-halpert&action=login"))).toEqual(Array.from({ length: 5 }, () => "login"));
  expect(await read("?subject=jim-halpert&since=2999-01-01T00:00:00Z")).toEqual([]);
  expect(await read("?subject=jim-halpert&until=2000-01-01T00:00:00Z")).toEqual([]);
  expect((await read("?subject=jim-halpert&since=2000-01-01T00:00:00Z")).length).toBeGreaterThanOrEqual(5);

  const whole = (await read("?actor=jim-halpert")).map(({ id }: { id: string }) => id);
  const walked: string[] = [];
  let path = "/audit/?actor=jim-halpert&limit=2";
  while (path) {
    const page = await api.call("GET", path, { token: superuser });
    walked.push(...page.body.map(({ id }: { id: string }) => id));
    path = /^<([^>]+)>; rel="next"$/.exec(page.headers.get("link") ?? "")?.[1] ?? "";
  }
  expect(walked).toEqual(whole);
  for (const bad of ["?action=x", "?since=yesterday", "?after=x", "?limit=0", "?order=asc"]) {
    expect((await api.call("GET", `/audit/${bad}`, { token: superuser })).status).toBe(422);
  }
});

test("everybody reads what happened to the own account, and not where colleagues were", async () => {
  await api.call("POST", "/user/pam-beesly/password/", { token: superuser, json: NEXT });
  const { access_token: token } = await api.logIn("pam-beesly", NEXT.password);
  const events = (await api.call("GET", "/user/me/events", { token })).body;
  expect(events).toMatchObject([
    { action: "login", actor: "pam-beesly", ip: "127.0.0.1" },
    { action: "password_changed", actor: "michael-scott", ip: null, browser: null },
    { action: "user_created", actor: null },
  ]);
  expect(Object.keys(events[0])).toEqual(["id", "at", "action", "actor", "ip", "browser", "details"]);
  const page = await api.call("GET", "/user/me/events?limit=1", { token });
  expect(page.headers.get("link")).toStartWith(`</user/me/events?limit=1&after=${events[0].id}>`);
});

test("the audit can be added to, and neither changed nor emptied", async () => {
  for (const statement of [
    "update audit_event set action = 'login'",
    "delete from audit_event",
    "truncate audit_event",
  ]) {
    const error = await api.sql.unsafe(statement).then(
      () => null,
      (reason: unknown) => reason,
    );
    expect(String(error)).toContain("append-only");
  }
});
