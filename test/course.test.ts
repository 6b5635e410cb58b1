/**
 * The calls of the course's FastAPI application, as its own clients send them and with what they expect: paths, bodies,
 * statuses and shapes. Only the passwords are longer than the course's.
 */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { PASSWORD, startApi, type TestApi } from "./support/api.ts";

let api: TestApi;
let admin: string;
beforeAll(async () => {
  api = await startApi();
  admin = (await api.logIn("michael-scott")).access_token;
});
afterAll(() => api[Symbol.asyncDispose]());

const FIRST = "um lugar ao sol de inverno";
const SECOND = "outro lugar, outro inverno";
const tokenOf = async (username: string, password: string): Promise<string> => {
  const form = { grant_type: "password", username, password, scope: "", client_id: "string", client_secret: "string" };
  return (await api.call("POST", "/token", { form })).body.access_token;
};

test("an admin creates users, and nobody else does", async () => {
  const user = { name: "Bruno Rocha", email: "bruno@dm.com", dept: "programming", password: FIRST, currency: "USD" };
  const made = await api.call("POST", "/user/", { json: { ...user, username: "bruno-rocha" }, token: admin });
  expect([made.status, made.body]).toEqual([
    201,
    { name: "Bruno Rocha", username: "bruno-rocha", dept: "programming", avatar: null, bio: null, currency: "USD" },
  ]);
  expect((await api.call("POST", "/user/", { json: { ...user, username: "bruno-rocha" }, token: admin })).status).toBe(
    409,
  );
  expect((await api.call("POST", "/user/", { json: user })).status).toBe(401);
  const bruno = await tokenOf("bruno-rocha", FIRST);
  expect((await api.call("POST", "/user/", { json: user, token: bruno })).status).toBe(403);
  expect((await api.call("POST", "/user/", { json: {}, token: bruno })).status).toBe(403);
  expect((await api.call("POST", "/user/", { json: { name: "X" }, token: admin })).status).toBe(422);
});

test("users are listed and read by everyone", async () => {
  const list = await api.call("GET", "/user/");
  expect(list.status).toBe(200);
  expect(list.body.map(({ username }: { username: string }) => username)).toContain("bruno-rocha");
  expect((await api.call("GET", "/user/bruno-rocha/")).body.dept).toBe("programming");
  expect((await api.call("GET", "/user/nobody/")).status).toBe(404);
});

test("a user patches the own profile, an admin everyone's, and nobody another's", async () => {
  const bruno = await tokenOf("bruno-rocha", FIRST);
  const json = { avatar: "https://test.com/MyAvatar.png", bio: "Hello world" };
  const own = await api.call("PATCH", "/user/bruno-rocha/", { json, token: bruno });
  expect([own.status, own.body.avatar, own.body.bio]).toEqual([200, json.avatar, json.bio]);
  expect((await api.call("PATCH", "/user/jim-halpert/", { json, token: bruno })).status).toBe(403);
  expect((await api.call("PATCH", "/user/jim-halpert/", { json: {}, token: bruno })).status).toBe(403);
  expect((await api.call("PATCH", "/user/jim-halpert/", { json: {} })).status).toBe(401);
  expect((await api.call("PATCH", "/user/bruno-rocha/", { json: { bio: "By the boss" }, token: admin })).status).toBe(
    200,
  );
  expect((await api.call("PATCH", "/user/nobody/", { json, token: admin })).status).toBe(404);
});

test("tokens: a wrong password is a 401 with a challenge, and a refresh gives a new pair", async () => {
  const wrong = await api.call("POST", "/token", { form: { username: "bruno-rocha", password: "wrong" } });
  expect([wrong.status, wrong.headers.get("www-authenticate")]).toEqual([401, "Bearer"]);
  expect(wrong.body.detail).toBeString();
  const login = await api.call("POST", "/token", { form: { username: "bruno-rocha", password: FIRST } });
  expect(Object.keys(login.body)).toEqual(["access_token", "refresh_token", "token_type", "expires_in"]);
  const next = await api.call("POST", "/refresh_token", { json: { refresh_token: login.body.refresh_token } });
  expect([next.status, next.body.token_type]).toEqual([200, "bearer"]);
  expect((await api.call("POST", "/refresh_token", { json: { refresh_token: "bad" } })).status).toBe(401);
});

test("a password is changed by its owner, by an admin, and by the token of the reset email", async () => {
  const path = "/user/bruno-rocha/password/";
  const bruno = await tokenOf("bruno-rocha", FIRST);
  const json = { password: SECOND, password_confirm: SECOND };
  expect((await api.call("POST", path, { json })).status).toBe(401);
  const jim = await tokenOf("jim-halpert", PASSWORD);
  expect((await api.call("POST", path, { json, token: jim })).status).toBe(403);
  const differ = { password: SECOND, password_confirm: "not the same" };
  expect((await api.call("POST", path, { json: differ, token: bruno })).status).toBe(400);
  const owner = await api.call("POST", path, { json: { ...json, current_password: FIRST }, token: bruno });
  expect([owner.status, owner.body.username]).toEqual([200, "bruno-rocha"]);
  const back = { password: FIRST, password_confirm: FIRST };
  expect((await api.call("POST", path, { json: back, token: admin })).status).toBe(200);

  const message = "If we found a user with that email, we sent a password reset token to it.";
  for (const email of ["bruno@dm.com", "nobody@dm.com"]) {
    const asked = await api.call("POST", "/user/pwd_reset_token/", { json: { email } });
    expect([asked.status, asked.body]).toEqual([200, { message }]);
  }
  const reset = (await api.deliver()).find(({ kind, to }) => kind === "password_reset" && to === "bruno@dm.com")?.token;
  expect((await api.call("POST", `${path}?pwd_reset_token=bad`, { json })).status).toBe(403);
  expect((await api.call("POST", `/user/jim-halpert/password/?pwd_reset_token=${reset}`, { json })).status).toBe(403);
  expect((await api.call("POST", `${path}?pwd_reset_token=${reset}`, { json })).status).toBe(200);
  expect((await api.call("POST", `${path}?pwd_reset_token=${reset}`, { json })).status).toBe(403);
  expect(await api.tryLogIn("bruno-rocha", FIRST)).toBe(401);
  expect(await api.tryLogIn("bruno@dm.com", SECOND)).toBe(200);
});

test("every path answers with and without its last slash, and JSON with a charset of UTF-8", async () => {
  for (const path of ["/user", "/user/", "/user/bruno-rocha", "/user/bruno-rocha/"]) {
    expect((await api.call("GET", path)).status).toBe(200);
  }
  const raw = '{"email": "bruno@dm.com"}';
  for (const type of ["application/json", "application/json; charset=utf-8", "Application/JSON;charset=UTF-8"]) {
    const answer = await api.call("POST", "/user/pwd_reset_token", { raw, headers: { "content-type": type } });
    expect(answer.status).toBe(200);
  }
});
