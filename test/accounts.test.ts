import { afterAll, beforeAll, expect, test } from "bun:test";
import { usernameFor } from "../src/accounts/usernames.ts";
import { PASSWORD, startApi, whileComparing, type TestApi } from "./support/api.ts";

let api: TestApi;
let superuser: string;
beforeAll(async () => {
  api = await startApi();
  superuser = (await api.logIn("michael-scott")).access_token;
});
afterAll(() => api[Symbol.asyncDispose]());

const create = (json: object) => api.call("POST", "/user/", { token: superuser, json: { dept: "sales", ...json } });
const act = (method: string, path: string, json?: object) =>
  api.call(method, path, { token: superuser, ...(json ? { json } : {}) });

test("an address is unique whatever its spelling, and mail goes to one form of it", async () => {
  const spellings = ["Todd@Example.com", "todd@EXAMPLE.COM", "TODD@example.com"];
  const answers = [];
  for (const [n, email] of spellings.entries()) answers.push(await create({ name: `Todd ${n}`, email }));
  expect(answers.map(({ status }) => status)).toEqual([201, 409, 409]);
  expect(answers[1]!.body.errors[0].pointer).toBe("/email");

  expect((await create({ name: "Björn One", email: "bjorn@bücher.example" })).status).toBe(201);
  expect((await create({ name: "Björn Two", email: "bjorn@xn--bcher-kva.example" })).status).toBe(409);
  expect((await create({ name: "Björn Three", email: "bjorn@BÜCHER.example" })).status).toBe(409);
  expect((await api.deliver()).map(({ to }) => to)).toEqual(["todd@example.com", "bjorn@xn--bcher-kva.example"]);
});

test.each([
  "todd",
  "todd@",
  "@example.com",
  "todd@example",
  "todd@@example.com",
  "todd packer@example.com",
  '"todd packer"@example.com',
  "todd@[127.0.0.1]",
  "todd@127.0.0.1",
  "todd@example.com, eve@example.com",
  "todd@example.com\r\nBcc: eve@example.com",
  "<eve@example.com> todd@example.com",
  "todd..packer@example.com",
  ".todd@example.com",
  "tödd@example.com",
  "todd@exa_mple.com",
  "todd@-example.com",
  "todd@example.com:25",
  `${"x".repeat(65)}@example.com`,
  "todd\u0000@example.com",
  "todd@example.com\u202e",
])("%j is no address: 422", async (email) => {
  expect((await create({ name: "Nobody At All", email })).status).toBe(422);
  expect((await api.call("GET", "/user/nobody-at-all/")).status).toBe(404);
});

test("a username is made of the name by default, and is unique", async () => {
  const made = await create({ name: "  José  Ñandú ", email: "jose@example.com" });
  expect([made.status, made.body.username, made.headers.get("location")]).toEqual([
    201,
    "jose-nandu",
    "/user/jose-nandu/",
  ]);
  const again = await create({ name: "Jose Nandu", email: "jose2@example.com" });
  expect([again.status, again.body.errors[0].pointer]).toEqual([409, "/username"]);
  expect((await create({ name: "Jose Nandu", username: "JOSE-NANDU", email: "jose2@example.com" })).status).toBe(409);
  expect((await create({ name: "Jose Nandu", username: "jose2", email: "jose2@example.com" })).body.username).toBe(
    "jose2",
  );
  expect((await api.call("GET", "/user/JOSE-Nandu/")).body.username).toBe("jose-nandu");
});

// Expected values: the names' own romanisations, as `transliteration` has them.
test.each([
  ["Łukasz Żółć", "lukasz-zolc"],
  ["Øyvind", "oyvind"],
  ["Straße", "strasse"],
  ["Þór Æsir", "thor-aesir"],
  ["O’Brien, Miles", "o-brien-miles"],
  ["Đặng Thị", "dang-thi"],
  ["Jose\u0301", "jose"],
  ["Дмитрий Щербаков", "dmitriy-shcherbakov"],
  ["Ελένη", "eleni"],
  ["李雷", "li-lei"],
  ["김철수", "gimceolsu"],
  ["ﾊﾅｺ", "hanako"],
  ["x".repeat(99), "x".repeat(64)],
])("the name %s gets the username %s", async (name, username) => {
  expect(await usernameFor(name)).toBe(username);
});

