import { afterAll, beforeAll, beforeEach, expect, test } from "bun:test";
import { PASSWORD, startApi, whileComparing, type Delivered, type TestApi, type Tokens } from "./support/api.ts";

let api: TestApi;
let superuser: string;
beforeAll(async () => {
  api = await startApi();
  superuser = (await api.logIn("michael-scott")).access_token;
});
afterAll(() => api[Symbol.asyncDispose]());
beforeEach(async () => {
  await api.sql`truncate message, attempt, one_time_token cascade`;
});

let made = 0;

async function person(): Promise<{ username: string; email: string; tokens: Tokens }> {
  made += 1;
  const email = `person${made}@example.com`;
  const json = { name: `Somebody ${made}`, email, dept: "sales", password: PASSWORD };
  const { username } = (await api.call("POST", "/user/", { token: superuser, json })).body;
  await api.deliver();
  return { username, email, tokens: await api.logIn(email) };
}

const ask = ({ access_token: token }: Tokens, email: string, current_password: unknown = PASSWORD) =>
  api.call("POST", "/user/me/email/", { token, json: { email, current_password } });
const confirm = (token: unknown) => api.call("POST", "/email/confirm/", { json: { token } });
const freeze = (token: unknown) => api.call("POST", "/email/freeze/", { json: { token } });
const emailOf = (emails: readonly Delivered[], kind: string) => emails.find((email) => email.kind === kind);
const me = async ({ access_token: token }: Tokens) => (await api.call("GET", "/user/me", { token })).body;

test("R58 an address change re-authenticates, confirms the new address and tells the old one", async () => {
  const { username, email, tokens } = await person();
  expect((await ask(tokens, "new@example.com", "not the password")).status).toBe(403);
  expect((await ask(tokens, "not an address")).status).toBe(422);
  expect(await api.deliver()).toEqual([]);

  expect((await ask(tokens, "New@Example.com")).status).toBe(200);
  const emails = await api.deliver();
  expect(emails.map(({ kind, to, props }) => ({ kind, to, props }))).toEqual([
    { kind: "email_change_confirmation", to: "new@example.com", props: null },
    { kind: "email_change_notice", to: email, props: { newAddressMasked: "n…@example.com" } },
  ]);
  expect(await me(tokens)).toMatchObject({ email, email_verified: false });

  const answer = await confirm(emailOf(emails, "email_change_confirmation")!.token);
  expect([answer.status, answer.body.username]).toEqual([200, username]);
  expect(await me(tokens)).toMatchObject({ status: 401 });
  expect(await api.tryLogIn(email)).toBe(401);
  expect(await me(await api.logIn("new@example.com"))).toMatchObject({
    email: "new@example.com",
    email_verified: true,
  });
});

