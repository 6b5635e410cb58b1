import { afterAll, beforeAll, expect, test } from "bun:test";
import { PASSWORD, startApi, whileComparing, type Answer, type TestApi } from "./support/api.ts";

let api: TestApi;
beforeAll(async () => {
  api = await startApi({ REGISTRATION: "on" });
});
afterAll(() => api[Symbol.asyncDispose]());

const logIn = (username: string, password: string) => api.call("POST", "/token", { form: { username, password } });
/** All that an answer shows, but what differs in every answer. */
const shown = ({ status, headers, body }: Answer): unknown => {
  const { date: _date, "x-request-id": _id, ...rest } = Object.fromEntries(headers);
  return { status, headers: rest, body };
};

test("a username, an address and an address in another spelling log in", async () => {
  for (const name of ["michael-scott", "Michael-Scott", "mscott@dm.com", "MScott@DM.com"]) {
    const answer = await logIn(name, PASSWORD);
    expect(answer.status).toBe(200);
    expect(answer.body).toMatchObject({ token_type: "bearer", expires_in: 900 });
  }
});

test("the fields of the OAuth2 password form are tolerated, and an empty Basic from Swagger's page too", async () => {
  const form = {
    username: "mscott@dm.com",
    password: PASSWORD,
    grant_type: "password",
    scope: "",
    client_id: "",
    client_secret: "",
  };
  const answer = await api.call("POST", "/token", { form, headers: { authorization: "Basic Og==" } });
  expect(answer.status).toBe(200);
});

test("R41 every refusal looks the same and costs the same: one hash, the same statements", async () => {
  const { access_token: token } = await api.logIn("michael-scott");
  await api.call("POST", "/user/", { token, json: { name: "Invited One", email: "invited@dm.com", dept: "temps" } });
  await api.call("POST", "/register/", { json: { email: "registered@dm.com" } });
  await api.call("POST", "/user/angela-martin/disable/", { token });

  const hasher = { ...api.deps.hasher };
  let hashed = 0;
  Object.assign(api.deps.hasher, {
    verify: (...call: Parameters<typeof hasher.verify>) => ((hashed += 1), hasher.verify(...call)),
  });
  const refusals: [string, string][] = [
    ["mscott@dm.com", "not the password"],
    ["nobody@dm.com", "not the password"],
    ["amartin@dm.com", PASSWORD],
    ["invited@dm.com", "not the password"],
    ["registered@dm.com", "not the password"],
  ];
  const seen = new Set<string>();
  for (const [login, password] of refusals) {
    api.statements.length = 0;
    hashed = 0;
    const answer = await logIn(login, password);
    seen.add(JSON.stringify([shown(answer), api.statements, hashed]));
    expect(answer.status).toBe(401);
    expect(hashed).toBe(1);
  }
  Object.assign(api.deps.hasher, hasher);
  expect([...seen]).toHaveLength(1);
});

test("R41 a refusal is a problem with WWW-Authenticate, and echoes nothing", async () => {
  const answer = await logIn("mscott@dm.com", "not the password");
  expect(answer.headers.get("www-authenticate")).toBe("Bearer");
  expect(answer.headers.get("content-type")).toBe("application/problem+json");
  expect(JSON.stringify(answer.body)).not.toContain("not the password");
});

test("R48 what carries tokens is stored nowhere, and no refusal is", async () => {
  const granted = await logIn("mscott@dm.com", PASSWORD);
  const refreshed = await api.call("POST", "/refresh_token", { json: { refresh_token: granted.body.refresh_token } });
  expect(refreshed.status).toBe(200);
  const refused = await logIn("mscott@dm.com", "not the password");
  const me = await api.call("GET", "/user/me", { token: refreshed.body.access_token });
  for (const answer of [granted, refreshed, refused, me]) expect(answer.headers.get("cache-control")).toBe("no-store");
});

test("R47 a login that began before a password change does not outrun it", async () => {
  const { access_token: token } = await api.logIn("michael-scott");
  const next = { password: "the fog over a harbour", password_confirm: "the fog over a harbour" };
  whileComparing(api, () => api.call("POST", "/user/jim-halpert/password/", { token, json: next }));
  expect((await logIn("jim-halpert", PASSWORD)).status).toBe(401);
  await api.logIn("jim-halpert", "the fog over a harbour");
});
