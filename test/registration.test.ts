import { afterAll, beforeAll, beforeEach, expect, test } from "bun:test";
import { type Address, mailboxOf } from "../src/addresses.ts";
import { purgeBatch } from "../src/db/purge.ts";
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
const register = (email: string, more: object = {}) => api.call("POST", "/register/", { json: { email, ...more } });
const complete = (token: unknown, more: object = {}) =>
  api.call("POST", "/register/complete/", {
    json: { token, name: "Erin Hannon", password: PASSWORD, password_confirm: PASSWORD, ...more },
  });
const shown = ({ status, headers, body }: Answer): unknown => {
  const { date: _date, "x-request-id": _id, ...rest } = Object.fromEntries(headers);
  return { status, headers: rest, body };
};
const accountsOf = (email: string) => api.sql`select name, username, bio from "user" where email = ${email}`;

test("it is off unless it is switched on: there is nothing at these addresses", async () => {
  await using closed = await startApi();
  for (const path of ["/register/", "/register/complete/"]) {
    const answer = await closed.call("POST", path, { json: { email: "x@dm.com" } });
    expect([answer.status, answer.body.detail]).toEqual([404, "There is nothing at this address."]);
    expect((await closed.call("OPTIONS", path)).status).toBe(404);
  }
  expect((await closed.call("GET", "/complete_registration")).status).toBe(404);
});

test("a person registers, chooses name and password at the link, and logs in as a guest", async () => {
  expect((await register("Erin@DM.com")).status).toBe(200);
  const emails = await api.deliver();
  expect(emails).toMatchObject([{ kind: "registration", to: "erin@dm.com" }]);
  expect(await accountsOf("erin@dm.com")).toHaveLength(0);
  const answer = await complete(emails[0]!.token);
  expect(answer.status).toBe(201);
  expect(answer.headers.get("location")).toBe("/user/erin-hannon/");
  expect(answer.body).toMatchObject({ name: "Erin Hannon", username: "erin-hannon", dept: "guest" });
  const { access_token: token } = await api.logIn("erin-hannon", PASSWORD);
  expect((await api.call("GET", "/user/me", { token })).body).toMatchObject({
    email: "erin@dm.com",
    email_verified: true,
    superuser: false,
  });
  const [event] = await api.sql`select action, actor_id from audit_event order by id desc offset 1 limit 1`;
  expect(event).toEqual({ action: "registered", actor_id: null });
});

test("R61 a stranger who registers an owner's address changes nothing: links, name, username and password", async () => {
  const stranger = { name: "Evil Twin", username: "evil-twin", password: "the stranger's own words" };
  await register("kelly@dm.com", { name: "Kelly Kapoor", username: "kelly", password: PASSWORD });
  const [own] = await api.deliver();
  for (let n = 0; n < 3; n += 1) await register("kelly@dm.com", stranger);
  const strange = await api.deliver();
  expect(strange).toHaveLength(3);

  // The owner uses the newest link, which the stranger caused, and still decides everything.
  const answer = await complete(strange[2]!.token, { name: "Kelly Kapoor" });
  expect([answer.status, answer.body.username]).toEqual([201, "kelly-kapoor"]);
  expect(await accountsOf("kelly@dm.com")).toMatchObject([{ name: "Kelly Kapoor", username: "kelly-kapoor" }]);
  await api.logIn("kelly@dm.com", PASSWORD);
  for (const login of ["kelly@dm.com", "evil-twin", "kelly-kapoor"]) {
    expect(await api.tryLogIn(login, stranger.password)).toBe(401);
  }
  // The first success ends every other link.
  for (const { token } of [own!, strange[0]!, strange[1]!, strange[2]!]) {
    const dead = await complete(token);
    expect([dead.status, dead.body.type]).toEqual([403, "urn:dundie:problem:invalid-link"]);
  }
});

test("R61 an older link works although the address was registered again, by requests that waited as well", async () => {
  await register("clark@dm.com");
  const [first] = await api.deliver();
  await register("clark@dm.com");
  expect(await api.deliver()).toHaveLength(1);
  await register("clark@dm.com");
  expect((await complete(first!.token, { name: "Clark Green" })).status).toBe(201);
  // What was requested before the account was there tells of the account now.
  expect(await api.deliver()).toMatchObject([{ kind: "registration_duplicate", to: "clark@dm.com" }]);
});

