import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { PASSWORD, startApi, type Call, type TestApi } from "./support/api.ts";

let api: TestApi;
let superuser: string;
let pam: string;
beforeAll(async () => {
  api = await startApi({ REGISTRATION: "on" });
  superuser = (await api.logIn("michael-scott")).access_token;
  pam = (await api.logIn("pam-beesly")).access_token;
});
afterAll(() => api[Symbol.asyncDispose]());

const NEXT = { password: "the fog over a harbour", password_confirm: "the fog over a harbour" };
const json = (body: object) => ({ json: body });

/** A body that each write path takes. */
const WRITES: readonly (readonly [string, (extra: Record<string, string>) => Call])[] = [
  ["POST /refresh_token", (extra) => json({ refresh_token: "none", ...extra })],
  ["POST /user/", (extra) => json({ name: "New One", email: "new@example.com", dept: "hr", ...extra })],
  ["PATCH /user/pam-beesly/", (extra) => json({ bio: "Paints.", ...extra })],
  ["POST /user/pam-beesly/password/", (extra) => json({ ...NEXT, ...extra })],
  ["POST /user/password/", (extra) => json({ ...NEXT, pwd_reset_token: "none", ...extra })],
  ["POST /user/pwd_reset_token/", (extra) => json({ email: "new@example.com", ...extra })],
  ["POST /user/me/email/", (extra) => json({ email: "new@example.com", current_password: PASSWORD, ...extra })],
  ["POST /email/confirm/", (extra) => json({ token: "none", ...extra })],
  ["POST /email/freeze/", (extra) => json({ token: "none", ...extra })],
  [
    "POST /register/",
    (extra) => json({ name: "New One", email: "new@example.com", password: NEXT.password, ...extra }),
  ],
  ["POST /register/complete/", (extra) => json({ ...NEXT, name: "New One", token: "none", ...extra })],
  ["POST /user/pam-beesly/enable/", (extra) => json({ ...extra })],
  ["DELETE /user/pam-beesly/", (extra) => json({ current_password: PASSWORD, ...extra })],
  ["POST /message/suppress/", (extra) => json({ email: "new@example.com", ...extra })],
  ["POST /message/lift/", (extra) => json({ email: "new@example.com", ...extra })],
];

describe.each(WRITES)("R51 %s", (route, call) => {
  const [method = "", path = ""] = route.split(" ");
  test.each([
    "id",
    "superuser",
    "is_admin",
    "password_hash",
    "passwordHash",
    "email_verified_at",
    "disabled_at",
    "credentials_ordinal",
    "created_at",
  ])("refuses the unknown key %s, and does nothing", async (key) => {
    const before = await api.sql`select md5(string_agg(t::text, ',' order by id)) from "user" t`;
    const answer = await api.call(method, path, { ...call({ [key]: "1" }), token: superuser });
    expect(answer.status).toBe(422);
    expect(await api.sql`select md5(string_agg(t::text, ',' order by id)) from "user" t`).toEqual(before);
  });
});

test("R51 who may change a profile may not make himself a superuser by it", async () => {
  for (const body of [{ dept: "management" }, { dept: "management", bio: "x" }, { name: "Boss" }]) {
    expect((await api.call("PATCH", "/user/pam-beesly/", { token: pam, json: body })).status).toBe(403);
  }
  for (const body of [{ email: "x@example.com" }, { username: "boss" }, { password: "x" }]) {
    expect((await api.call("PATCH", "/user/pam-beesly/", { token: pam, json: body })).status).toBe(422);
  }
  expect((await api.call("GET", "/user/me", { token: pam })).body).toMatchObject({
    dept: "reception",
    superuser: false,
  });
});

test("R52 no answer shows a hash, a token's digest, or another's address", async () => {
  const paths = ["/user/", "/user/dwight-schrute/", "/user/me", "/user/me/events", "/user/me/message/", "/session/"];
  for (const path of paths) {
    for (const token of [undefined, pam]) {
      const { status, body } = await api.call("GET", path, token ? { token } : {});
      if (token) expect([path, status]).toEqual([path, 200]);
      const text = JSON.stringify(body);
      expect(text).not.toMatch(/argon2|digest|hash|dschrute@dm\.com|credentials/);
    }
  }
  const created = await api.call("POST", "/user/", {
    token: superuser,
    json: { name: "Nate", email: "nate@dm.com", dept: "x" },
  });
  expect(Object.keys(created.body)).toEqual(["name", "username", "dept", "avatar", "bio", "currency"]);
});

