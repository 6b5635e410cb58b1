/** How often one may knock, and guess. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import fc from "fast-check";
import { Unavailable } from "../src/errors.ts";
import { clientKey } from "../src/http/limits.ts";
import { PASSWORD, startApi, type TestApi } from "./support/api.ts";

let api: TestApi;
/** A proxy of ours in front: each test is another client. */
const from = (ip: string) => ({ "x-forwarded-for": ip });

beforeAll(async () => {
  api = await startApi({ RATE_LIMIT: "on", TRUST_PROXY: "127.0.0.1" });
});
afterAll(async () => {
  await api[Symbol.asyncDispose]();
});

const reset = (email: unknown, ip: string) =>
  api.call("POST", "/user/pwd_reset_token/", { json: { email }, headers: from(ip) });

describe("clients", () => {
  test("R6 the eleventh reset of a minute is a 429 with Retry-After, the same for known and unknown addresses", async () => {
    for (let n = 0; n < 10; n += 1) {
      const answer = await reset(n % 2 === 0 ? "mscott@dm.com" : "nobody@example.com", "192.0.2.1");
      expect(answer.status).toBe(200);
      expect(answer.headers.get("ratelimit-policy")).toBe('"reset";q=10;w=60');
      expect(answer.headers.get("ratelimit")).toMatch(new RegExp(`^"reset";r=${9 - n};t=\\d+$`));
    }
    const known = await reset("mscott@dm.com", "192.0.2.1");
    const unknown = await reset("nobody@example.com", "192.0.2.1");
    expect(known.status).toBe(429);
    expect(known.headers.get("content-type")).toBe("application/problem+json");
    expect(Number(known.headers.get("retry-after"))).toBeGreaterThan(0);
    expect(unknown.body).toEqual(known.body);
    expect([...unknown.headers.keys()].toSorted()).toEqual([...known.headers.keys()].toSorted());
    expect((await reset("mscott@dm.com", "192.0.2.2")).status).toBe(200);
  });

  test("R6 malformed requests count as well", async () => {
    for (let n = 0; n < 10; n += 1) expect((await reset(["a", n], "192.0.2.3")).status).toBe(422);
    expect((await reset("mscott@dm.com", "192.0.2.3")).status).toBe(429);
  });

  test("R7 forwarding headers of a peer that is not ours change nothing", async () => {
    await using direct = await startApi({ RATE_LIMIT: "on" });
    const statuses = [];
    for (let n = 0; n < 11; n += 1) {
      const headers = { ...from(`198.51.100.${n}`), forwarded: `for=198.51.100.${n}`, "x-real-ip": `198.51.100.${n}` };
      statuses.push(
        (await direct.call("POST", "/user/pwd_reset_token/", { json: { email: "a@example.com" }, headers })).status,
      );
    }
    expect(statuses).toEqual([...Array.from({ length: 10 }, () => 200), 429]);
  });

  test("R8 an IPv6 client is its /64, however it is spelt", async () => {
    for (let n = 0; n < 10; n += 1) await reset("a@example.com", `2001:db8:1:2::${n.toString(16)}`);
    expect((await reset("a@example.com", "2001:0DB8:0001:0002:ffff::1")).status).toBe(429);
    expect((await reset("a@example.com", "2001:db8:1:3::1")).status).toBe(200);
  });

  test("R8 spellings fold: property", () => {
    const group = fc.integer({ min: 0, max: 0xffff });
    fc.assert(
      fc.property(
        fc.array(group, { minLength: 8, maxLength: 8 }),
        fc.array(group, { minLength: 4, maxLength: 4 }),
        (groups, host) => {
          const long = groups.map((g) => g.toString(16).padStart(4, "0").toUpperCase()).join(":");
          const short = groups.map((g) => g.toString(16)).join(":");
          const neighbour = [...groups.slice(0, 4), ...host].map((g) => g.toString(16)).join(":");
          expect(clientKey(long)).toBe(clientKey(short));
          expect(clientKey(neighbour)).toBe(clientKey(short));
          const other = [...groups.slice(0, 3), (groups[3] ?? 0) ^ 1, ...host].map((g) => g.toString(16)).join(":");
          expect(clientKey(other)).not.toBe(clientKey(short));
        },
      ),
    );
    expect(clientKey("::1")).toBe(clientKey("0:0:0:0:0:0:0:2"));
    expect(clientKey("192.0.2.1")).toBe("192.0.2.1");
  });

  test("R26 trying tokens is limited", async () => {
    const guess = (n: number) =>
      api.call("POST", "/user/password/", {
        json: { pwd_reset_token: "A".repeat(42) + (n % 10), password: "x", password_confirm: "x" },
        headers: from("192.0.2.9"),
      });
    const statuses = new Set<number>();
    for (let n = 0; n < 25; n += 1) statuses.add((await guess(n)).status);
    expect([...statuses]).toEqual([403, 429]);
  });
});