test.each(["🦀", "---", "…", "me"])("no username can be made of the name %s: 422 asks for one", async (name) => {
  const answer = await create({ name, email: "nobody@example.com" });
  expect([answer.status, answer.body.type, answer.body.errors?.[0].pointer]).toEqual([
    422,
    "urn:dundie:problem:invalid-username",
    "/username",
  ]);
});

test.each([
  "me",
  "Me",
  "password",
  "admin",
  "---",
  "日本",
  "pam_beesly",
  "pam beesly",
  "pam.b",
  " pam",
  "pam-",
  "łukasz",
])("%j cannot be a username: 422 with the rule, and no account of another name", async (username) => {
  const before = (await api.call("GET", "/user/?limit=1000")).body.length;
  const answer = await create({ name: "Nobody At All", username, email: "nobody@example.com" });
  expect([answer.status, answer.body.errors?.[0].pointer]).toEqual([422, "/username"]);
  expect(answer.body.detail).toMatch(/lower-case letters a to z|reserved/);
  expect((await api.call("GET", "/user/?limit=1000")).body.length).toBe(before);
});

test("an owner logs in with the username that was asked for, in any case", async () => {
  const made = await create({ name: "Asked For", username: "As-Ked4", email: "as@example.com", password: PASSWORD });
  expect([made.status, made.body.username]).toEqual([201, "as-ked4"]);
  for (const login of ["As-Ked4", "as-ked4", " as-ked4\u00a0"]) expect(await api.tryLogIn(login)).toBe(200);
});

test.each(["mscott@dm.com ", " mscott@dm.com", "MScott@dm.com\u00a0", "\tmscott@dm.com"])(
  "spaces around an address are ignored wherever one is taken: %j",
  async (email) => {
    await api.deliver();
    expect(await api.tryLogIn(email)).toBe(200);
    const json = { email };
    expect((await api.call("POST", "/user/pwd_reset_token/", { json })).status).toBe(200);
    expect((await api.deliver()).map(({ to }) => to)).toEqual(["mscott@dm.com"]);
    expect((await create({ name: "Twice There", email })).body.type).toBe("urn:dundie:problem:email-taken");
    const token = (await api.logIn("michael-scott")).access_token;
    await api.call("POST", "/message/suppress/", { token, json });
    expect((await api.call("GET", "/message/suppressed/", { token })).body).toMatchObject([{ email: "mscott@dm.com" }]);
    expect((await api.call("POST", "/message/lift/", { token, json })).status).toBe(200);
    const listed = await api.call("GET", `/message/?limit=1&recipient=${encodeURIComponent(email)}`, { token });
    expect(listed.body).toHaveLength(1);
  },
);

test("GET /user/ is the course's plain array, in pages by keyset", async () => {
  const whole = await api.call("GET", "/user/");
  expect(Object.keys(whole.body[0])).toEqual(["name", "username", "dept", "avatar", "bio", "currency"]);
  const walked: string[] = [];
  let path = "/user/?limit=2";
  for (let pages = 0; path && pages < 20; pages += 1) {
    const page = await api.call("GET", path);
    expect(page.body.length).toBeLessThanOrEqual(2);
    walked.push(...page.body.map(({ username }: { username: string }) => username));
    path = /^<([^>]+)>; rel="next"$/.exec(page.headers.get("link") ?? "")?.[1] ?? "";
  }
  expect(walked).toEqual(whole.body.map(({ username }: { username: string }) => username));
  expect(walked).toEqual(walked.toSorted());
});