test.each([
  "/user/?sort=password_hash",
  "/user/?order=email",
  "/user/?email=mscott@dm.com",
  "/user/?limit=0",
  "/user/?limit=1001",
  "/user/?limit=1e9",
  "/user/?limit=-1",
  "/user/?limit=abc",
  "/user/?after=' or 1=1 --",
  "/user/?after=%00",
  "/audit/?sort=ip",
  "/audit/?subject=%00",
  "/audit/?since=now()",
  "/audit/?since=99999999-01-01T00:00:00Z",
  '/audit/?since="2026-01-01T00:00:00Z"',
  "/audit/?until=0001-01-01T00:00:00%2B14:00",
  '/message/?until="2026-01-01T00:00:00Z"',
  "/message/?since=0000-01-01T00:00:00Z",
  "/message/?order=recipient",
  "/message/?userId=x",
  "/user/me/message/?recipient=mscott@dm.com",
  "/user/me/events?subject=michael-scott",
])("R53 %s: only what is listed sorts and filters", async (path) => {
  expect((await api.call("GET", path, { token: superuser })).status).toBe(422);
});

test("R54 __proto__ and constructor as keys or as names do no harm", async () => {
  for (const raw of [
    '{"bio": "x", "__proto__": {"superuser": true}}',
    '{"bio": "x", "constructor": {"prototype": {"superuser": true}}}',
    '{"__proto__": {"dept": "management"}}',
  ]) {
    const answer = await api.call("PATCH", "/user/pam-beesly/", {
      token: pam,
      raw,
      headers: { "content-type": "application/json" },
    });
    // Elysia drops `__proto__` before it looks: then only the rest counts.
    expect([200, 422]).toContain(answer.status);
  }
  expect(Reflect.get({}, "superuser")).toBeUndefined();
  const me = (await api.call("GET", "/user/me", { token: pam })).body;
  expect(me).toMatchObject({ superuser: false, dept: "reception" });
  for (const name of ["__proto__", "constructor", "toString"]) {
    expect((await api.call("GET", `/user/${name}/`)).status).toBe(404);
  }
});

