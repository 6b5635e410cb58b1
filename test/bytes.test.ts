/** What is sent is what is stored: bytes that are not UTF-8 are refused, and characters that are equal are equal. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { preferredLocale } from "../src/http/request-context.ts";
import { PASSWORD, startApi, type TestApi } from "./support/api.ts";
import { startApp } from "./support/unconnected.ts";

let api: TestApi;
let token: string;
beforeAll(async () => {
  api = await startApi({ REGISTRATION: "on", CORS_ORIGINS: "https://app.example.com" });
  token = (await api.logIn("michael-scott")).access_token;
});
afterAll(() => api[Symbol.asyncDispose]());

const users = async () => (await api.sql`select md5(string_agg(t::text, ',' order by id)) as rows from "user" t`)[0];
const send = (path: string, bytes: string | Buffer, type: string) =>
  api.call("POST", path, {
    bytes: Buffer.from(bytes as string, "latin1"),
    headers: { "content-type": type, origin: "https://app.example.com" },
    token,
  });
const utf8 = (text: string): string => Buffer.from(text, "utf8").toString("latin1");

const ACCOUNT =
  '{"name":"Jos\xe9 \xd1and\xfa","email":"jose@example.com","dept":"sales","password":"senha \xe7\xe3\xe9 muito longa"}';

// RFC 8259 §8.1, RFC 3629 §3: a lone lead byte, a lone continuation byte, an overlong form, a surrogate, past the end.
test.each(["Jos\xe9", "\x80", "\xc0\xaf", "\xed\xa0\x80", "\xf5\x80\x80\x80", "\xe2\x82"])(
  "JSON with the bytes %j is a 400, and nothing is stored",
  async (bytes) => {
    const before = await users();
    for (const body of [
      `{"name":"${bytes}","email":"jose@example.com","dept":"sales","password":"${PASSWORD}"}`,
      `{"name":"Jose","email":"jose@example.com","dept":"sales","password":"${bytes} and more of it"}`,
      `{"${bytes}":1}`,
      bytes,
    ]) {
      const answer = await send("/user/", body, "application/json");
      expect([answer.status, answer.body.type]).toEqual([400, "urn:dundie:problem:malformed-body"]);
      expect(answer.headers.get("access-control-allow-origin")).toBe("https://app.example.com");
    }
    expect(await users()).toEqual(before);
  },
);

test("a form with wrong bytes, plain or percent-encoded, is a 400: no password of wrong bytes opens anything", async () => {
  const type = "application/x-www-form-urlencoded";
  for (const body of ["username=a&password=%E7%E3%E9", "username=a&password=\xe7\xe3", "username=%C0%AF&password=x"]) {
    expect((await send("/token", body, type)).status).toBe(400);
  }
  const good = `username=mscott%40dm.com&password=${PASSWORD.replaceAll(" ", "+")}`;
  expect((await send("/token", good, type)).status).toBe(200);
  // A percent sign that encodes nothing is one (URL standard, percent-decode).
  expect((await send("/token", "username=mscott%40dm.com&password=100%", type)).status).toBe(401);
});

test("good UTF-8 of every length is stored as it was sent, with and without a byte order mark", async () => {
  const name = "José Ñandú 李雷 🦀";
  const body = utf8(JSON.stringify({ name, email: "good@example.com", dept: "sales", username: "good" }));
  const made = await send("/user/", `\xef\xbb\xbf${body}`, "application/json; charset=UTF-8");
  expect([made.status, made.body.name]).toEqual([201, name]);
});

// RFC 9110 §15.5.16 and §8.4.
test.each([
  ["application/json; charset=iso-8859-1", {}],
  ['application/json;charset="utf-16"', {}],
  ["application/json; charset=windows-1252", {}],
  ["application/json; charset=utf-8", { "content-encoding": "gzip" }],
  ["text/json", {}],
  ["", {}],
])("R15 a body of the type %j with %j is a 415 with CORS headers and a problem", async (type, more) => {
  const before = await users();
  const answer = await api.call("POST", "/user/", {
    bytes: Buffer.from(ACCOUNT, "latin1"),
    headers: { ...(type ? { "content-type": type } : {}), ...more, origin: "https://app.example.com" },
    token,
  });
  expect([answer.status, answer.body.type]).toEqual([415, "urn:dundie:problem:unsupported-media-type"]);
  expect(answer.headers.get("access-control-allow-origin")).toBe("https://app.example.com");
  expect(await users()).toEqual(before);
});

test("413 has a body and CORS headers, whether the length is told or the body comes in chunks", async () => {
  const origin = "https://app.example.com";
  const bytes = Buffer.alloc(80_000, "a");
  const told = await api.call("POST", "/user/pwd_reset_token/", {
    bytes,
    headers: { "content-type": "application/json", origin },
  });
  const chunked = await fetch(`${api.url}/user/pwd_reset_token/`, {
    method: "POST",
    headers: { "content-type": "application/json", origin },
    body: new ReadableStream({
      start(controller) {
        controller.enqueue(bytes);
        controller.close();
      },
    }),
  });
  const chunkedAnswer = { status: chunked.status, headers: chunked.headers, body: (await chunked.json()) as object };
  for (const { status, headers, body } of [told, chunkedAnswer]) {
    expect([status, headers.get("access-control-allow-origin")]).toEqual([413, origin]);
    expect(body).toMatchObject({ type: "urn:dundie:problem:body-too-large", status: 413 });
    expect(headers.get("x-request-id")).toMatch(/^[0-9a-f-]{36}$/);
  }
});

test("a request that does not cross a socket is read in the same way", async () => {
  const app = await startApp();
  const ask = async (body: string | Buffer<ArrayBuffer> | null, type = "application/json") => {
    const init = { method: "POST", headers: { "content-type": type }, ...(body === null ? {} : { body }) };
    return await app.handle(new Request("http://localhost/user/pwd_reset_token/", init));
  };
  // No database is there: a body that is read and valid gets as far as it.
  expect((await ask('{"email":"not an address"}')).status).toBe(422);
  expect(((await (await ask('{"email":"not an address"}')).json()) as { type: string }).type).toBe(
    "urn:dundie:problem:invalid-address",
  );
  expect((await ask(Buffer.from('{"email":"Jos\xe9"}', "latin1"))).status).toBe(400);
  expect((await ask(`"${"x".repeat(70_000)}"`)).status).toBe(413);
  expect((await ask("{}", "text/plain")).status).toBe(415);
  expect((await ask(null)).status).toBe(422);
});

test("half of a surrogate pair is no character: 422, in a name and in a password (RFC 8259 §8.2)", async () => {
  for (const body of [
    String.raw`{"name":"x","email":"half@example.com","dept":"x","password":"a password \ud83e of halves"}`,
    String.raw`{"name":"\udd80","email":"half@example.com","dept":"x"}`,
  ]) {
    const answer = await send("/user/", body, "application/json");
    expect([answer.status, answer.body.type]).toEqual([422, "urn:dundie:problem:invalid-input"]);
  }
});

test("R38 every Unicode space in a password is a space (RFC 8265 §4.2.2); nothing else of it is changed", async () => {
  const password = "quatro pardais no fio";
  const json = { name: "Spaces", email: "spaces@example.com", dept: "x", password };
  expect((await api.call("POST", "/user/", { token, json })).status).toBe(201);
  for (const space of ["\u00a0", "\u2003", "\u202f", "\u3000"]) {
    expect(await api.tryLogIn("spaces", password.replaceAll(" ", space))).toBe(200);
  }
  for (const other of [`${password} `, ` ${password}`, password.toUpperCase(), password.replaceAll(" ", "\t")]) {
    expect(await api.tryLogIn("spaces", other)).toBe(401);
  }
});

test("a password hash of a format that the runtime does not know: the login is refused, and logged once", async () => {
  await api.call("POST", "/user/", { token, json: { name: "Moved In", email: "moved@example.com", dept: "x" } });
  for (const hash of ["pbkdf2_sha256$260000$salt$hash", "$6$salt$hash", "{SSHA}x", "plain text", "$2b$04$short"]) {
    await api.sql`update "user" set password_hash = ${hash} where username = 'moved-in'`;
    expect([hash, await api.tryLogIn("moved-in", "x")]).toEqual([hash, 401]);
    expect(await api.tryLogIn("moved-in", hash)).toBe(401);
  }
  const lines = api.logLines.filter((line) => line.includes("password_hash_unreadable"));
  expect(lines).toHaveLength(1);
  expect(lines[0]).not.toContain("salt$hash");
  expect(api.logLines.filter((line) => line.includes("request_failed"))).toEqual([]);
});

// RFC 9110 §12.5.4; `pt_BR` is what Android's Locale.toString() gives.
test.each([
  ["pt_BR", "pt-BR"],
  ["pt_BR,en_US;q=0.5", "pt-BR"],
  ["pt-BR", "pt-BR"],
  ["PT", "pt-BR"],
  ["fr_FR, pt_PT;q=0.8, en;q=0.9", "en"],
  ["en_US", "en"],
  ["*", "en"],
  ["", "en"],
] as const)("Accept-Language %j asks for %s", (header, locale) => {
  expect(preferredLocale(header, "en")).toBe(locale);
});

test.each([".", ")", ">", " ", "%20", "\n", ").", '">', "&#x27;"])(
  "a reset link with %j glued to its end still opens the form, and its token still works",
  async (glued) => {
    await api.call("POST", "/user/pwd_reset_token/", { json: { email: "dschrute@dm.com" } });
    const link = (await api.deliver()).findLast(({ to }) => to === "dschrute@dm.com")?.token ?? "";
    expect(link).toHaveLength(43);
    const page = await api.call(
      "GET",
      `/reset_password?pwd_reset_token=${link}${glued === "%20" ? glued : encodeURIComponent(glued)}`,
    );
    expect(page.body).toContain("dwight-schrute");
    expect(page.body).toContain('name="password_confirm"');
    const json = { password: PASSWORD, password_confirm: PASSWORD, pwd_reset_token: `${link}${glued}` };
    expect((await api.call("POST", "/user/password/", { json })).status).toBe(200);
    expect((await api.call("POST", "/user/password/", { json })).status).toBe(403);
  },
);
