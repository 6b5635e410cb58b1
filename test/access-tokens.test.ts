import { createHmac, generateKeyPairSync, sign as signWith } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { readConfig } from "../src/config.ts";
import { deviceOf } from "../src/accounts/device-tokens.ts";
import { PASSWORD, startApi, type Call, type TestApi, type Tokens } from "./support/api.ts";

let api: TestApi;
let tokens: Tokens;
/** Of a good token: what the forged ones are made of. */
let header: Record<string, unknown>;
let claims: Record<string, unknown>;
beforeAll(async () => {
  api = await startApi();
  tokens = await api.logIn("pam-beesly");
  [header, claims] = tokens.access_token
    .split(".")
    .slice(0, 2)
    .map((part) => JSON.parse(Buffer.from(part, "base64url").toString())) as [typeof header, typeof claims];
});
afterAll(() => api[Symbol.asyncDispose]());

const encode = (part: object): string => Buffer.from(JSON.stringify(part)).toString("base64url");
const key = () => api.deps.keyring.current.derive("access-token");

function forge(change: { header?: object; claims?: object; key?: Uint8Array | string; hash?: string }): string {
  const signed = `${encode({ ...header, ...change.header })}.${encode({ ...claims, ...change.claims })}`;
  return `${signed}.${createHmac(change.hash ?? "sha256", change.key ?? key())
    .update(signed)
    .digest("base64url")}`;
}

const statusOf = async (token: string) => (await api.call("GET", "/user/me", { token })).status;
const now = () => Math.floor(Date.now() / 1000);

test("a token of ours is good, and a forged one is as good as our key", async () => {
  expect(header).toEqual({ alg: "HS256", typ: "at+jwt" });
  expect(claims).toMatchObject({ iss: "http://localhost:8000", aud: "dundie" });
  expect(await statusOf(tokens.access_token)).toBe(200);
  expect(await statusOf(forge({}))).toBe(200);
});

