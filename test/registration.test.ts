import { afterAll, beforeAll, beforeEach, expect, test } from "bun:test";
import { startApi, type Answer, type TestApi } from "./support/api.ts";

let api: TestApi;
beforeAll(async () => {
  api = await startApi({ REGISTRATION: "on" });
});
afterAll(() => api[Symbol.asyncDispose]());
beforeEach(async () => {
  await api.sql`truncate message, attempt, one_time_token cascade`;
});

const PASSWORD = "a fresh start in spring";
const register = (json: object) => api.call("POST", "/register/", { json: { password: PASSWORD, ...json } });
const confirm = (token: unknown) => api.call("POST", "/email/confirm/", { json: { token } });
const shown = ({ status, headers, body }: Answer): unknown => {
  const { date: _date, "x-request-id": _id, ...rest } = Object.fromEntries(headers);
  return { status, headers: rest, body };
};

test("it is off unless it is switched on: there is nothing at this address", async () => {
  await using closed = await startApi();
  const answer = await closed.call("POST", "/register/", {
    json: { name: "X", email: "x@dm.com", password: PASSWORD },
  });
  expect([answer.status, answer.body.detail]).toEqual([404, "There is nothing at this address."]);
  expect((await closed.call("OPTIONS", "/register/")).status).toBe(404);
});

test("somebody new registers, proves the address, and logs in as a guest", async () => {
  expect((await register({ name: "Erin Hannon", email: "Erin@DM.com" })).status).toBe(200);
  const emails = await api.deliver();
  expect(emails).toMatchObject([{ kind: "email_verification", to: "erin@dm.com" }]);
  const answer = await confirm(emails[0]!.token);
  expect(answer.status).toBe(200);
  expect(answer.body).toMatchObject({ name: "Erin Hannon", username: "erin-hannon", dept: "guest" });
  const { access_token: token } = await api.logIn("erin-hannon", PASSWORD);
  expect((await api.call("GET", "/user/me", { token })).body).toMatchObject({
    email: "erin@dm.com",
    email_verified: true,
    superuser: false,
  });
});

test("a free address and a taken one get the same answer, for the same work", async () => {
  const hasher = { ...api.deps.hasher };
  let hashed = 0;
  Object.assign(api.deps.hasher, {
    hash: (...call: Parameters<typeof hasher.hash>) => ((hashed += 1), hasher.hash(...call)),
  });
  const seen: string[] = [];
  // Free; registered and not proved; taken; taken by a disabled account.
  await api.sql`update "user" set disabled_at = now() where username = 'angela-martin'`;
  for (const email of ["kelly@dm.com", "kelly@dm.com", "pbeesly@dm.com", "amartin@dm.com"]) {
    api.statements.length = 0;
    hashed = 0;
    const answer = await register({ name: "Kelly Kapoor", email });
    seen.push(JSON.stringify([shown(answer), api.statements, hashed]));
    expect(hashed).toBe(1);
  }
  Object.assign(api.deps.hasher, hasher);
  expect(new Set(seen).size).toBe(1);
  const emails = await api.deliver();
  expect(emails.map(({ kind, to }) => ({ kind, to }))).toEqual([
    { kind: "email_verification", to: "kelly@dm.com" },
    { kind: "registration_duplicate", to: "pbeesly@dm.com" },
  ]);
});

test("nothing shows before the address is proved: no login, no profile, no username taken", async () => {
  await register({ name: "Gabe Lewis", email: "gabe@dm.com", username: "gabe" });
  const [email] = await api.deliver();
  for (const login of ["gabe", "gabe@dm.com"]) expect(await api.tryLogIn(login, PASSWORD)).toBe(401);
  expect((await api.call("GET", "/user/gabe/")).status).toBe(404);
  const listed = (await api.call("GET", "/user/")).body.map(({ name }: { name: string }) => name);
  expect(listed).not.toContain("Gabe Lewis");
  expect((await register({ name: "Another Gabe", email: "gabe2@dm.com", username: "gabe" })).status).toBe(200);
  const other = (await api.deliver()).find(({ to }) => to === "gabe2@dm.com");

  expect((await confirm(email!.token)).body.username).toBe("gabe");
  expect((await confirm(other!.token)).body.username).toBe("gabe-2");
  expect((await register({ name: "A third Gabe", email: "gabe3@dm.com", username: "Gabe" })).status).toBe(409);
  expect((await register({ name: "Gabe", email: "gabe3@dm.com" })).status).toBe(200);
});