test("GET /user/me shows one's own fields, and PATCH sets the language of emails", async () => {
  const { access_token: token } = await api.logIn("pam-beesly");
  const patch = (json: object) => api.call("PATCH", "/user/pam-beesly/", { token, json });
  expect((await patch({ locale: "pt-BR", bio: "Paints." })).status).toBe(200);
  expect((await api.call("GET", "/user/me/", { token })).body).toEqual({
    name: "Pam Beesly",
    username: "pam-beesly",
    dept: "reception",
    avatar: null,
    bio: "Paints.",
    currency: "USD",
    email: "pbeesly@dm.com",
    email_verified: false,
    locale: "pt-BR",
    superuser: false,
    created_at: expect.any(String),
  });
  await patch({ avatar: "https://example.com/pam.png" });
  expect((await api.call("GET", "/user/me", { token })).body).toMatchObject({ locale: "pt-BR" });
  await patch({ locale: null, bio: null });
  expect((await api.call("GET", "/user/me", { token })).body).toMatchObject({ locale: null, bio: null });
  for (const json of [{ locale: "fr" }, {}, { bio: 7 }]) expect((await patch(json)).status).toBe(422);
});

test("a change says which version it is of: another's in between is not overwritten", async () => {
  const path = "/user/dwight-schrute/";
  const read = await api.call("GET", path);
  const tag = read.headers.get("etag")!;
  expect(tag).toMatch(/^"[0-9a-f]{32}"$/);
  expect((await api.call("GET", path, { headers: { "if-none-match": `W/${tag}, "x"` } })).status).toBe(304);

  const patch = (bio: string, condition: string) =>
    api.call("PATCH", path, { token: superuser, json: { bio }, headers: { "if-match": condition } });
  const first = await patch("Beets.", `"x", ${tag}`);
  expect(first.status).toBe(200);
  for (const condition of [tag, `W/${first.headers.get("etag")}`, '""', "nonsense"]) {
    expect((await patch("Bears.", condition)).status).toBe(412);
  }
  expect((await api.call("GET", path)).headers.get("etag")).toBe(first.headers.get("etag"));
  const parallel = await Promise.all(Array.from({ length: 10 }, (_, n) => patch(`${n}`, first.headers.get("etag")!)));
  expect(parallel.filter(({ status }) => status === 200)).toHaveLength(1);
  expect((await patch("Battlestar Galactica.", "*")).status).toBe(200);
});

test("people write with all of Unicode", async () => {
  const words = { name: "José 🎨 Ñandú", bio: "Paints 🎨,\n\tand 日本.", avatar: "https://example.com/🎨" };
  const answer = await act("PATCH", "/user/pam-beesly/", words);
  expect([answer.status, answer.body]).toMatchObject([200, words]);
  const refused = await act("PATCH", "/user/pam-beesly/", { bio: "a\u0000b" });
  expect(refused.body.detail).toBe("bio: Give at most 4096 characters of plain text.");
});

test("the last superuser cannot be demoted, disabled or deleted: 409", async () => {
  const me = "/user/michael-scott/";
  expect((await act("PATCH", me, { dept: "sales" })).status).toBe(409);
  expect((await act("POST", `${me}disable/`)).status).toBe(409);
  expect((await act("DELETE", me, { current_password: PASSWORD })).status).toBe(409);
  // An invited superuser who has not come yet could not let anybody in.
  expect((await create({ name: "Jan Levinson", email: "jan@example.com", dept: "management" })).status).toBe(201);
  expect((await act("PATCH", me, { dept: "sales" })).status).toBe(409);
  expect((await act("PATCH", me, { dept: "management", bio: "Still here." })).status).toBe(200);
});

