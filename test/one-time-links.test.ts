import { afterAll, beforeAll, beforeEach, expect, test } from "bun:test";
import { createKeyring } from "../src/accounts/keyring.ts";
import { deriveToken, tokenIn } from "../src/accounts/one-time-tokens.ts";
import { PASSWORD, startApi, type Delivered, type TestApi } from "./support/api.ts";

let api: TestApi;
beforeAll(async () => {
  api = await startApi();
});
afterAll(() => api[Symbol.asyncDispose]());
// Emails that an earlier test left, and what it was charged for: else the limit of an account would bite here.
beforeEach(async () => {
  await api.sql`truncate message, attempt, one_time_token cascade`;
});

const NEW_PASSWORD = "a lighthouse in the fog";
/** Every test has an account of its own. */
let made = 0;

async function person(): Promise<{ username: string; email: string; path: string }> {
  made += 1;
  const email = `person${made}@example.com`;
  const { access_token: token } = await api.logIn("michael-scott");
  const json = { name: `Somebody ${made}`, email, dept: "sales", password: PASSWORD };
  const created = await api.call("POST", "/user/", { token, json });
  expect(created.status).toBe(201);
  await api.deliver();
  const { username } = created.body;
  return { username, email, path: `/user/${username}/password/` };
}

async function askForLink(email: string): Promise<string> {
  await api.call("POST", "/user/pwd_reset_token/", { json: { email } });
  const reset = (await api.deliver()).find((one) => one.kind === "password_reset" && one.to === email);
  if (!reset?.token) throw new Error(`No link came for ${email}.`);
  return reset.token;
}

const both = (password: string) => ({ password, password_confirm: password });
const use = (path: string, token: unknown, password = NEW_PASSWORD) =>
  api.call("POST", path, { json: { ...both(password), pwd_reset_token: token } });

test("R16 a token has 256 bits, which only the key and the message's id lead to", async () => {
  const { email } = await person();
  const first = await askForLink(email);
  const second = await askForLink(email);
  expect(first).toMatch(/^[A-Za-z0-9_-]{43}$/);
  expect(second).not.toBe(first);

  expect(Buffer.from(first, "base64url")).toHaveLength(32);

  const key = api.deps.keyring.current;
  const secretKey = "another key, which is as long and no secret";
  const anotherKey = createKeyring({ ...api.deps.config, secretKey }).current;
  const id = Bun.randomUUIDv7();
  const token = deriveToken(key, "password_reset", id);
  expect(deriveToken(key, "password_reset", id)).toBe(token);
  expect(deriveToken(anotherKey, "password_reset", id)).not.toBe(token);
  expect(deriveToken(key, "invitation", id)).not.toBe(token);
  const tokens = Array.from({ length: 1_000 }, () => deriveToken(key, "password_reset", Bun.randomUUIDv7()));
  expect(new Set(tokens).size).toBe(1_000);
  // No bit is fixed: each of the 256 is set in about half of them (a fair one is off by this much once in 10^20).
  for (let bit = 0; bit < 256; bit += 1) {
    const set = tokens.filter((one) => (Buffer.from(one, "base64url")[bit >> 3]! >> (bit & 7)) & 1).length;
    expect(set).toBeWithin(350, 651);
  }
});

test("R17 neither the database nor the log holds a token, a password or a key", async () => {
  const { email, path } = await person();
  const link = await askForLink(email);
  expect((await api.call("POST", `${path}?pwd_reset_token=${link}`, { json: both(NEW_PASSWORD) })).status).toBe(200);
  const tokens = await api.logIn(email, NEW_PASSWORD);
  await api.call("GET", "/user/me", { token: tokens.access_token });
  await api.call("POST", "/refresh_token", { json: { refresh_token: tokens.refresh_token } });
  await api.call("POST", path, {
    token: tokens.access_token,
    json: { ...both("weak"), current_password: NEW_PASSWORD },
  });

  const tables = await api.sql<{ name: string }[]>`
    select table_name as name from information_schema.tables where table_schema = 'dundie'`;
  const rows = await Promise.all(
    tables.map(({ name }) => api.sql<{ row: string }[]>`select t::text as row from ${api.sql(name)} t`),
  );
  const dump = rows
    .flat()
    .map(({ row }) => row)
    .join("\n");
  const logged = api.logLines.join("");
  // Both halves were looked at: what is no secret is in each.
  expect(dump).toContain(email);
  expect(logged).toContain(`"path":"${path}","status":200`);
  const said = dump + logged;
  for (const secret of [
    link,
    tokens.access_token,
    tokens.refresh_token,
    PASSWORD,
    NEW_PASSWORD,
    api.deps.config.secretKey,
  ]) {
    expect(said).not.toContain(secret);
    expect(said).not.toContain(Buffer.from(secret).toString("hex"));
    expect(said).not.toContain(Buffer.from(secret, "base64url").toString("hex"));
  }
});