test("registering again replaces what is pending: only the last link works, for the last password", async () => {
  await register({ name: "Clark Green", email: "clark@dm.com" });
  const [first] = await api.deliver();
  await register({ name: "Clark Green", email: "clark@dm.com", password: "another start in autumn" });
  const [second] = await api.deliver();
  expect((await confirm(first!.token)).status).toBe(403);
  expect((await confirm(second!.token)).status).toBe(200);
  expect(await api.tryLogIn("clark@dm.com", PASSWORD)).toBe(401);
  await api.logIn("clark@dm.com", "another start in autumn");
});

test("an email of a registration that was replaced before it left does not leave", async () => {
  await register({ name: "Pete Miller", email: "pete@dm.com" });
  await register({ name: "Pete Miller", email: "pete@dm.com", password: "another start in autumn" });
  const emails = await api.deliver();
  expect(emails).toHaveLength(1);
  expect((await confirm(emails[0]!.token)).status).toBe(200);
  await api.logIn("pete@dm.com", "another start in autumn");
});

test("the owner of an address takes a stranger's registration over by a reset", async () => {
  await register({ name: "Not Nellie", email: "nellie@dm.com" });
  await api.deliver();
  await api.call("POST", "/user/pwd_reset_token/", { json: { email: "nellie@dm.com" } });
  const [reset] = await api.deliver();
  const next = { password: "the fog over a harbour", password_confirm: "the fog over a harbour" };
  const answer = await api.call("POST", "/user/password/", { json: { ...next, pwd_reset_token: reset!.token } });
  expect([answer.status, answer.body.username]).toEqual([200, "not-nellie"]);
  expect(await api.tryLogIn("nellie@dm.com", PASSWORD)).toBe(401);
  await api.logIn("nellie@dm.com", next.password);
});

test("a registration that nobody has proved stands in nobody's way", async () => {
  const { access_token: token } = await api.logIn("michael-scott");
  await register({ name: "Squatter", email: "robert@dm.com" });
  await register({ name: "Squatter", email: "california@dm.com" });
  const emails = await api.deliver();
  const json = { name: "Robert California", email: "robert@dm.com", dept: "management" };
  expect((await api.call("POST", "/user/", { token, json })).status).toBe(201);
  expect((await confirm(emails[0]!.token)).status).toBe(403);

  const pam = (await api.logIn("pam-beesly")).access_token;
  const change = { email: "california@dm.com", current_password: "four sparrows on a wire" };
  await api.call("POST", "/user/me/email/", { token: pam, json: change });
  const link = (await api.deliver()).find(({ kind }) => kind === "email_change_confirmation");
  expect((await confirm(link!.token)).status).toBe(200);
  expect((await confirm(emails[1]!.token)).status).toBe(403);
});

test("R5 a stranger cannot flood a mailbox by registering with its address, and sees no limit", async () => {
  await using limited = await startApi({ REGISTRATION: "on", RATE_LIMIT: "on", TRUST_PROXY: "127.0.0.1" });
  for (let n = 0; n < 6; n += 1) {
    for (const email of ["flooded@dm.com", "jhalpert@dm.com"]) {
      const json = { name: "Flood", email, password: PASSWORD };
      const headers = { "x-forwarded-for": `192.0.2.${n}` };
      expect((await limited.call("POST", "/register/", { json, headers })).status).toBe(200);
    }
    await limited.deliver();
  }
  const sent = await limited.sql`
    select recipient, count(*)::int as emails from message where state = 'sent' group by recipient order by recipient`;
  expect(Array.from(sent)).toEqual([
    { recipient: "flooded@dm.com", emails: 3 },
    { recipient: "jhalpert@dm.com", emails: 3 },
  ]);
});

test("what is wrong with a registration is said before the address is looked at", async () => {
  for (const email of ["free@dm.com", "jhalpert@dm.com"]) {
    expect((await register({ name: "Jan Levinson", email, password: "supernatural" })).status).toBe(422);
    expect((await register({ name: "Jan Levinson", email, username: "admin" })).status).toBe(422);
    expect((await register({ name: "Jan Levinson", email, username: "jim-halpert" })).status).toBe(409);
    expect((await register({ name: "Jan Levinson", email, dept: "management" })).status).toBe(422);
  }
  expect((await register({ name: "Jan Levinson", email: "no address" })).status).toBe(422);
});
