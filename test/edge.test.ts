import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { startApi, type TestApi } from "./support/api.ts";

const APP = "https://app.dm.com";
let api: TestApi;
beforeAll(async () => {
  api = await startApi({ CORS_ORIGINS: `${APP}, http://localhost:3000`, PUBLIC_URL: "https://accounts.dm.com" });
});
afterAll(() => api[Symbol.asyncDispose]());

test("R15 a form or text/plain posted from another site reaches no JSON route, and JSON no form route: 415", async () => {
  const raw = '{"email": "mscott@dm.com"}';
  for (const type of [
    "text/plain",
    "application/x-www-form-urlencoded",
    "multipart/form-data; boundary=x",
    "text/json",
    "application/jsonx",
  ]) {
    const answer = await api.call("POST", "/user/pwd_reset_token/", { raw, headers: { "content-type": type } });
    expect([answer.status, answer.headers.get("content-type")]).toEqual([415, "application/problem+json"]);
  }
  const untyped = await fetch(`${api.url}/user/pwd_reset_token/`, { method: "POST", body: new Blob([raw]) });
  expect(untyped.status).toBe(415);
  expect((await api.call("POST", "/token", { json: { username: "x", password: "y" } })).status).toBe(415);
  expect(await api.deliver()).toEqual([]);
  const good = await api.call("POST", "/user/pwd_reset_token/", {
    raw,
    headers: { "content-type": "Application/JSON; charset=utf-8" },
  });
  expect(good.status).toBe(200);
});

describe("R15 a form that a page of another site sends", () => {
  const login = { username: "mscott@dm.com", password: "four sparrows on a wire" };
  const evil = { origin: "https://evil.example" };
  const FOREIGN: readonly (readonly [string, Record<string, string>])[] = [
    ["says cross-site", { ...evil, "sec-fetch-site": "cross-site" }],
    ["says same-site", { ...evil, "sec-fetch-site": "same-site" }],
    ["says nothing but its origin", evil],
    ["hides its origin", { origin: "null" }],
    ["hides its origin, and says cross-site", { origin: "null", "sec-fetch-site": "cross-site" }],
    ["has our host as its user", { origin: "https://localhost@evil.example" }],
    ["says something unknown", { ...evil, "sec-fetch-site": "unknown-value" }],
  ];
  test.each(FOREIGN)("is refused with 403 where it %s", async (_, headers) => {
    await using limited = await startApi();
    const { refresh_token: token } = await limited.logIn("pam-beesly");
    const { access_token } = await limited.logIn("pam-beesly");
    const answers = [
      await limited.call("POST", "/token", { form: login, headers }),
      await limited.call("POST", "/revoke", { form: { token }, headers }),
      await limited.call("POST", "/introspect", { form: { token }, headers, token: access_token }),
    ];
    for (const { status, body } of answers) {
      expect([status, body.type]).toEqual([403, "urn:dundie:problem:foreign-form"]);
      expect(body).not.toHaveProperty("access_token");
    }
    // Nothing was revoked.
    const again = await limited.call("POST", "/refresh_token", { json: { refresh_token: token } });
    expect(again.status).toBe(200);
  });

  test("gets through from a listed origin, from our own pages, and from programs", async () => {
    await using listed = await startApi({ CORS_ORIGINS: "https://app.example.com,capacitor://localhost" });
    for (const headers of [
      {},
      { "sec-fetch-site": "none" },
      { "sec-fetch-site": "same-origin", origin: listed.url },
      { "sec-fetch-site": "same-origin", origin: "null" },
      { origin: listed.url },
      { origin: "http://localhost:8000" },
      { origin: "https://app.example.com", "sec-fetch-site": "cross-site" },
      { origin: "capacitor://localhost", "sec-fetch-site": "cross-site" },
    ] as Record<string, string>[]) {
      expect([headers, (await listed.call("POST", "/token", { form: login, headers })).status]).toEqual([headers, 200]);
    }
  });

  test("is refused by every route that takes a form", async () => {
    const forms = [...api.facts].filter(([, { body }]) => body === "form").map(([route]) => route.split(" "));
    expect(forms.length).toBeGreaterThanOrEqual(6);
    for (const [method = "", path = ""] of forms) {
      const headers = { ...evil, "sec-fetch-site": "cross-site" };
      expect([path, (await api.call(method, path, { form: {}, headers })).status]).toEqual([path, 403]);
    }
  });
});

test("R56 every answer says: no sniffing, no framing, nothing runs; and HTTPS from now on", async () => {
  const paths = ["/user/", "/user/nobody/", "/nothing-here", "/health", "/user/me", "/session/"];
  for (const path of paths) {
    const { headers } = await api.call("GET", path);
    expect(headers.get("x-content-type-options")).toBe("nosniff");
    expect(headers.get("content-security-policy")).toBe("default-src 'none'; frame-ancestors 'none'");
    expect(headers.get("referrer-policy")).toBe("no-referrer");
    expect(headers.get("strict-transport-security")).toBe("max-age=31536000");
    expect(headers.get("x-request-id")).toMatch(/^[0-9a-f-]{36}$/);
    expect(headers.get("x-powered-by")).toBeNull();
    expect(headers.get("server")).toBeNull();
  }
  await using plain = await startApi();
  expect((await plain.call("GET", "/user/")).headers.get("strict-transport-security")).toBeNull();
});

