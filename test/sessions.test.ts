import { afterAll, beforeAll, expect, test } from "bun:test";
import { PASSWORD, startApi, type TestApi, type Tokens } from "./support/api.ts";

let api: TestApi;
beforeAll(async () => {
  api = await startApi();
});
afterAll(() => api[Symbol.asyncDispose]());

const refresh = (refresh_token: unknown) => api.call("POST", "/refresh_token", { json: { refresh_token } });
const isAlive = async ({ access_token: token }: Tokens) =>
  (await api.call("GET", "/user/me", { token })).status === 200;
const devicesOf = async ({ access_token: token }: Tokens) => (await api.call("GET", "/session/", { token })).body;

test("R46 a refresh spends its token for a new pair of the same session", async () => {
  const first = await api.logIn("pam-beesly");
  const second = await refresh(first.refresh_token);
  expect(second.status).toBe(200);
  expect(second.body).toMatchObject({ token_type: "bearer", expires_in: 900 });
  expect(second.body.refresh_token).not.toBe(first.refresh_token);
  expect(await isAlive(second.body)).toBe(true);
  expect((await devicesOf(second.body)).filter(({ current }: { current: boolean }) => current)).toHaveLength(1);
});

test("R46 a spent refresh token ends its session: the newest pair as well", async () => {
  const first = await api.logIn("pam-beesly");
  const other = await api.logIn("pam-beesly");
  const second = (await refresh(first.refresh_token)).body;
  const third = (await refresh(second.refresh_token)).body;
  expect((await refresh(first.refresh_token)).status).toBe(401);
  expect((await refresh(third.refresh_token)).status).toBe(401);
  for (const tokens of [first, second, third]) expect(await isAlive(tokens)).toBe(false);
  expect(await isAlive(other)).toBe(true);

  const events = (await api.call("GET", "/user/me/events", { token: other.access_token })).body;
  expect(events.map(({ action }: { action: string }) => action)).toContain("refresh_reused");
});

test("R46 one refresh token sent twenty times at once, as by many tabs, leads to one and the same successor", async () => {
  const first = await api.logIn("jim-halpert");
  const answers = await Promise.all(Array.from({ length: 20 }, () => refresh(first.refresh_token)));
  expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
  const successors = new Set(answers.map(({ body }) => body.refresh_token));
  expect(successors.size).toBe(1);
  for (const { body } of answers) expect(await isAlive(body)).toBe(true);
  // The session goes on with it.
  const next = await refresh([...successors][0]);
  expect([next.status, await isAlive(next.body)]).toEqual([200, true]);
  const [row] = await api.sql`
    select count(*)::int as tokens from refresh_token where session_id = ${currentId(next.body)}`;
  expect(row).toEqual({ tokens: 3 });
});

test("R46 a spent refresh token ends its session after 10 s, and from another client at once", async () => {
  const again: Record<string, (spent: Tokens, session: string) => Promise<number>> = {
    "from the same client within 10 s": async (spent, session) => {
      await api.sql`update refresh_token set spent_at = now() - interval '8 seconds' where session_id = ${session} and spent_at is not null`;
      return (await refresh(spent.refresh_token)).status;
    },
    later: async (spent, session) => {
      await api.sql`update refresh_token set spent_at = now() - interval '11 seconds' where session_id = ${session} and spent_at is not null`;
      return (await refresh(spent.refresh_token)).status;
    },
    "before it was spent, by a clock that was set back": async (spent, session) => {
      await api.sql`update refresh_token set spent_at = now() + interval '1 hour' where session_id = ${session} and spent_at is not null`;
      return (await refresh(spent.refresh_token)).status;
    },
    "from another browser": async ({ refresh_token }) =>
      (await api.call("POST", "/refresh_token", { json: { refresh_token }, headers: { "user-agent": "curl/8.0" } }))
        .status,
  };
  const seen = [];
  for (const [how, send] of Object.entries(again)) {
    const first = await api.logIn("angela-martin");
    const second = (await refresh(first.refresh_token)).body;
    seen.push([how, await send(first, currentId(second)), await isAlive(second)]);
  }
  expect(seen).toEqual([
    ["from the same client within 10 s", 200, true],
    ["later", 401, false],
    ["before it was spent, by a clock that was set back", 401, false],
    ["from another browser", 401, false],
  ]);
});