test("of two superusers who demote each other at once, one stays", async () => {
  for (let round = 0; round < 5; round += 1) {
    const json = {
      name: `Deputy ${round}`,
      email: `deputy${round}@example.com`,
      dept: "management",
      password: PASSWORD,
    };
    await create(json);
    const deputy = (await api.logIn(json.email)).access_token;
    const demote = (token: string, username: string) =>
      api.call("PATCH", `/user/${username}/`, { token, json: { dept: "sales" } });
    const answers = await Promise.all([demote(superuser, `deputy-${round}`), demote(deputy, "michael-scott")]);
    // 403 for one who was demoted before he was asked who he is.
    const [winner, loser] = answers.map(({ status }) => status).toSorted((a, b) => a - b);
    expect(winner).toBe(200);
    expect([403, 409]).toContain(loser!);
    const left = await api.sql`select username from "user" where dept = 'management' and password_hash is not null`;
    expect(left).toHaveLength(1);
    if (left[0]!["username"] !== "michael-scott") {
      await api.call("PATCH", "/user/michael-scott/", { token: deputy, json: { dept: "management" } });
      await act("PATCH", `/user/deputy-${round}/`, { dept: "sales" });
    }
  }
});

test("a disabled account is shown to nobody, gets no mail, and comes back as it was", async () => {
  await api.deliver();
  const path = "/user/angela-martin/";
  for (let twice = 0; twice < 2; twice += 1) expect((await act("POST", `${path}disable/`)).status).toBe(200);
  expect((await api.call("GET", path)).status).toBe(404);
  const names = (await api.call("GET", "/user/?limit=1000")).body.map(({ username }: { username: string }) => username);
  expect(names).not.toContain("angela-martin");
  await api.call("POST", "/user/pwd_reset_token/", { json: { email: "amartin@dm.com" } });
  expect(await api.deliver()).toEqual([]);
  for (let twice = 0; twice < 2; twice += 1) expect((await act("POST", `${path}enable/`)).status).toBe(200);
  expect((await api.call("GET", path)).status).toBe(200);
  await api.logIn("angela-martin");
  expect((await act("POST", "/user/nobody-at-all/disable/")).status).toBe(404);
});

test("the own account is not deleted with a password that was changed while it was compared", async () => {
  const superuser = (await api.logIn("michael-scott")).access_token;
  const { access_token: token } = await api.logIn("angela-martin");
  const next = { password: "the fog over a harbour", password_confirm: "the fog over a harbour" };
  whileComparing(api, () => api.call("POST", "/user/angela-martin/password/", { token: superuser, json: next }));
  const json = { current_password: PASSWORD };
  expect((await api.call("DELETE", "/user/angela-martin/", { token, json })).status).toBe(401);
  expect((await api.call("GET", "/user/angela-martin/")).status).toBe(200);
});

test("an owner deletes the own account with the password; its mails' stories and the audit stay", async () => {
  const json = { name: "Meredith Palmer", email: "meredith@example.com", password: PASSWORD };
  await create(json);
  await api.deliver();
  const { access_token: token } = await api.logIn("meredith-palmer");
  const remove = (body?: object) =>
    api.call("DELETE", "/user/meredith-palmer/", { token, ...(body ? { json: body } : {}) });
  expect((await remove()).status).toBe(422);
  expect((await remove({ current_password: "not the password" })).status).toBe(403);
  await api.call("POST", "/user/pwd_reset_token/", { json: { email: json.email } });
  expect((await remove({ current_password: PASSWORD })).status).toBe(204);

  expect((await api.call("GET", "/user/meredith-palmer/")).status).toBe(404);
  expect(await api.tryLogIn(json.email)).toBe(401);
  expect((await api.deliver()).filter(({ to }) => to === json.email)).toEqual([]);
  const stories = (await act("GET", `/message/?recipient=${json.email}`)).body;
  expect(stories.map(({ kind, state, reason }: Record<string, unknown>) => [kind, state, reason])).toEqual([
    ["password_reset", "dropped", "no_account"],
    ["welcome", "sent", null],
  ]);
  const [event] = (await act("GET", "/audit/?action=user_deleted&limit=1")).body;
  expect(event).toMatchObject({ details: { username: "meredith-palmer" }, subject: null, ip: "127.0.0.1" });
  // The name and the address are free again.
  expect((await create(json)).status).toBe(201);
});