test("R58 a link is good once, and only the one to the address that was asked for last", async () => {
  const { tokens } = await person();
  await ask(tokens, "mistyped@example.com");
  const mistyped = emailOf(await api.deliver(), "email_change_confirmation")!.token;
  await ask(tokens, "typed@example.com");
  const right = emailOf(await api.deliver(), "email_change_confirmation")!.token;
  expect((await confirm(mistyped)).status).toBe(403);
  const answers = await Promise.all(Array.from({ length: 20 }, () => confirm(right)));
  expect(answers.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([
    200,
    ...Array.from({ length: 19 }, () => 403),
  ]);
});

test("R58 an address that is asked for again has a new link, and the old one stays dead", async () => {
  const { tokens } = await person();
  const linkTo = async (email: string): Promise<unknown> => {
    await ask(tokens, email);
    return emailOf(await api.deliver(), "email_change_confirmation")!.token;
  };
  const first = await linkTo("again@example.com");
  await linkTo("between@example.com");
  const last = await linkTo("again@example.com");
  expect((await confirm(first)).status).toBe(403);
  expect((await confirm(last)).status).toBe(200);
});

test("R58 a link leads only to the address that the account wants by then", async () => {
  const { email, tokens } = await person();
  await ask(tokens, "wanted@example.com");
  const { token } = emailOf(await api.deliver(), "email_change_confirmation")!;
  await api.sql`update "user" set requested_email = 'other@example.com' where email = ${email}`;
  expect((await confirm(token)).status).toBe(403);
  expect(await me(tokens)).toMatchObject({ email });
});

test("R58 a change is refused when the password was changed while it was compared", async () => {
  const { username, tokens } = await person();
  const json = { password: "the fog over a harbour", password_confirm: "the fog over a harbour" };
  whileComparing(api, () => api.call("POST", `/user/${username}/password/`, { token: superuser, json }));
  expect((await ask(tokens, "outrun@example.com")).status).toBe(401);
  expect((await api.deliver()).map(({ kind }) => kind)).toEqual(["password_changed"]);
});

test("R58 a change that nobody confirms in its hour is none", async () => {
  const { email, tokens } = await person();
  await ask(tokens, "late@example.com");
  const { token } = emailOf(await api.deliver(), "email_change_confirmation")!;
  await api.sql`update one_time_token set expires_at = now() where purpose = 'email_change'`;
  expect((await confirm(token)).status).toBe(403);
  expect(await me(tokens)).toMatchObject({ email });
});

test("whether the new address is taken is said to its owner alone: the asker sees no difference", async () => {
  const [one, other] = [await person(), await person()];
  const answers = [await ask(one.tokens, other.email), await ask(one.tokens, "free@example.com")];
  expect(answers.map(({ status, body }) => ({ status, body }))).toEqual(
    Array.from({ length: 2 }, () => ({
      status: 200,
      body: { message: "If email reaches this address, a link to confirm it is on its way." },
    })),
  );
  await ask(one.tokens, other.email);
  const { token } = emailOf(await api.deliver(), "email_change_confirmation")!;
  const refused = await confirm(token);
  expect([refused.status, refused.body.detail]).toEqual([409, "This address belongs to another account."]);
  // Not used up: it works once the other account has gone.
  await api.call("DELETE", `/user/${other.username}/`, { token: superuser });
  expect((await confirm(token)).status).toBe(200);
});

test("asking for the address of now gets a link that verifies it, and ends no session", async () => {
  const { email, tokens } = await person();
  await ask(tokens, email.toUpperCase());
  const emails = await api.deliver();
  expect(emails.map(({ kind, to }) => ({ kind, to }))).toEqual([{ kind: "email_verification", to: email }]);
  expect((await confirm(emails[0]!.token)).status).toBe(200);
  expect(await me(tokens)).toMatchObject({ email, email_verified: true });
  await ask(tokens, email);
  expect(await api.deliver()).toEqual([]);
});

test("the old address freezes the account, before the change and after it", async () => {
  for (const changed of [false, true]) {
    const { username, email, tokens } = await person();
    await ask(tokens, `thief${made}@example.com`);
    const emails = await api.deliver();
    if (changed) expect((await confirm(emailOf(emails, "email_change_confirmation")!.token)).status).toBe(200);
    const thief = changed ? await api.logIn(`thief${made}@example.com`) : tokens;

    expect((await freeze(emailOf(emails, "email_change_notice")!.token)).status).toBe(200);
    expect(await me(thief)).toMatchObject({ status: 401 });
    expect((await api.call("GET", `/user/${username}/`)).status).toBe(404);
    for (const name of [username, email]) expect(await api.tryLogIn(name)).toBe(401);
    expect((await confirm(emailOf(emails, "email_change_confirmation")!.token)).status).toBe(403);
    expect((await freeze(emailOf(emails, "email_change_notice")!.token)).status).toBe(403);
    const frozen = (await api.call("GET", `/audit/?action=account_frozen&subject=${username}`, { token: superuser }))
      .body;
    expect(frozen).toHaveLength(1);
  }
});

test("a freeze does not take out the last superuser, and its link works once there is another one", async () => {
  const boss = await api.logIn("michael-scott");
  await ask(boss, "thief@example.com");
  const { token } = emailOf(await api.deliver(), "email_change_notice")!;
  const refused = await freeze(token);
  expect([refused.status, refused.body.detail]).toEqual([
    409,
    "This is the last superuser. Make another account a superuser first.",
  ]);
  expect(await me(boss)).toMatchObject({ superuser: true });
  expect(await api.tryLogIn("michael-scott")).toBe(200);

  const { username } = await person();
  await api.call("PATCH", `/user/${username}/`, { token: superuser, json: { dept: "management" } });
  expect((await freeze(token)).status).toBe(200);
  expect(await api.tryLogIn("michael-scott")).toBe(401);

  const other = (await api.logIn(username)).access_token;
  await api.call("POST", "/user/michael-scott/enable/", { token: other });
  const next = { password: PASSWORD, password_confirm: PASSWORD };
  await api.call("POST", "/user/michael-scott/password/", { token: other, json: next });
  superuser = (await api.logIn("michael-scott")).access_token;
  await api.call("PATCH", `/user/${username}/`, { token: superuser, json: { dept: "sales" } });
});

test("the link that freezes lives seven days, whatever password is set meanwhile", async () => {
  const { username, tokens } = await person();
  await ask(tokens, "thief@example.com");
  const emails = await api.deliver();
  const { token } = emailOf(emails, "email_change_notice")!;
  const [row] = await api.sql`
    select extract(epoch from expires_at - now()) / 86400 as days from one_time_token where purpose = 'account_freeze'`;
  expect(Number(row!["days"])).toBeCloseTo(7, 2);
  const next = { password: "the fog over a harbour", password_confirm: "the fog over a harbour" };
  await api.call("POST", `/user/${username}/password/`, { token: superuser, json: next });
  expect((await confirm(emailOf(emails, "email_change_confirmation")!.token)).status).toBe(403);
  expect((await freeze(token)).status).toBe(200);
});

test("a notice that had not left when the address changed leaves all the same, to the old one", async () => {
  const { email, tokens } = await person();
  await ask(tokens, "quick@example.com");
  await api.sql`update message set state = 'dropped', reason = 'cancelled', ended_at = now() where kind = 'email_change_notice'`;
  const { token } = emailOf(await api.deliver(), "email_change_confirmation")!;
  await api.sql`update message set state = 'queued', reason = null, ended_at = null where kind = 'email_change_notice'`;
  expect((await confirm(token)).status).toBe(200);
  const [notice] = await api.deliver();
  expect(notice).toMatchObject({ kind: "email_change_notice", to: email });
  expect((await freeze(notice!.token)).status).toBe(200);
});

test("enabling lifts a freeze: at the right address, and with a password that the owner sets by a reset", async () => {
  const { username, email, tokens } = await person();
  await ask(tokens, "thief2@example.com");
  const emails = await api.deliver();
  await confirm(emailOf(emails, "email_change_confirmation")!.token);
  const thief = await api.logIn("thief2@example.com");
  await api.call("POST", "/user/pwd_reset_token/", { json: { email: "thief2@example.com" } });
  const thiefs = emailOf(await api.deliver(), "password_reset");
  await freeze(emailOf(emails, "email_change_notice")!.token);

  const enable = (json: object) => api.call("POST", `/user/${username}/enable/`, { token: superuser, json });
  expect((await enable({ email: "mscott@dm.com" })).status).toBe(409);
  expect((await enable({ email: "no address" })).status).toBe(422);
  expect((await enable({ email })).status).toBe(200);
  expect((await enable({ email: "another@example.com" })).status).toBe(409);
  expect(await api.tryLogIn(email)).toBe(401);

  // What the thief had before the freeze stays dead after it.
  const next = { password: "the fog over a harbour", password_confirm: "the fog over a harbour" };
  expect(await me(thief)).toMatchObject({ status: 401 });
  expect((await api.call("POST", "/refresh_token", { json: { refresh_token: thief.refresh_token } })).status).toBe(401);
  const byThief = { ...next, pwd_reset_token: thiefs!.token };
  expect((await api.call("POST", `/user/${username}/password/`, { json: byThief })).status).toBe(403);

  await api.call("POST", "/user/pwd_reset_token/", { json: { email } });
  const reset = emailOf(await api.deliver(), "password_reset");
  expect(reset).toMatchObject({ to: email });
  const json = { ...next, pwd_reset_token: reset!.token };
  expect((await api.call("POST", `/user/${username}/password/`, { json })).status).toBe(200);
  expect(await me(await api.logIn(email, next.password))).toMatchObject({ email, email_verified: true });
});