describe("R55 what is too long, too deep or no JSON", () => {
  const asJson = { "content-type": "application/json" };
  const send = (raw: string, headers: Record<string, string> = asJson) =>
    api.call("POST", "/user/pwd_reset_token/", { raw, headers });

  test("a body over 64 KiB is 413, announced or not", async () => {
    expect((await send(`{"email": "${"x".repeat(70_000)}"}`)).status).toBe(413);
    const response = await fetch(`${api.url}/user/pwd_reset_token/`, {
      method: "POST",
      headers: asJson,
      body: new ReadableStream({
        start(controller) {
          controller.enqueue(new TextEncoder().encode(`{"email": "${"x".repeat(70_000)}"}`));
          controller.close();
        },
      }),
    });
    expect(response.status).toBe(413);
  });

  test("what is no JSON is 400, what is no such JSON is 422, however deep", async () => {
    for (const raw of ["{", "", "\u0000", '{"email": "a@dm.com"', "[".repeat(60_000)]) {
      expect([400, 422]).toContain((await send(raw)).status);
    }
    for (const raw of [
      "[]",
      "null",
      "7",
      '"a@dm.com"',
      `${"[".repeat(30_000)}${"]".repeat(30_000)}`,
      `{"email":${'{"a":'.repeat(9_000)}1${"}".repeat(9_000)}}`,
    ]) {
      const began = performance.now();
      expect((await send(raw)).status).toBe(422);
      expect(performance.now() - began).toBeLessThan(1_000);
    }
  });

  test("R11 exactly one text is an address: no array, object, list, number, or copy in the query", async () => {
    for (const email of [
      ["mscott@dm.com"],
      { value: "mscott@dm.com" },
      "mscott@dm.com,eve@dm.com",
      7,
      null,
      true,
      "",
    ]) {
      expect((await send(JSON.stringify({ email }))).status).toBe(422);
    }
    const path = "/user/pwd_reset_token/?email=mscott@dm.com";
    expect((await api.call("POST", path, { json: {} })).status).toBe(422);
    // A copy in the query beside a good body is read by nobody.
    await api.deliver();
    expect((await api.call("POST", path, { json: { email: "dschrute@dm.com" } })).status).toBe(200);
    expect((await api.deliver()).map(({ to }) => to)).toEqual(["dschrute@dm.com"]);
  });

  test("R63 an avatar is an address of http or https", async () => {
    const refused = [
      "javascript:alert(1)",
      "JaVaScRiPt:alert(1)",
      "java\nscript:alert(1)",
      " javascript:alert(1)",
      "data:text/html,<script>alert(1)</script>",
      "data:image/svg+xml;base64,PHN2Zz4=",
      "file:///etc/passwd",
      "vbscript:x",
      "blob:https://example.com/1",
      "//evil.example/a.png",
      "/a.png",
      "a.png",
      "",
      "https:",
      "https:///a.png",
      "https://user:secret@example.com/a.png",
      "https://example.com/a b.png",
      'https://example.com/"onerror="x',
      "https://example.com/<script>",
      "ftp://example.com/a.png",
      "http//example.com",
    ];
    for (const avatar of refused) {
      const { status, body } = await api.call("PATCH", "/user/pam-beesly/", { token: pam, json: { avatar } });
      expect([avatar, status, body.errors?.[0]?.pointer]).toEqual([avatar, 422, "/avatar"]);
      const json = { name: "With Avatar", email: "avatar@example.com", dept: "hr", avatar };
      expect((await api.call("POST", "/user/", { token: superuser, json })).status).toBe(422);
    }
    for (const avatar of [
      "https://example.com/pam.png?size=80#x",
      "HTTP://10.0.0.1:8080",
      "http://[::1]/a",
      "https://bücher.example/(é)",
      null,
    ]) {
      const answer = await api.call("PATCH", "/user/pam-beesly/", { token: pam, json: { avatar } });
      expect([avatar, answer.status, answer.body.avatar]).toEqual([avatar, 200, avatar]);
    }
  });

  test("a text that no database can store is refused, not stumbled over", async () => {
    for (const bad of ["\u0000", "a\u0000b", "\ud800", "\u0007"]) {
      for (const field of ["bio", "avatar"]) {
        const answer = await api.call("PATCH", "/user/pam-beesly/", { token: pam, json: { [field]: bad } });
        expect(answer.status).toBe(422);
      }
      const login = await api.call("POST", "/token", { form: { username: `pam${bad}`, password: `x${bad}` } });
      expect([401, 422]).toContain(login.status);
      const person = { name: `New ${bad}`, email: "new2@example.com", dept: "hr" };
      expect((await api.call("POST", "/user/", { token: superuser, json: person })).status).toBe(422);
    }
    for (const path of ["/user/%00/", "/user/%ed%a0%80/", "/user/%ff/", "/session/%00", "/message/%00/"]) {
      for (const method of ["GET", "PATCH", "DELETE"]) {
        const answer = await api.call(method, path, {
          token: superuser,
          ...(method === "PATCH" ? { json: { bio: "x" } } : {}),
        });
        expect([400, 404, 405, 422]).toContain(answer.status);
      }
    }
  });

  test("R54 an object that hides what every object has is wrong like any other", async () => {
    const bodies = ['{"email": {"toString": "x"}}', '{"email": {"valueOf": 1}}', '{"email": [{"toString": 1}]}'];
    for (const body of [...bodies, '{"email": {"__proto__": null}}']) expect((await send(body)).status).toBe(422);
    const password = { toString: "x" };
    const body = { password, password_confirm: password, pwd_reset_token: { toString: "x" } };
    expect((await api.call("POST", "/user/password/", { json: body })).status).toBe(422);
    const token = { toString: "x" };
    expect((await api.call("POST", "/email/confirm/", { json: { token } })).status).toBe(403);
  });

  test("R60 a body that was sent as the wrong type is not repeated as the name of a field", async () => {
    const raw = JSON.stringify({ username: "pam-beesly", password: PASSWORD });
    const answer = await api.call("POST", "/token", {
      raw,
      headers: { "content-type": "application/x-www-form-urlencoded" },
    });
    expect(answer.status).toBe(422);
    expect(JSON.stringify(answer.body)).not.toContain(PASSWORD);
    const unknown = await api.call("POST", "/refresh_token", { json: { refresh_token: "x", colour: "z" } });
    expect(unknown.body.errors).toContainEqual({ pointer: "/colour", detail: expect.any(String) });
    const misplaced = await api.call("POST", "/refresh_token", { json: { refresh_token: "x", [PASSWORD]: "z" } });
    expect([misplaced.status, JSON.stringify(misplaced.body).includes(PASSWORD)]).toEqual([422, false]);
  });

  test("a header of 100 KB is refused, and the next request is served", async () => {
    const response = await fetch(`${api.url}/health`, { headers: { "x-long": "x".repeat(100_000) } }).catch(() => null);
    expect(response === null || [400, 413, 431].includes(response.status)).toBe(true);
    expect((await api.call("GET", "/health")).status).toBe(200);
  });

  test("a refusal is a problem: no stack, no echo of what was sent", async () => {
    const secret = "what was typed into the wrong field";
    const answers = [
      await api.call("POST", "/user/password/", {
        json: { password: { nested: secret }, password_confirm: 7, pwd_reset_token: secret },
      }),
      await api.call("POST", "/user/", {
        token: superuser,
        json: { name: "X", email: secret, dept: "", password: secret },
      }),
      await api.call("POST", "/token", { form: { username: "", password: secret } }),
      await send(`{"email": "${secret}`),
    ];
    for (const { status, headers, body } of answers) {
      expect(status).toBeWithin(400, 500);
      expect(headers.get("content-type")).toBe("application/problem+json");
      expect(body).toMatchObject({
        type: expect.stringMatching(/^urn:dundie:problem:[a-z-]+$/),
        status,
        title: expect.any(String),
        detail: expect.any(String),
      });
      expect(JSON.stringify(body)).not.toContain(secret);
      expect(JSON.stringify(body)).not.toMatch(/\bat .*\.ts|node_modules|select |insert /);
    }
  });
});
