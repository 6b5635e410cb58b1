/** What each route says of itself, and that it is held to it before a body is read. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { page, type RouteFacts } from "../src/http/operation.ts";
import { RouteTable } from "../src/http/route-table.ts";
import { startApi, type Call, type TestApi } from "./support/api.ts";

let api: TestApi;
let jim: string;
beforeAll(async () => {
  api = await startApi({ REGISTRATION: "on", CORS_ORIGINS: "https://app.example.com" });
  jim = (await api.logIn("jim-halpert")).access_token;
});
afterAll(() => api[Symbol.asyncDispose]());

const found = (): [string, RouteFacts][] => [...api.facts];

test("every route says who may call it and how often", () => {
  expect(found().length).toBeGreaterThan(50);
  expect(found().filter(([, facts]) => !facts)).toEqual([]);
});

test("an app with a route that says nothing does not start", () => {
  const table = new RouteTable();
  const said = { method: "GET", path: "/said", hooks: { detail: page({ access: "public", limit: "none" }) } };
  const silent = { method: "POST", path: "/silent", hooks: { detail: { summary: "Says nothing" } } };
  expect(() => table.load([said, silent])).toThrow("POST /silent");
});

test("R6 every route that changes something without a login has a rate limit", () => {
  const unlimited = found().filter(
    ([route, { access, limit }]) => !route.startsWith("GET ") && /public|link/.test(access) && limit === "none",
  );
  expect(unlimited).toEqual([]);
});

test("the table finds what Elysia routes: with and without the last slash, HEAD as GET, a name in a parameter", () => {
  const table = new RouteTable();
  const detail = (limit: RouteFacts["limit"]) => ({ detail: page({ access: "public", limit }) });
  table.load([
    { method: "GET", path: "/user/", hooks: detail("read") },
    { method: "GET", path: "/user/me", hooks: detail("page") },
    { method: "GET", path: "/user/:username/", hooks: detail("link") },
    { method: "POST", path: "/user/password/", hooks: detail("reset") },
    { method: "POST", path: "/user/:username/password/", hooks: detail("login") },
  ]);
  const limit = (method: string, path: string) => table.find(method, path)?.facts.limit ?? null;
  expect([limit("GET", "/user"), limit("HEAD", "/user/")]).toEqual(["read", "read"]);
  expect([limit("GET", "/user/me"), limit("GET", "/user/me/"), limit("GET", "/user/m%65")]).toEqual([
    "page",
    "page",
    "link",
  ]);
  expect([limit("POST", "/user/password"), limit("POST", "/user/x/password/")]).toEqual(["reset", "login"]);
  expect([limit("POST", "/user/x"), limit("GET", "/user/x/y"), limit("GET", "/users")]).toEqual([null, null, null]);
  expect(table.find("POST", "/user/pam%20b/password")?.params).toEqual({ username: "pam%20b" });
  expect(table.methodsOf("/user/password/")).toEqual(["GET", "HEAD", "OPTIONS", "POST"]);
});

/** Everything that may be wrong with a request beside who sends it. */
const WRONG: Readonly<Record<string, Call & { readonly query?: string }>> = {
  "an empty object": { json: {} },
  "an unknown field": { json: { unknown: 1 } },
  "wrong types": { json: { password: 1, email: [], dept: null, token: {} } },
  "a list": { json: [] },
  "no JSON": { raw: "{", headers: { "content-type": "application/json" } },
  "wrong bytes": { bytes: Buffer.from('{"bio":"Jos\xe9"}', "latin1"), headers: { "content-type": "application/json" } },
  "no type": { bytes: Buffer.from("{}") },
  "another type": { raw: "a", headers: { "content-type": "text/plain" } },
  "another charset": { raw: "{}", headers: { "content-type": "application/json; charset=latin1" } },
  "a deep body": { raw: "[".repeat(5_000) + "]".repeat(5_000), headers: { "content-type": "application/json" } },
  "an unknown query": { query: "?unknown=1&limit=x" },
  nothing: {},
};

const filled = (route: string, username: string): [method: string, path: string] => {
  const [method = "", path = ""] = route.split(" ");
  return [method, path.replace(":username", username).replace(":id", "not-an-id")];
};

describe.each(Object.entries(WRONG))("R50 with %s", (_, { query = "", ...call }) => {
  test("every locked route asks who calls before it looks at anything else: 401", async () => {
    const locked = found().filter(([, { access }]) => access !== "public");
    expect(locked.length).toBeGreaterThan(25);
    for (const token of [undefined, "x.y.z"]) {
      const seen = await Promise.all(
        locked.map(async ([route]) => {
          const [method, path] = filled(route, "pam-beesly");
          const sent = method === "GET" ? {} : call;
          const { status } = await api.call(method, path + query, { ...sent, ...(token ? { token } : {}) });
          return `${route}: ${status}`;
        }),
      );
      expect(seen).toEqual(locked.map(([route]) => `${route}: 401`));
    }
  });

  test("every route of owners and superusers refuses another account before it looks at anything else: 403", async () => {
    const refused = found().filter(([, { access }]) => /owner|superuser/.test(access));
    expect(refused.length).toBeGreaterThan(15);
    for (const username of ["pam-beesly", "nobody-here", "%00", "Jim-Halpert-2"]) {
      const seen = await Promise.all(
        refused.map(async ([route]) => {
          const [method, path] = filled(route, username);
          const { status, headers } = await api.call(method, path + query, {
            ...(method === "GET" ? {} : call),
            token: jim,
          });
          return `${route}: ${status} ${headers.get("www-authenticate")?.includes('error="insufficient_scope"')}`;
        }),
      );
      expect(seen).toEqual(refused.map(([route]) => `${route}: 403 true`));
    }
  });
});

test("the owner is found whatever the case of the path, and gets past the check", async () => {
  for (const name of ["jim-halpert", "JIM-Halpert", "jim%2Dhalpert"]) {
    const changed = await api.call("PATCH", `/user/${name}/`, { token: jim, json: { bio: "Pranks." } });
    expect([name, changed.status]).toEqual([name, 200]);
  }
});

test("a token in the body is used although the access token beside it is not valid", async () => {
  const json = { password: "the fog over a harbour", password_confirm: "the fog over a harbour" };
  const sent = { json: { ...json, pwd_reset_token: "x" }, token: "x.y.z" };
  const { status, body } = await api.call("POST", "/user/pam-beesly/password/", sent);
  expect([status, body.type]).toEqual([403, "urn:dundie:problem:invalid-link"]);
});