test("R18 of fifty parallel uses of one token, one succeeds", async () => {
  const { email, path } = await person();
  const token = await askForLink(email);
  const answers = await Promise.all(Array.from({ length: 50 }, (_, n) => use(path, token, `${NEW_PASSWORD} ${n}`)));
  const winners = answers.flatMap(({ status }, n) => (status === 200 ? [n] : []));
  expect(winners).toHaveLength(1);
  // On a busy machine some find no place in the queue for hashing, and are told to come again.
  expect(new Set(answers.map(({ status }) => status).filter((status) => status !== 503))).toEqual(new Set([200, 403]));
  await api.logIn(email, `${NEW_PASSWORD} ${winners[0]}`);
});

test("R19 a token is dead after its ten minutes", async () => {
  const { email, path } = await person();
  const token = await askForLink(email);
  const [row] = await api.sql`select extract(epoch from expires_at - now()) as left from one_time_token`;
  expect(Number(row!["left"])).toBeWithin(590, 601);
  await api.sql`update one_time_token set expires_at = now()`;
  expect((await use(path, token)).status).toBe(403);
});

test("R20 an older link lives until one succeeds, and then all are dead, sent or not", async () => {
  const { email, path } = await person();
  const older = await askForLink(email);
  const newer = await askForLink(email);
  await api.call("POST", "/user/pwd_reset_token/", { json: { email } });
  expect((await use(path, older)).status).toBe(200);

  const left = await api.deliver();
  expect(left.map(({ kind }) => kind)).toEqual(["password_changed"]);
  const [dropped] = await api.sql`select reason from message where kind = 'password_reset' and state = 'dropped'`;
  expect(dropped).toMatchObject({ reason: "revoked" });
  expect((await use(path, newer, "another lighthouse")).status).toBe(403);
  expect((await use(path, older, "another lighthouse")).status).toBe(403);
});

test("R21 a change of the password, of the address or of the state ends every link", async () => {
  const superuser = await api.logIn("michael-scott");
  const changes: ((somebody: Awaited<ReturnType<typeof person>>) => Promise<unknown>)[] = [
    ({ path }) => api.call("POST", path, { token: superuser.access_token, json: both(NEW_PASSWORD) }),
    async ({ email }) => {
      const { access_token: token } = await api.logIn(email);
      const json = { email: `new-${email}`, current_password: PASSWORD };
      await api.call("POST", "/user/me/email/", { token, json });
      const change = (await api.deliver()).find(({ kind }) => kind === "email_change_confirmation");
      expect((await api.call("POST", "/email/confirm/", { json: { token: change!.token } })).status).toBe(200);
    },
    async ({ username }) => {
      for (const state of ["disable", "enable"]) {
        await api.call("POST", `/user/${username}/${state}/`, { token: superuser.access_token });
      }
    },
  ];
  for (const change of changes) {
    const somebody = await person();
    const token = await askForLink(somebody.email);
    await change(somebody);
    expect((await use(somebody.path, token)).status).toBe(403);
  }
});

test("R22 a token is good for its own account only", async () => {
  const [one, other] = [await person(), await person()];
  const token = await askForLink(one.email);
  expect((await use(other.path, token)).status).toBe(403);
  expect((await use("/user/nobody-at-all/password/", token)).status).toBe(403);
  expect((await use(one.path, token)).status).toBe(200);
});