describe("logins", () => {
  const login = (username: string, password: string, ip: string) =>
    api.call("POST", "/token", { form: { username, password }, headers: from(ip) });

  test("R42 of thirty wrong passwords at once ten are hashed, and the owner logs in from elsewhere", async () => {
    const answers = await Promise.all(
      Array.from({ length: 30 }, () => login("jim-halpert", "not the right one", "192.0.2.20")),
    );
    const count = (status: number) => answers.filter((answer) => answer.status === status).length;
    expect(count(401)).toBe(10);
    expect(count(429)).toBe(20);
    expect(Number(answers.find(({ status }) => status === 429)?.headers.get("retry-after"))).toBeGreaterThan(0);
    expect((await login("jim-halpert", PASSWORD, "192.0.2.20")).status).toBe(429);
    expect((await login("jim-halpert", PASSWORD, "192.0.2.21")).status).toBe(200);
  });

  test("R42 an account that does not exist is throttled in the same words", async () => {
    for (let n = 0; n < 10; n += 1) expect((await login("nobody-at-all", "x", "192.0.2.30")).status).toBe(401);
    for (let n = 0; n < 10; n += 1) expect((await login("pam-beesly", "x", "192.0.2.31")).status).toBe(401);
    const [unknown, known] = [
      await login("nobody-at-all", "x", "192.0.2.30"),
      await login("pam-beesly", "x", "192.0.2.31"),
    ];
    expect(unknown.status).toBe(429);
    expect(unknown.body.title).toBe(known.body.title);
    const stored = await api.sql`select key from login_throttle`;
    expect(stored.map((row) => row["key"]).join(" ")).not.toContain("nobody");
  });

  test("R10 R42 strangers from everywhere do not lock the owner's own device out", async () => {
    expect((await login("angela-martin", PASSWORD, "192.0.2.40")).status).toBe(200);
    const strangers = await Promise.all(
      Array.from({ length: 110 }, (_, n) => login("angela-martin", "wrong", `198.51.100.${n}`)),
    );
    expect(strangers.filter(({ status }) => status === 401)).toHaveLength(50);
    expect(strangers.filter(({ status }) => status === 429)).toHaveLength(60);
    expect((await login("angela-martin", PASSWORD, "198.51.100.200")).status).toBe(429);
    expect((await login("angela-martin", PASSWORD, "192.0.2.40")).status).toBe(200);
    // And a reset is open to her anywhere.
    expect((await reset("amartin@dm.com", "192.0.2.41")).status).toBe(200);
  }, 60_000);

  test("a right password forgives what the client did wrong before", async () => {
    for (let round = 0; round < 3; round += 1) {
      for (let n = 0; n < 8; n += 1) expect((await login("dwight-schrute", "wrong", "192.0.2.50")).status).toBe(401);
      expect((await login("dwight-schrute", PASSWORD, "192.0.2.50")).status).toBe(200);
      // The client's own limit is another matter.
      if (round === 1) break;
    }
  });

  test("R42 filling the count of an address says nothing of the username that has it", async () => {
    for (let n = 0; n < 11; n += 1) await login("jhalpert@dm.com", "wrong", "192.0.2.70");
    expect((await login("jhalpert@dm.com", "wrong", "192.0.2.70")).status).toBe(429);
    expect((await login("JHalpert@DM.com", "wrong", "192.0.2.70")).status).toBe(429);
    expect((await login("jim-halpert", "wrong", "192.0.2.70")).status).toBe(401);
  });

  test("whoever forgot, guessed too often and sets a new password by the link logs in with it at once", async () => {
    for (let n = 0; n < 11; n += 1) await login("pbeesly@dm.com", "wrong", "192.0.2.80");
    expect((await login("pbeesly@dm.com", PASSWORD, "192.0.2.80")).status).toBe(429);
    await reset("pbeesly@dm.com", "192.0.2.81");
    const email = (await api.deliver()).find(({ to }) => to === "pbeesly@dm.com");
    const json = {
      pwd_reset_token: email?.token,
      password: "a lamp in the attic",
      password_confirm: "a lamp in the attic",
    };
    expect((await api.call("POST", "/user/password/", { json, headers: from("192.0.2.80") })).status).toBe(200);
    expect((await login("pbeesly@dm.com", "a lamp in the attic", "192.0.2.80")).status).toBe(200);
  });

  test("a guess that nobody compared is not charged", async () => {
    const { verify } = api.deps.hasher;
    Object.assign(api.deps.hasher, { verify: () => Promise.reject(new Unavailable("Too many logins at once.", 2)) });
    for (let n = 0; n < 12; n += 1) expect((await login("dwight-schrute", PASSWORD, "192.0.2.90")).status).toBe(503);
    Object.assign(api.deps.hasher, { verify });
    expect((await login("dwight-schrute", PASSWORD, "192.0.2.90")).status).toBe(200);
  });

  test("R40 R42 guesses of the current password are charged to the session, and to it alone", async () => {
    const { access_token: token } = (await login("michael-scott", PASSWORD, "192.0.2.60")).body;
    const { access_token: elsewhere } = (await login("michael-scott", PASSWORD, "192.0.2.61")).body;
    const guess = (of: string) =>
      api.call("POST", "/user/michael-scott/password/", {
        json: { password: "some other long one", password_confirm: "some other long one", current_password: "wrong" },
        token: of,
        headers: from("192.0.2.60"),
      });
    const statuses = [];
    for (let n = 0; n < 11; n += 1) statuses.push((await guess(token)).status);
    expect(statuses).toEqual([...Array.from({ length: 10 }, () => 403), 429]);
    expect((await guess(elsewhere)).status).toBe(403);
    expect((await login("michael-scott", PASSWORD, "192.0.2.60")).status).toBe(200);
  });
});