test("R17 R46 what is stored of a session makes no refresh token without SECRET_KEY", async () => {
  const { refresh_token } = await api.logIn("angela-martin");
  const dump =
    JSON.stringify(await api.sql`select * from refresh_token`) + JSON.stringify(await api.sql`select * from session`);
  expect(dump).not.toContain(refresh_token);
  await using other = await startApi({
    DATABASE_URL: api.databaseUrl,
    SECRET_KEY: "another key of the tests: it is long as well and no secret",
    SECRET_KEY_PREVIOUS: api.deps.config.secretKey,
  });
  // The previous key made the token; its successor comes from the key that is current now.
  const next = await other.call("POST", "/refresh_token", { json: { refresh_token } });
  const again = await other.call("POST", "/refresh_token", { json: { refresh_token } });
  expect([next.status, again.body.refresh_token]).toEqual([200, next.body.refresh_token]);
  // Another key cannot make the same successor: the token then counts as stolen.
  expect((await refresh(refresh_token)).status).toBe(401);
});

test("R46 a session ends at its absolute expiry, however often it was refreshed", async () => {
  const first = await api.logIn("pam-beesly");
  // The login was ten days ago.
  await api.sql`
    update session set created_at = created_at - interval '10 days', expires_at = expires_at - interval '10 days'
    where id = ${currentId(first)}`;
  const second = (await refresh(first.refresh_token)).body;
  const [row] = await api.sql`
    select extract(epoch from expires_at - created_at) / 60 as minutes from session where id = ${currentId(second)}`;
  expect(Number(row!["minutes"])).toBeCloseTo(43_200, 0);
  await api.sql`update session set expires_at = now() where id = ${currentId(second)}`;
  expect((await refresh(second.refresh_token)).status).toBe(401);
  expect(await isAlive(second)).toBe(false);
});

test("R46 whatever is no refresh token is refused alike", async () => {
  const { access_token } = await api.logIn("pam-beesly");
  for (const bad of ["x", access_token.slice(0, 512), "\u0000", "x".repeat(43)]) {
    const answer = await refresh(bad);
    expect(answer.status).toBe(401);
    expect(answer.body.detail).toBe("The refresh token is not valid.");
  }
  for (const bad of [null, "", 7, {}, ["x"]]) expect((await refresh(bad)).status).toBe(422);
});

test("R47 disable, delete, demotion and a password change take effect at once", async () => {
  const superuser = await api.logIn("michael-scott");
  const token = superuser.access_token;
  const json = { name: "Holly Flax", email: "holly@dm.com", dept: "management", password: PASSWORD };
  await api.call("POST", "/user/", { token, json });

  const demoted = await api.logIn("holly-flax");
  const list = () => api.call("GET", "/audit/", { token: demoted.access_token });
  expect((await list()).status).toBe(200);
  await api.call("PATCH", "/user/holly-flax/", { token, json: { dept: "hr" } });
  expect((await list()).status).toBe(403);

  const next = { password: "the fog over a harbour", password_confirm: "the fog over a harbour" };
  await api.call("POST", "/user/holly-flax/password/", { token, json: next });
  expect(await isAlive(demoted)).toBe(false);

  const disabled = await api.logIn("holly-flax", next.password);
  await api.call("POST", "/user/holly-flax/disable/", { token });
  expect(await isAlive(disabled)).toBe(false);
  expect((await refresh(disabled.refresh_token)).status).toBe(401);
  expect(await api.tryLogIn("holly-flax", next.password)).toBe(401);
  await api.call("POST", "/user/holly-flax/enable/", { token });
  expect(await isAlive(disabled)).toBe(false);

  const deleted = await api.logIn("holly-flax", next.password);
  await api.call("DELETE", "/user/holly-flax/", { token });
  expect(await isAlive(deleted)).toBe(false);
  expect((await refresh(deleted.refresh_token)).status).toBe(401);
});