test("R56 pages of the listed origins may call the API, and no others: nothing is reflected", async () => {
  const allowed = await api.call("GET", "/user/?limit=1", { headers: { origin: APP } });
  expect(allowed.headers.get("access-control-allow-origin")).toBe(APP);
  expect(allowed.headers.get("access-control-expose-headers")).toContain("device-token, etag, link");
  expect(allowed.headers.get("access-control-allow-credentials")).toBeNull();
  const refused = await api.call("GET", "/user/me", { headers: { origin: "http://localhost:3000" } });
  expect([refused.status, refused.headers.get("access-control-allow-origin")]).toEqual([401, "http://localhost:3000"]);

  for (const origin of [
    "https://evil.example",
    `${APP}.evil.example`,
    `${APP}:444`,
    "http://app.dm.com",
    "null",
    "https://APP.dm.com",
  ]) {
    for (const method of ["GET", "OPTIONS"]) {
      const { headers } = await api.call(method, "/user/", {
        headers: { origin, ...(method === "OPTIONS" ? { "access-control-request-method": "POST" } : {}) },
      });
      expect(headers.get("access-control-allow-origin")).toBeNull();
      expect(headers.get("access-control-allow-methods")).toBeNull();
      expect(headers.get("vary")).toStartWith("Origin");
    }
  }
});

test("R56 a preflight from a listed origin is answered", async () => {
  const { status, headers } = await api.call("OPTIONS", "/user/pam-beesly/", {
    headers: {
      origin: APP,
      "access-control-request-method": "PATCH",
      "access-control-request-headers": "authorization,content-type",
    },
  });
  expect(status).toBe(204);
  expect(headers.get("access-control-allow-origin")).toBe(APP);
  expect(headers.get("access-control-allow-methods")).toContain("PATCH");
  expect(headers.get("access-control-allow-headers")).toContain("authorization");
  expect(headers.get("access-control-max-age")).toBe("600");
});

// Headers that monitoring libraries add: Sentry, W3C Trace Context and Baggage, Datadog, B3.
test.each([
  "sentry-trace, baggage, traceparent",
  "authorization,content-type,traceparent,tracestate",
  "x-datadog-trace-id, x-b3-traceid, x-request-id",
])("a preflight from a listed origin may ask for every header: %s", async (wanted) => {
  const ask = (origin: string, names: string) =>
    api.call("OPTIONS", "/user/pwd_reset_token/", {
      headers: { origin, "access-control-request-method": "POST", "access-control-request-headers": names },
    });
  const allowed = await ask(APP, wanted);
  expect([allowed.status, allowed.headers.get("access-control-allow-headers")]).toEqual([204, wanted]);
  expect(allowed.headers.get("vary")).toBe("Origin, Access-Control-Request-Headers");
  expect((await ask("https://evil.example", wanted)).headers.get("access-control-allow-headers")).toBeNull();
  // What is no list of header names is not repeated.
  expect((await ask(APP, "a b")).headers.get("access-control-allow-headers")).toContain("authorization");
});

test("the page of an app with a scheme of its own may call the API", async () => {
  await using app = await startApi({ CORS_ORIGINS: "capacitor://localhost,tauri://localhost" });
  const { headers } = await app.call("GET", "/user/", { headers: { origin: "capacitor://localhost" } });
  expect(headers.get("access-control-allow-origin")).toBe("capacitor://localhost");
});

test("without CORS_ORIGINS no page of another origin may read anything", async () => {
  await using closed = await startApi();
  const { headers } = await closed.call("GET", "/user/", { headers: { origin: APP } });
  expect(headers.get("access-control-allow-origin")).toBeNull();
  expect(headers.get("vary") ?? "").not.toContain("Origin");
});

test("OPTIONS names what a path takes, another method is 405, and nothing there is 404", async () => {
  const options = await api.call("OPTIONS", "/user/pam-beesly/");
  expect([options.status, options.headers.get("allow")]).toEqual([204, "DELETE, GET, HEAD, OPTIONS, PATCH"]);
  expect((await api.call("OPTIONS", "/user")).headers.get("allow")).toBe("GET, HEAD, OPTIONS, POST");
  for (const [method, path, allow] of [
    ["PUT", "/user/", "GET, HEAD, OPTIONS, POST"],
    ["GET", "/token", "OPTIONS, POST"],
    ["DELETE", "/user/pwd_reset_token", "DELETE, GET, HEAD, OPTIONS, PATCH, POST"],
    ["PATCH", "/session/", "DELETE, GET, HEAD, OPTIONS"],
    ["PROPFIND", "/health", "GET, HEAD, OPTIONS"],
    ["TRACE", "/health", "GET, HEAD, OPTIONS"],
  ] as const) {
    const answer = await api.call(method, path);
    // A name like any other is looked up: `DELETE /user/pwd_reset_token` asks for an account of that name.
    if (allow.includes(method)) expect(answer.status).toBe(401);
    else expect([answer.status, answer.headers.get("allow")]).toEqual([405, allow]);
  }
  for (const method of ["GET", "POST", "OPTIONS", "DELETE"]) {
    expect((await api.call(method, "/nothing-here")).status).toBe(404);
  }
  expect((await api.call("HEAD", "/user/")).status).toBe(200);
});

