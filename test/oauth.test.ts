/** `/token`, `/revoke` and `/introspect` as RFC 6749, 6750, 7009 and 7662 have them. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { PASSWORD, startApi, type Answer, type Call, type TestApi } from "./support/api.ts";

let api: TestApi;
let token: string;
beforeAll(async () => {
  api = await startApi({ RATE_LIMIT: "on", TRUST_PROXY: "127.0.0.1" });
  token = (await api.logIn("michael-scott")).access_token;
});
afterAll(() => api[Symbol.asyncDispose]());

const LOGIN = { username: "mscott@dm.com", password: PASSWORD };
const errorOf = ({ status, body }: Answer) => [status, body.error];

test("parameters that the server does not know are ignored (RFC 6749 §3.2)", async () => {
  const extra = { audience: "x", resource: "https://example.com", nonce: "1", __proto__x: "1" };
  expect((await api.call("POST", "/token", { form: { ...LOGIN, ...extra } })).status).toBe(200);
  expect((await api.call("POST", "/revoke", { form: { token: "none", ...extra } })).status).toBe(200);
  expect((await api.call("POST", "/introspect", { form: { token: "none", ...extra }, token })).status).toBe(200);
});

test("a parameter that comes twice is refused (RFC 6749 §3.2)", async () => {
  const raw = `username=mscott%40dm.com&password=${encodeURIComponent(PASSWORD)}&password=x`;
  const answer = await api.call("POST", "/token", {
    raw,
    headers: { "content-type": "application/x-www-form-urlencoded" },
  });
  expect(errorOf(answer)).toEqual([422, "invalid_request"]);
});

// The codes of RFC 6749 §5.2, and of §4.1.2.1 for what that leaves out.
test.each<[string, Call, number, string]>([
  ["a wrong password", { form: { ...LOGIN, password: "not the right one" } }, 401, "invalid_grant"],
  ["an unknown account", { form: { ...LOGIN, username: "nobody" } }, 401, "invalid_grant"],
  ["no password", { form: { username: "x" } }, 422, "invalid_request"],
  ["nothing", {}, 422, "invalid_request"],
  ["another grant", { form: { ...LOGIN, grant_type: "client_credentials" } }, 400, "unsupported_grant_type"],
  ["a refresh grant", { form: { ...LOGIN, grant_type: "refresh_token" } }, 400, "unsupported_grant_type"],
  ["JSON", { json: LOGIN }, 415, "invalid_request"],
  [
    "wrong bytes",
    { raw: "username=a&password=%E7%E3", headers: { "content-type": "application/x-www-form-urlencoded" } },
    400,
    "invalid_request",
  ],
  ["a body of 70 KB", { form: { ...LOGIN, scope: "x".repeat(70_000) } }, 413, "invalid_request"],
])("an error of /token for %s is a problem with an OAuth error code", async (_, call, status, error) => {
  const answer = await api.call("POST", "/token", call);
  expect(errorOf(answer)).toEqual([status, error]);
  expect(answer.headers.get("content-type")).toBe("application/problem+json");
  expect(answer.body).toMatchObject({
    status,
    detail: expect.any(String),
    type: expect.stringContaining("urn:dundie:"),
  });
  // Printable ASCII without the quote and the backslash (RFC 6749 §5.2).
  expect(answer.body.error_description).toMatch(/^[\x20\x21\x23-\x5b\x5d-\x7e]+$/);
  if (status === 401) expect(answer.headers.get("www-authenticate")).toBe("Bearer");
});

test("a rate limit and the other OAuth routes answer with an error code as well", async () => {
  const headers = { "x-forwarded-for": "192.0.2.77" };
  let last: Answer | undefined;
  for (let n = 0; n < 31; n += 1) last = await api.call("POST", "/token", { headers });
  expect(errorOf(last!)).toEqual([429, "temporarily_unavailable"]);
  expect(errorOf(await api.call("POST", "/revoke", { form: { x: "1" } }))).toEqual([422, "invalid_request"]);
  expect(errorOf(await api.call("POST", "/introspect", { form: { token: "x" } }))).toEqual([401, "invalid_token"]);
  expect(errorOf(await api.call("POST", "/refresh_token", { json: { refresh_token: "x" } }))).toEqual([
    401,
    "invalid_grant",
  ]);
  // Elsewhere there is none.
  expect((await api.call("GET", "/user/nobody/")).body).not.toContainKey("error");
});

test("/token takes multipart/form-data, as FastAPI does, and no file in it", async () => {
  const form = new FormData();
  for (const [name, value] of Object.entries(LOGIN)) form.append(name, value);
  const good = await fetch(`${api.url}/token`, { method: "POST", body: form });
  expect([good.status, (await good.json()) as object]).toEqual([
    200,
    expect.objectContaining({ token_type: "bearer" }),
  ]);
  form.set("password", new File([PASSWORD], "password.txt"));
  expect((await fetch(`${api.url}/token`, { method: "POST", body: form })).status).toBe(422);
  const broken = { "content-type": "multipart/form-data; boundary=x" };
  expect((await api.call("POST", "/token", { raw: "--y", headers: broken })).status).toBe(400);
});

// RFC 6750 §3 and §3.1.
test.each<[string, string, Record<string, string>, number, string]>([
  ["/user/me", "no token", {}, 401, "Bearer"],
  ["/user/me", "Basic", { authorization: "Basic Og==" }, 401, "Bearer"],
  [
    "/user/me",
    "a bad token",
    { authorization: "Bearer x.y.z" },
    401,
    'Bearer error="invalid_token", error_description="',
  ],
  [
    "/user/me",
    "an empty token",
    { authorization: "Bearer " },
    401,
    'Bearer error="invalid_token", error_description="',
  ],
])("%s with %s is challenged", async (path, _, headers, status, challenge) => {
  const answer = await api.call("GET", path, { headers });
  expect(answer.status).toBe(status);
  expect(answer.headers.get("www-authenticate")).toStartWith(challenge);
  if (challenge === "Bearer") expect(answer.headers.get("www-authenticate")).toBe("Bearer");
});

test("an account without the right is told insufficient_scope; a bad link is no matter of the token", async () => {
  const jim = (await api.logIn("jim-halpert")).access_token;
  const forbidden = await api.call("GET", "/audit/", { token: jim });
  expect([forbidden.status, forbidden.headers.get("www-authenticate")]).toEqual([
    403,
    'Bearer error="insufficient_scope", error_description="Only a superuser may do this."',
  ]);
  const link = await api.call("POST", "/email/confirm/", { json: { token: "x" } });
  expect([link.status, link.headers.get("www-authenticate")]).toEqual([403, null]);
});