test("one's own sessions are listed, the last used first, and nobody else's", async () => {
  const phone = await api.logIn("dwight-schrute");
  await api.logIn("jim-halpert");
  const answer = await api.call("POST", "/token", {
    form: { username: "dwight-schrute", password: PASSWORD },
    headers: { "user-agent": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0" },
  });
  const devices = await devicesOf(answer.body);
  expect(devices).toMatchObject([{ browser: "Firefox", ip: "127.0.0.1", current: true }, { current: false }]);
  expect(Object.keys(devices[0])).toEqual(["id", "created_at", "used_at", "expires_at", "ip", "browser", "current"]);
  await refresh(phone.refresh_token);
  expect((await devicesOf(answer.body)).map(({ current }: { current: boolean }) => current)).toEqual([false, true]);
});

test("a session is ended from another one; another's is not found", async () => {
  const [here, there, stranger] = [
    await api.logIn("angela-martin"),
    await api.logIn("angela-martin"),
    await api.logIn("pam-beesly"),
  ];
  const end = (by: Tokens, id: string) => api.call("DELETE", `/session/${id}`, { token: by.access_token });
  expect((await end(stranger, currentId(there))).status).toBe(404);
  expect(await isAlive(there)).toBe(true);
  expect((await end(here, currentId(there))).status).toBe(204);
  expect(await isAlive(there)).toBe(false);
  expect((await refresh(there.refresh_token)).status).toBe(401);
  expect((await end(here, currentId(there))).status).toBe(404);
  expect(await isAlive(here)).toBe(true);
  for (const id of ["x", "me", Bun.randomUUIDv7().toUpperCase()]) expect((await end(here, id)).status).toBe(422);
});

test("logout ends this session, and everywhere ends all of them", async () => {
  const [one, two, three] = [
    await api.logIn("angela-martin"),
    await api.logIn("angela-martin"),
    await api.logIn("angela-martin"),
  ];
  expect((await api.call("POST", "/logout/", { token: one.access_token })).status).toBe(204);
  expect([await isAlive(one), await isAlive(two), await isAlive(three)]).toEqual([false, true, true]);
  expect((await api.call("DELETE", "/session/", { token: two.access_token })).status).toBe(204);
  expect([await isAlive(two), await isAlive(three)]).toEqual([false, false]);
  expect((await refresh(three.refresh_token)).status).toBe(401);
});

test("a token is revoked by whoever holds it, refresh or access, and an unknown one is 200 as well", async () => {
  const revoke = (token: string, hint?: string) =>
    api.call("POST", "/revoke", { form: { token, ...(hint ? { token_type_hint: hint } : {}) } });
  const [byRefresh, byAccess, bySpent] = [
    await api.logIn("pam-beesly"),
    await api.logIn("pam-beesly"),
    await api.logIn("pam-beesly"),
  ];
  const newer = (await refresh(bySpent.refresh_token)).body;

  expect((await revoke(byRefresh.refresh_token, "access_token")).status).toBe(200);
  expect((await revoke(byAccess.access_token)).status).toBe(200);
  expect((await revoke(bySpent.refresh_token, "refresh_token")).status).toBe(200);
  for (const tokens of [byRefresh, byAccess, newer]) {
    expect(await isAlive(tokens)).toBe(false);
    expect((await refresh(tokens.refresh_token)).status).toBe(401);
  }
  for (const unknown of ["x", byRefresh.refresh_token, byAccess.access_token, "a.b.c"]) {
    const answer = await revoke(unknown, "nonsense");
    expect([answer.status, answer.body]).toEqual([200, {}]);
  }
  expect((await api.call("POST", "/revoke", { form: {} })).status).toBe(422);
  expect((await api.call("POST", "/revoke", { json: { token: "x" } })).status).toBe(415);
});

test("a token's state is told to a superuser and to its owner; to others it is not active", async () => {
  const [owner, other, boss] = [
    await api.logIn("pam-beesly"),
    await api.logIn("jim-halpert"),
    await api.logIn("michael-scott"),
  ];
  const inspect = async (by: Tokens, token: string) =>
    (await api.call("POST", "/introspect", { token: by.access_token, form: { token, token_type_hint: "x" } })).body;
  for (const token of [owner.access_token, owner.refresh_token]) {
    expect(await inspect(other, token)).toEqual({ active: false });
    for (const by of [owner, boss]) {
      expect(await inspect(by, token)).toMatchObject({
        active: true,
        username: "pam-beesly",
        sub: JSON.parse(Buffer.from(owner.access_token.split(".")[1]!, "base64url").toString()).sub,
      });
    }
  }
  const state = await inspect(boss, owner.access_token);
  expect(state.exp - state.iat).toBe(900);

  // Asking spends nothing; what is spent, ended or unknown is not active, and nothing else is said of it.
  const { body: next } = await refresh(owner.refresh_token);
  expect(await inspect(boss, owner.refresh_token)).toEqual({ active: false });
  expect(await inspect(boss, next.refresh_token)).toMatchObject({ active: true });
  await api.call("POST", "/logout/", { token: next.access_token });
  for (const token of [next.access_token, next.refresh_token, "none"]) {
    expect(await inspect(boss, token)).toEqual({ active: false });
  }
  expect((await api.call("POST", "/introspect", { form: { token: "none" } })).status).toBe(401);
});

const currentId = ({ access_token }: Tokens): string =>
  JSON.parse(Buffer.from(access_token.split(".")[1]!, "base64url").toString()).sid;