test("R22 a token of one purpose is good for no other", async () => {
  const { email, path } = await person();
  const { access_token } = await api.logIn(email);
  const json = { email: `new-${email}`, current_password: PASSWORD };
  await api.call("POST", "/user/me/email/", { token: access_token, json });
  const reset = await askForLinkAmong(email);
  const doors = {
    password_reset: (token: string) => use(path, token),
    email_change_confirmation: (token: string) => api.call("POST", "/email/confirm/", { json: { token } }),
    email_change_notice: (token: string) => api.call("POST", "/email/freeze/", { json: { token } }),
  };
  for (const [email, token] of Object.entries(reset)) {
    for (const [door, open] of Object.entries(doors)) {
      if (door !== email) expect((await open(token)).status).toBe(403);
    }
  }
});

/** All links that are under way to one account. */
async function askForLinkAmong(email: string): Promise<Record<string, string>> {
  await api.call("POST", "/user/pwd_reset_token/", { json: { email } });
  const emails = (await api.deliver()).filter((one): one is Delivered & { token: string } => one.token !== null);
  expect(emails).toHaveLength(3);
  return Object.fromEntries(emails.map(({ kind, token }) => [kind, token]));
}

test("R23 R27 whatever is not a good token gets one and the same 403", async () => {
  const [one, other] = [await person(), await person()];
  const used = await askForLink(one.email);
  await use(one.path, used);
  const others = await askForLink(other.email);
  const expired = await askForLink(one.email);
  await api.sql`update one_time_token set expires_at = now() where sent_to = ${one.email}`;

  const bad: unknown[] = [
    null,
    "",
    [],
    {},
    true,
    7,
    "\u0000",
    "x",
    "x".repeat(43),
    "é".repeat(43),
    used,
    others,
    expired,
  ];
  const good = await askForLink(one.email);
  bad.push([good], { token: good }, ` ${good}`, `${good}\n${good}`);
  const answers = await Promise.all(bad.map((token) => use(one.path, token)));
  answers.push(await use("/user/nobody-at-all/password/", used));
  expect(new Set(answers.map(({ status, body }) => `${status} ${JSON.stringify(body)}`)).size).toBe(1);
  expect(answers[0]!.status).toBe(403);

  const byQuery = await api.call("POST", `${one.path}?pwd_reset_token=`, { json: both(NEW_PASSWORD) });
  expect(byQuery.body).toEqual(answers[0]!.body);
  // The parser of bodies empties lists and objects; the token does not rely on that.
  expect([[good], { toString: () => good }].map(tokenIn)).toEqual([null, null]);
  for (const path of ["/email/confirm/", "/email/freeze/"]) {
    const refused = await Promise.all(bad.map((token) => api.call("POST", path, { json: { token } })));
    expect(new Set(refused.map(({ status, body }) => `${status} ${JSON.stringify(body)}`)).size).toBe(1);
    expect(refused[0]!.status).toBe(403);
  }
});

test("R23 a body over the limit is 413, whatever it holds", async () => {
  const { path } = await person();
  expect((await use(path, "x".repeat(100_000))).status).toBe(413);
});

test("R24 GET, HEAD and OPTIONS use nothing up", async () => {
  const { email, path } = await person();
  const token = await askForLink(email);
  for (const method of ["GET", "HEAD", "OPTIONS"]) {
    for (const page of [path, "/user/password/", "/email/confirm/", "/email/freeze/", "/reset_password"]) {
      await api.call(method, `${page}?pwd_reset_token=${token}&token=${token}`);
    }
  }
  expect((await use(path, token)).status).toBe(200);
});

test("R25 a password that is refused leaves the token as it is", async () => {
  const { email, path } = await person();
  const token = await askForLink(email);
  const differing = { password: NEW_PASSWORD, password_confirm: "another lighthouse", pwd_reset_token: token };
  expect((await api.call("POST", path, { json: differing })).status).toBe(400);
  expect((await use(path, token, "short")).status).toBe(422);
  expect((await use(path, token)).status).toBe(200);
});

test("R29 R30 a reset logs nobody in, and ends every session, access tokens too", async () => {
  const { email, path } = await person();
  const [laptop, phone] = [await api.logIn(email), await api.logIn(email)];
  const answer = await use(path, await askForLink(email));
  expect(answer.status).toBe(200);
  expect(Object.keys(answer.body)).toEqual(["name", "username", "dept", "avatar", "bio", "currency"]);
  expect(answer.headers.getSetCookie()).toEqual([]);
  for (const { access_token, refresh_token } of [laptop, phone]) {
    expect((await api.call("GET", "/user/me", { token: access_token })).status).toBe(401);
    expect((await api.call("POST", "/refresh_token", { json: { refresh_token } })).status).toBe(401);
  }
});