test("R61 what was typed before the proof is stored nowhere, and no email repeats it", async () => {
  const typed = { name: "Cheap pills at evil.example", username: "cheap-pills", password: "pills for every purpose" };
  await register("oscar@dm.com", typed);
  await api.deliver();
  const [stored] = await api.sql`select to_jsonb(m) as row from message m where kind = 'registration'`;
  const dump = JSON.stringify(stored);
  expect(dump).toContain("oscar@dm.com");
  for (const text of Object.values(typed)) expect(dump).not.toContain(text);
});

test("R18 of parallel uses of a registration's links, the same and others, one creates the account", async () => {
  for (let n = 0; n < 3; n += 1) await register("todd@dm.com");
  const tokens = (await api.deliver()).map(({ token }) => token);
  expect(tokens).toHaveLength(3);
  const answers = await Promise.all([...tokens, ...tokens, ...tokens].map((token) => complete(token)));
  const statuses = answers.map(({ status }) => status).toSorted((a, b) => a - b);
  expect(statuses).toEqual([201, ...Array.from({ length: 8 }, () => 403)]);
  expect(await accountsOf("todd@dm.com")).toHaveLength(1);
});

test("R25 a refused password, name or username leaves the link good", async () => {
  await register("gabe@dm.com");
  const [email] = await api.deliver();
  const refused = [
    [{ password: "short", password_confirm: "short" }, 422],
    [{ password_confirm: "another one altogether" }, 400],
    [{ password: "gabe gabe gabe gabe", password_confirm: "gabe gabe gabe gabe" }, 422],
    [{ name: " " }, 422],
    [{ name: undefined }, 422],
    [{ username: "admin" }, 422],
    [{ username: "Jim Halpert" }, 422],
    [{ username: "jim-halpert" }, 409],
    [{ dept: "management" }, 422],
  ] as const;
  for (const [more, status] of refused)
    expect([more, (await complete(email!.token, more)).status]).toEqual([more, status]);
  expect((await complete(email!.token, { name: "Gabe Lewis", username: "Gabe" })).body.username).toBe("gabe");
});

test("a username that was not asked for is the next free one like the name", async () => {
  for (const [at, username] of ["pete-miller", "pete-miller-2", "pete-miller-3"].entries()) {
    await register(`pete${at}@dm.com`);
    const [email] = await api.deliver();
    expect((await complete(email!.token, { name: "Pete Miller" })).body.username).toBe(username);
  }
});

test("R1 a free address and a taken one get the same answer, for the same statements and no hash", async () => {
  let hashed = 0;
  const hasher = { ...api.deps.hasher };
  Object.assign(api.deps.hasher, {
    hash: (...call: Parameters<typeof hasher.hash>) => ((hashed += 1), hasher.hash(...call)),
  });
  const seen: string[] = [];
  // Free; asked for already; taken; taken by a disabled account.
  await api.sql`update "user" set disabled_at = now() where username = 'angela-martin'`;
  for (const email of ["free@dm.com", "free@dm.com", "pbeesly@dm.com", "amartin@dm.com"]) {
    api.statements.length = 0;
    const answer = await register(email, { name: "Kelly Kapoor", password: PASSWORD });
    seen.push(JSON.stringify([shown(answer), api.statements]));
  }
  Object.assign(api.deps.hasher, hasher);
  expect([new Set(seen).size, hashed]).toEqual([1, 0]);
  const emails = await api.deliver();
  expect(emails.map(({ kind, to }) => `${kind} ${to}`).toSorted()).toEqual([
    "registration free@dm.com",
    "registration free@dm.com",
    "registration_duplicate pbeesly@dm.com",
  ]);
  await api.sql`update "user" set disabled_at = null where username = 'angela-martin'`;
});

test("a registration without an account stands in the way of no account", async () => {
  const { access_token: token } = await api.logIn("michael-scott");
  await register("robert@dm.com");
  await register("california@dm.com");
  const links = new Map((await api.deliver()).map((email) => [email.to, email.token]));
  const json = { name: "Robert California", email: "robert@dm.com", dept: "management" };
  expect((await api.call("POST", "/user/", { token, json })).status).toBe(201);
  const pam = (await api.logIn("pam-beesly")).access_token;
  const change = { email: "california@dm.com", current_password: "four sparrows on a wire" };
  await api.call("POST", "/user/me/email/", { token: pam, json: change });
  const link = (await api.deliver()).find(({ kind }) => kind === "email_change_confirmation");
  expect((await api.call("POST", "/email/confirm/", { json: { token: link!.token } })).status).toBe(200);
  for (const email of ["robert@dm.com", "california@dm.com"]) {
    const answer = await complete(links.get(email));
    expect([answer.status, answer.body.type]).toEqual([409, "urn:dundie:problem:email-taken"]);
  }
});