test("a path answers with and without its trailing slash", async () => {
  for (const path of ["/user", "/user/pam-beesly", "/user/me", "/session", "/audit", "/message"]) {
    expect((await api.call("GET", `${path}/`)).status).toBe((await api.call("GET", path)).status);
  }
  expect((await api.call("POST", "/user/pwd_reset_token", { json: { email: "nobody@dm.com" } })).status).toBe(200);
});

test("a password manager finds where a password is changed", async () => {
  const answer = await api.call("GET", "/.well-known/change-password");
  expect([answer.status, answer.headers.get("location")]).toEqual([302, "https://accounts.dm.com/reset_password"]);
  expect(
    (await api.call("GET", "/.well-known/resource-that-should-not-exist-whose-status-code-should-not-be-200")).status,
  ).toBe(404);
});

test("R57 what steers the mail or shows the audit is no secret address: it asks who is there", async () => {
  const { access_token: token } = await api.logIn("pam-beesly");
  for (const path of ["/audit/", "/message/", "/message/stats"]) {
    expect((await api.call("GET", path)).status).toBe(401);
    expect((await api.call("GET", path, { token })).status).toBe(403);
  }
  // The development inbox is not part of an app that has a database and a mail server of its own.
  expect((await api.call("GET", "/inbox")).status).toBe(404);
});

test("R6 R15 a short Host hides no segment of the path: what is limited by its path is what is served", async () => {
  const host = { host: "a" };
  expect((await api.call("GET", "/health", { headers: host })).status).toBe(200);
  expect((await api.call("GET", "/xyz/health", { headers: host })).status).toBe(404);
  const raw = '{"email": "mscott@dm.com"}';
  const plain = { ...host, "content-type": "text/plain" };
  expect((await api.call("POST", "/user/pwd_reset_token/", { raw, headers: plain })).status).toBe(415);
  expect((await api.call("POST", "/xyz/user/pwd_reset_token/", { raw, headers: plain })).status).toBe(404);
  const token = await api.call("POST", "/xyz/token", { raw, headers: { ...host, "content-type": "application/json" } });
  expect(token.status).toBe(404);
});

test("R55 a Host that is no host is a 400, never a fault", async () => {
  for (const host of ["a b", "a/user", "[::1", "eve@dm.com", "dm.com:x", "dm.com:999999", "ü"]) {
    const answer = await api.call("GET", "/health", { headers: { host } });
    expect([host, answer.status, answer.headers.get("x-content-type-options")]).toEqual([host, 400, "nosniff"]);
  }
  for (const host of ["dm.com", "dm.com:8000", "127.0.0.1", "[::1]:8000"]) {
    expect((await api.call("GET", "/health", { headers: { host } })).status).toBe(200);
  }
});

test("R48 what a password change answers to whoever is logged in is for no cache either", async () => {
  const { access_token: token } = await api.logIn("michael-scott");
  const json = { password: "the fog over a harbour", password_confirm: "the fog over a harbour" };
  const { status, headers } = await api.call("POST", "/user/angela-martin/password/", { token, json });
  expect([status, headers.get("cache-control")]).toEqual([200, "no-store"]);
});

test("R57 with the embedded PostgreSQL only a Host that names this machine is answered: DNS rebinding", async () => {
  await using embedded = await startApi({ DATABASE_URL: "" });
  for (const path of ["/", "/health", "/user/", "/docs", "/outbox", "/reset_password", "/assets/page.js", "/none"]) {
    for (const host of ["evil.example", "evil.example:8000", "localhost.evil.example", "192.168.1.5", "[::2]:8000"]) {
      const answer = await embedded.call("GET", path, { headers: { host } });
      expect([path, host, answer.status]).toEqual([path, host, 403]);
      expect(answer.headers.get("content-type")).toBe("application/problem+json");
    }
  }
  for (const host of ["localhost", "LOCALHOST:8000", "127.0.0.1:1", "127.8.9.1", "[::1]", "[::1]:8000"]) {
    expect([host, (await embedded.call("GET", "/health", { headers: { host } })).status]).toEqual([host, 200]);
  }
  expect((await api.call("GET", "/health", { headers: { host: "accounts.dm.com" } })).status).toBe(200);
});