test("R31 every way to a new password is told to the owner, without secrets", async () => {
  const superuser = await api.logIn("michael-scott");
  const somebody = await person();
  const ways: Record<string, () => Promise<unknown>> = {
    link: async () => use(somebody.path, await askForLink(somebody.email)),
    superuser: () =>
      api.call("POST", somebody.path, { token: superuser.access_token, json: both("the fog over a harbour") }),
    owner: async () => {
      const { access_token: token } = await api.logIn(somebody.email, "the fog over a harbour");
      const json = { ...both("harbour lights at dusk"), current_password: "the fog over a harbour" };
      return api.call("POST", somebody.path, { token, json });
    },
  };
  for (const [way, change] of Object.entries(ways)) {
    await change();
    const emails = await api.deliver();
    expect(emails).toEqual([{ kind: "password_changed", to: somebody.email, token: null, props: { way } }]);
  }
});

test("R31 the first password by an invitation is told as well", async () => {
  const superuser = await api.logIn("michael-scott");
  const json = { name: "Kelly Kapoor", email: "kelly@example.com", dept: "service" };
  await api.call("POST", "/user/", { token: superuser.access_token, json });
  const [invitation] = await api.deliver();
  expect((await use("/user/kelly-kapoor/password/", invitation!.token)).status).toBe(200);
  expect(await api.deliver()).toEqual([
    { kind: "password_changed", to: "kelly@example.com", token: null, props: { way: "invitation" } },
  ]);
});

test("R60 neither the outbox's views nor the audit show a token, a link or a password", async () => {
  const { access_token: token } = await api.logIn("michael-scott");
  const { email, path } = await person();
  const link = await askForLink(email);
  const [message] = await api.sql`select id from message where kind = 'password_reset'`;
  const story = `/message/${message!["id"]}/`;
  const shown: string[] = [];
  const look = async () => {
    for (const view of ["/message/", story, "/message/stats", "/audit/?limit=1000", "/user/me/message/"]) {
      const answer = await api.call("GET", view, { token });
      expect(answer.status).toBe(200);
      shown.push(JSON.stringify(answer.body));
    }
  };
  await look();
  expect((await use(path, link)).status).toBe(200);
  await look();
  expect(shown.join()).toContain(email);
  for (const secret of [link, "pwd_reset_token", token, PASSWORD, NEW_PASSWORD]) {
    expect(shown.join()).not.toContain(secret);
  }
});

test("R32 a reset does not bring a disabled account back", async () => {
  const { username, email, path } = await person();
  const token = await askForLink(email);
  const superuser = await api.logIn("michael-scott");
  await api.call("POST", `/user/${username}/disable/`, { token: superuser.access_token });
  expect((await use(path, token)).status).toBe(403);
  await api.call("POST", "/user/pwd_reset_token/", { json: { email } });
  expect(await api.deliver()).toEqual([]);
  expect(await api.tryLogIn(email)).toBe(401);
});

test("an invitation sets the first password, proves the address, and is used up by a reset as well", async () => {
  const superuser = await api.logIn("michael-scott");
  const json = { name: "Ryan Howard", email: "ryan@example.com", dept: "temps" };
  await api.call("POST", "/user/", { token: superuser.access_token, json });
  const [invitation] = await api.deliver();
  expect(invitation).toMatchObject({ kind: "invitation", to: "ryan@example.com" });
  expect(await api.tryLogIn("ryan@example.com", "")).toBe(422);

  const reset = await askForLink("ryan@example.com");
  expect((await use("/user/ryan-howard/password/", reset)).status).toBe(200);
  expect((await use("/user/ryan-howard/password/", invitation!.token)).status).toBe(403);
  const { access_token: token } = await api.logIn("ryan-howard", NEW_PASSWORD);
  expect((await api.call("GET", "/user/me", { token })).body).toMatchObject({ email_verified: true });
});