test("R22 a registration's token is good for nothing else, and no other token creates an account", async () => {
  await register("nellie@dm.com");
  await api.call("POST", "/user/pwd_reset_token/", { json: { email: "dschrute@dm.com" } });
  const emails = await api.deliver();
  const registration = emails.find(({ kind }) => kind === "registration")!.token;
  const reset = emails.find(({ kind }) => kind === "password_reset")!.token;
  const next = { password: PASSWORD, password_confirm: PASSWORD };
  for (const [path, json] of [
    ["/email/confirm/", { token: registration }],
    ["/email/freeze/", { token: registration }],
    ["/user/password/", { ...next, pwd_reset_token: registration }],
  ] as const) {
    expect((await api.call("POST", path, { json })).status).toBe(403);
  }
  for (const token of [reset, null, "", [], {}, true, "\0"]) expect((await complete(token)).status).toBe(403);
  expect((await complete(registration, { name: "Nellie Bertram" })).status).toBe(201);
});

test("R5 a stranger cannot flood a mailbox by registering its addresses and sub-addresses, and sees no limit", async () => {
  await using limited = await startApi({ REGISTRATION: "on", RATE_LIMIT: "on", TRUST_PROXY: "127.0.0.1" });
  const flood = [
    ...["flooded@dm.com", "flooded+1@dm.com", "Flooded+two@dm.com", "flooded+3+4@dm.com", "flooded@dm.com"],
    ...["flooded+5@dm.com", "flooded+6@dm.com"],
    ...["pam.b@gmail.com", "pamb@gmail.com", "p.a.m.b@googlemail.com", "pa.mb+x@gmail.com", "pamb@googlemail.com"],
    ...[
      "jhalpert@dm.com",
      "jhalpert@dm.com",
      "jhalpert@dm.com",
      "jhalpert@dm.com",
      "another.b@dm.com",
      "anotherb@dm.com",
    ],
  ];
  for (const [n, email] of flood.entries()) {
    const headers = { "x-forwarded-for": `192.0.2.${n}` };
    expect((await limited.call("POST", "/register/", { json: { email }, headers })).status).toBe(200);
    // Some are decided one by one, others together.
    if (n % 3 === 0) await limited.deliver();
  }
  await limited.deliver();
  const sent = await limited.sql<{ recipient: Address }[]>`select recipient from message where state = 'sent'`;
  const counts = Map.groupBy(sent, ({ recipient }) => mailboxOf(recipient));
  expect(counts.get("flooded@dm.com")).toHaveLength(3);
  expect(counts.get("pamb@gmail.com")).toHaveLength(3);
  expect(counts.get("jhalpert@dm.com")!.length).toBeLessThanOrEqual(3);
  // Dots of other domains tell mailboxes apart.
  expect(counts.get("another.b@dm.com")).toHaveLength(1);
  expect(counts.get("anotherb@dm.com")).toHaveLength(1);
  const dropped = await limited.sql`select distinct reason from message where state <> 'sent' order by 1`;
  expect(dropped.map(({ reason }) => reason as string)).toEqual(["rate_limited", "superseded"]);
});

test("what is wrong with an address is said, whoever has an account", async () => {
  for (const email of ["no address", "jhalpert@dm", "a@b.c\r\nBcc: x@y.z"]) {
    expect((await register(email)).status).toBe(422);
  }
  expect((await register("free@dm.com", { dept: "management" })).status).toBe(422);
});

test("R61 the address of a registration that nobody completed is forgotten a day after its email", async () => {
  await register("forgotten@dm.com");
  await register("kept@dm.com");
  await api.deliver();
  await api.sql`update message set ended_at = now() - interval '25 hours' where requested_email = 'forgotten@dm.com'`;
  await api.sql`update one_time_token set expires_at = now() - interval '25 hours' where sent_to = 'forgotten@dm.com'`;
  await purgeBatch(api.sql, { messageDays: 30, auditDays: 365 });
  const tables = await api.sql`
    select coalesce(string_agg(to_jsonb(m)::text, ''), '') || coalesce((select string_agg(to_jsonb(t)::text, '') from one_time_token t), '') as dump
    from message m`;
  expect(tables[0]!["dump"]).toContain("kept@dm.com");
  expect(tables[0]!["dump"]).not.toContain("forgotten@dm.com");
});