describe("R44 a forged access token", () => {
  const { privateKey, publicKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
  const attacks: Record<string, () => string> = {
    "alg none": () => `${encode({ ...header, alg: "none" })}.${encode(claims)}.`,
    "alg NONE with our signature": () => forge({ header: { alg: "NONE" } }),
    HS384: () => forge({ header: { alg: "HS384" }, hash: "sha384" }),
    HS512: () => forge({ header: { alg: "HS512" }, hash: "sha512" }),
    "RS256 by a key of theirs": () => {
      const signed = `${encode({ ...header, alg: "RS256" })}.${encode(claims)}`;
      return `${signed}.${signWith("sha256", Buffer.from(signed), privateKey).toString("base64url")}`;
    },
    "HS256 by a public key": () => forge({ key: publicKey.export({ type: "spki", format: "pem" }) }),
    "HS256 by an empty key": () => forge({ key: "" }),
    "HS256 by the master key": () => forge({ key: api.deps.config.secretKey }),
    "HS256 by the key of a link's purpose": () =>
      forge({ key: api.deps.keyring.current.derive("one-time-token/password_reset") }),
    "a key in the header": () =>
      forge({ header: { jwk: { kty: "oct", k: Buffer.from("theirs").toString("base64url") } }, key: "theirs" }),
    "a key by address": () => forge({ header: { jku: "http://localhost:1/keys", kid: "../../dev/null" }, key: "" }),
    "an unknown critical extension": () => forge({ header: { crit: ["exp-mins"], "exp-mins": 9 } }),
    "an unencoded payload": () => forge({ header: { b64: false, crit: ["b64"] } }),
    JWE: () => `${encode({ alg: "dir", enc: "A256GCM" })}..${"A".repeat(16)}.${"A".repeat(22)}.${"A".repeat(22)}`,
    "no signature": () => tokens.access_token.split(".").slice(0, 2).join("."),
    "a cut signature": () => tokens.access_token.slice(0, -1),
    "other claims under an old signature": () => {
      const [head, , signature] = tokens.access_token.split(".");
      return `${head}.${encode({ ...claims, sub: Bun.randomUUIDv7() })}.${signature}`;
    },
    "two tokens": () => `${tokens.access_token} ${tokens.access_token}`,
  };
  test.each(Object.keys(attacks))("%s is refused", async (name) => {
    expect(await statusOf(attacks[name]!())).toBe(401);
  });
});

describe("R45 what an access token says is checked", () => {
  const wrong: Record<string, () => Parameters<typeof forge>[0]> = {
    "no exp": () => ({ claims: { exp: undefined } }),
    "exp over": () => ({ claims: { exp: now() - 6 } }),
    "exp as text": () => ({ claims: { exp: "2099" } }),
    "nbf to come": () => ({ claims: { nbf: now() + 60 } }),
    "another aud": () => ({ claims: { aud: "another" } }),
    "no aud": () => ({ claims: { aud: undefined } }),
    "another iss": () => ({ claims: { iss: "http://localhost:8001" } }),
    "no iss": () => ({ claims: { iss: undefined } }),
    "typ JWT": () => ({ header: { typ: "JWT" } }),
    "no typ": () => ({ header: { typ: undefined } }),
    "no sid": () => ({ claims: { sid: undefined } }),
    "a sid that is none": () => ({ claims: { sid: "' or true --" } }),
    "somebody else's sid": () => ({ claims: { sid: Bun.randomUUIDv7() } }),
    "another sub": () => ({ claims: { sub: Bun.randomUUIDv7() } }),
    "no sub": () => ({ claims: { sub: undefined } }),
    "a sub that is none": () => ({ claims: { sub: ["x"] } }),
  };
  test.each(Object.keys(wrong))("%s is refused", async (name) => {
    expect(await statusOf(forge(wrong[name]!()))).toBe(401);
  });

  test("a clock may be five seconds off", async () => {
    expect(await statusOf(forge({ claims: { exp: now() - 3 } }))).toBe(200);
    expect(await statusOf(forge({ claims: { nbf: now() + 3 } }))).toBe(200);
  });

  test("access, refresh and reset are three things: of nine combinations three work", async () => {
    const fresh = await api.logIn("dwight-schrute");
    await api.call("POST", "/user/pwd_reset_token/", { json: { email: "dschrute@dm.com" } });
    const [email] = await api.deliver();
    const keys = { access: fresh.access_token, refresh: fresh.refresh_token, reset: email!.token! };
    const next = { password: "a lighthouse in the fog", password_confirm: "a lighthouse in the fog" };
    const doors: Record<string, (token: string) => Promise<{ status: number }>> = {
      access: (token) => api.call("GET", "/user/me", { token }),
      refresh: (token) => api.call("POST", "/refresh_token", { json: { refresh_token: token } }),
      reset: (token) =>
        api.call("POST", "/user/dwight-schrute/password/", { json: { ...next, pwd_reset_token: token } }),
    };
    const opened: string[] = [];
    // The right ones last: a refresh spends, and a reset ends the others.
    for (const right of [false, true]) {
      for (const door of ["access", "refresh", "reset"]) {
        for (const [name, token] of Object.entries(keys)) {
          if ((name === door) === right && (await doors[door]!(token)).status === 200)
            opened.push(`${name} at ${door}`);
        }
      }
    }
    expect(opened).toEqual(["access at access", "refresh at refresh", "reset at reset"]);
  });
});

test("a new SECRET_KEY logs nobody out as long as the old one is SECRET_KEY_PREVIOUS, and ends links no sooner", async () => {
  const old = "tests of the api: a key that is long and no secret";
  await using before = await startApi({ SECRET_KEY: old });
  const logins = await before.logIn("pam-beesly");
  await before.call("POST", "/user/pwd_reset_token/", { json: { email: "jhalpert@dm.com" } });
  const [email] = await before.deliver();
  const environment = {
    DATABASE_URL: before.databaseUrl,
    SECRET_KEY: "the next key, which is long and no secret either",
  };
  const next = { password: "a lighthouse in the fog", password_confirm: "a lighthouse in the fog" };

  {
    await using after = await startApi({ ...environment, SECRET_KEY_PREVIOUS: old });
    expect((await after.call("GET", "/user/me", { token: logins.access_token })).status).toBe(200);
    const refreshed = await after.call("POST", "/refresh_token", { json: { refresh_token: logins.refresh_token } });
    expect(refreshed.status).toBe(200);
    expect((await after.call("GET", "/user/me", { token: refreshed.body.access_token })).status).toBe(200);
    // What is new is made with the new key alone.
    expect((await before.call("GET", "/user/me", { token: refreshed.body.access_token })).status).toBe(401);
    const reset = await after.call("POST", "/user/jim-halpert/password/", {
      json: { ...next, pwd_reset_token: email!.token },
    });
    expect(reset.status).toBe(200);
  }
  {
    await using later = await startApi(environment);
    expect((await later.call("GET", "/user/me", { token: logins.access_token })).status).toBe(401);
  }
});

test("R64 a key that is replaced without a previous one ends sessions, links and device tokens", async () => {
  const old = "tests of the api: a key that is long and no secret";
  await using before = await startApi({ SECRET_KEY: old, REGISTRATION: "on" });
  const form = { username: "pam-beesly", password: PASSWORD };
  const answer = await before.call("POST", "/token", { form });
  const login = answer.body;
  const deviceToken = answer.headers.get("device-token");
  const current = { email: "pam2@example.com", current_password: PASSWORD };
  await before.call("POST", "/user/me/email/", { token: login.access_token, json: current });
  await before.call("POST", "/register/", { json: { email: "new@example.com" } });
  for (const email of ["jhalpert@dm.com", "dschrute@dm.com"]) {
    await before.call("POST", "/user/pwd_reset_token/", { json: { email } });
  }
  const links = new Map((await before.deliver()).map((email) => [`${email.kind} ${email.to}`, email.token]));
  const next = { password: "a lighthouse in the fog", password_confirm: "a lighthouse in the fog" };
  // One of them is used up before: its page says nothing of the account any more.
  const dwight = { ...next, pwd_reset_token: links.get("password_reset dschrute@dm.com") };
  expect((await before.call("POST", "/user/password/", { json: dwight })).status).toBe(200);

  await using after = await startApi({
    DATABASE_URL: before.databaseUrl,
    SECRET_KEY: "the next key, which is long and no secret either",
    REGISTRATION: "on",
  });
  const boss = (await after.logIn("michael-scott")).access_token;
  const uses: readonly (readonly [string, string, Call])[] = [
    ["access", "GET /user/me", { token: login.access_token }],
    ["refresh", "POST /refresh_token", { json: { refresh_token: login.refresh_token } }],
    [
      "reset",
      "POST /user/password/",
      { json: { ...next, pwd_reset_token: links.get("password_reset jhalpert@dm.com") } },
    ],
    ["change", "POST /email/confirm/", { json: { token: links.get("email_change_confirmation pam2@example.com") } }],
    ["freeze", "POST /email/freeze/", { json: { token: links.get("email_change_notice pbeesly@dm.com") } }],
    [
      "registration",
      "POST /register/complete/",
      { json: { ...next, name: "New One", token: links.get("registration new@example.com") } },
    ],
  ];
  const seen: string[] = [];
  for (const [what, route, call] of uses) {
    const [method = "", path = ""] = route.split(" ");
    seen.push(`${what} ${(await after.call(method, path, call)).status}`);
  }
  expect(seen).toEqual(["access 401", "refresh 401", "reset 403", "change 403", "freeze 403", "registration 403"]);
  const told = await after.call("POST", "/introspect", { token: boss, form: { token: login.refresh_token } });
  expect(told.body).toEqual({ active: false });
  const [{ id: pam } = { id: "" }] = await before.sql<
    { id: string }[]
  >`select id from "user" where username = 'pam-beesly'`;
  expect(deviceOf(before.deps.keyring, pam, deviceToken)).toBeString();
  expect(deviceOf(after.deps.keyring, pam, deviceToken)).toBeNull();
  // The old key still opens what it made: it was the key, and not a use, that ended them.
  const json = { refresh_token: login.refresh_token };
  expect((await before.call("POST", "/refresh_token", { json })).status).toBe(200);
});

test("R49 there is no usable default secret, and a weak one refuses to start", () => {
  const environment = {
    DATABASE_URL: "postgres://localhost/x",
    SMTP_URL: "smtp://localhost:25",
    MAIL_FROM: "a@dm.com",
    PUBLIC_URL: "http://localhost:8000",
  };
  expect(() => readConfig(environment, null)).toThrow("SECRET_KEY must be set");
  for (const SECRET_KEY of ["secret", "x".repeat(31), "a".repeat(64), "abcabcabcabcabcabcabcabcabcabcabc"]) {
    expect(() => readConfig({ ...environment, SECRET_KEY }, null)).toThrow("SECRET_KEY must be");
  }
  expect(() =>
    readConfig({ ...environment, SECRET_KEY: api.deps.config.secretKey, SECRET_KEY_PREVIOUS: "short" }, null),
  ).toThrow("SECRET_KEY_PREVIOUS");
});
