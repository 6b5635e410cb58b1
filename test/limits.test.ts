/** How often one may knock, and guess. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import fc from "fast-check";
import { Unavailable } from "../src/errors.ts";
import { deviceOf, issueDeviceToken } from "../src/accounts/device-tokens.ts";
import { createKeyring } from "../src/accounts/keyring.ts";
import { networksOf } from "../src/accounts/client-networks.ts";
import { createLimits } from "../src/http/limits.ts";
import { PASSWORD, startApi, type Answer, type Call, type TestApi } from "./support/api.ts";

let api: TestApi;
/** A proxy of ours in front: each test is another client. */
const from = (ip: string) => ({ "x-forwarded-for": ip });

beforeAll(async () => {
  api = await startApi({ RATE_LIMIT: "on", REGISTRATION: "on", TRUST_PROXY: "127.0.0.1" });
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

  test("R7 of the hops that a trusted proxy lists the last counts, and what a client wrote before it does not", async () => {
    for (let n = 0; n < 10; n += 1)
      expect((await reset("a@example.com", `198.51.100.${n}, 192.0.2.4`)).status).toBe(200);
    expect((await reset("a@example.com", "198.51.100.99, 192.0.2.4")).status).toBe(429);
    expect((await reset("a@example.com", "192.0.2.4, 198.51.100.99")).status).toBe(200);
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
          expect(networksOf(long)).toEqual(networksOf(short));
          expect(networksOf(neighbour)).toEqual(networksOf(short));
          const other = [...groups.slice(0, 3), (groups[3] ?? 0) ^ 1, ...host].map((g) => g.toString(16)).join(":");
          expect(networksOf(other)[0]).not.toEqual(networksOf(short)[0]);
        },
      ),
    );
    expect(networksOf("::1")).toEqual(networksOf("0:0:0:0:0:0:0:2"));
  });

  // RFC 4291 §2.5.5.2 and RFC 6052 §2.1: they are all in one /64, and each is a client of IPv4.
  test.each(["192.0.2.1", "::ffff:192.0.2.1", "::FFFF:c000:201", "64:ff9b::192.0.2.1"])(
    "R8 %s is counted as 192.0.2.1 and its /24",
    (address) => {
      expect(networksOf(address)).toEqual([
        { key: "192.0.2.1", share: 1 },
        { key: "192.0.2.0/24", share: 16 },
      ]);
    },
  );

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

describe("the limit of each route", () => {
  /** What is promised to clients: the route, a call that costs little, and how many of them a window of seconds allows. */
  const LIMITED: [name: string, method: string, path: string, call: Call, quota: number, windowSeconds: number][] = [
    ["reset", "POST", "/user/pwd_reset_token/", { json: {} }, 10, 60],
    ["login", "POST", "/token", { form: {} }, 30, 60],
    ["refresh", "POST", "/refresh_token", { json: {} }, 60, 60],
    ["register", "POST", "/register/", { json: {} }, 10, 600],
    ["link", "POST", "/email/confirm/", { json: {} }, 20, 60],
    ["page", "GET", "/reset_password", {}, 60, 60],
    ["read", "GET", "/user/nobody-at-all/", {}, 600, 60],
    ["export", "GET", "/user/me/export", {}, 10, 600],
    ["administer", "POST", "/user/nobody-at-all/invitation/", {}, 120, 60],
  ];

  test.each(LIMITED)(
    "R6 each client has its limit of %s: %s %s",
    async (name, method, path, call, quota, windowSeconds) => {
      const ask = (ip: string) => api.call(method, path, { ...call, headers: from(ip) });
      const first = await ask("203.0.113.1");
      expect(first.headers.get("ratelimit-policy")).toBe(`"${name}";q=${quota};w=${windowSeconds}`);
      const others = await Promise.all(Array.from({ length: quota - 1 }, () => ask("203.0.113.1")));
      for (const { status } of [first, ...others]) expect(status).not.toBe(429);
      const refused = await ask("203.0.113.1");
      expect(refused.status).toBe(429);
      expect(Number(refused.headers.get("retry-after"))).toBeWithin(1, windowSeconds + 1);
      expect((await ask("203.0.113.2")).status).toBe(first.status);
    },
  );

  test("R6 every route that says a limit counts its requests, and the table above has every limit", async () => {
    const limited = [...api.facts].filter(([, { limit }]) => limit !== "none");
    const seen = await Promise.all(
      limited.map(async ([route], n) => {
        const [method = "", path = ""] = route.split(" ");
        const { headers } = await api.call(method, path.replace(":username", "pam-beesly"), {
          headers: from(`203.0.113.${100 + n}`),
        });
        return `${route} ${headers.get("ratelimit-policy")?.split('"')[1]}`;
      }),
    );
    expect(seen).toEqual(limited.map(([route, { limit }]) => `${route} ${limit}`));
    expect(new Set(limited.map(([, { limit }]) => limit as string))).toEqual(new Set(LIMITED.map(([name]) => name)));
  });
});

describe("many clients", () => {
  /** Distinct clients of distinct networks: n is spread over 8.0.0.0/5. */
  const stranger = (n: number) => `${8 + (n >> 16)}.${(n >> 8) & 0xff}.${n & 0xff}.1`;

  test("R6 after 60,000 other clients each newcomer has a count of its own", () => {
    const take = createLimits();
    for (let n = 0; n < 60_000; n += 1) expect(take("login", stranger(n)).allowed).toBe(true);
    for (let n = 0; n < 40; n += 1) {
      expect(take("login", `192.0.2.${n}`)).toMatchObject({ allowed: true, remaining: 29 });
    }
  });

  test("R6 a flood of other addresses makes no count forgotten that is near its allowance", () => {
    const take = createLimits();
    for (let n = 0; n < 10; n += 1) expect(take("reset", "192.0.2.1").allowed).toBe(true);
    // More than the table holds.
    for (let n = 0; n < 500_000; n += 1) take("reset", stranger(n));
    expect(take("reset", "192.0.2.1").allowed).toBe(false);
    // The slot of a forgotten count begins anew.
    expect(take("reset", "203.0.113.9")).toMatchObject({ allowed: true, remaining: 9 });
  });

  test("R6 a million clients take no more memory than the table has", () => {
    const take = createLimits();
    for (let n = 0; n < 1_000; n += 1) take("read", stranger(n));
    const used = (): number => (Bun.gc(true), process.memoryUsage().heapUsed);
    const before = used();
    for (let n = 0; n < 1_000_000; n += 1) take("read", stranger(n));
    expect(used() - before).toBeLessThan(8 * 1024 * 1024);
    expect(take("read", "192.0.2.1").allowed).toBe(true);
  });

  // Allowances: one client 10 resets a minute, its /56 40, its /48 160; an IPv4 /24 160.
  test.each([
    [40, (n: number) => `2001:db8:9:1${n.toString(16).padStart(2, "0")}::1`, "2001:db8:9:200::1"],
    [160, (n: number) => `2001:db8:9:${(n << 8).toString(16)}::1`, "2001:db8:a::1"],
    [160, (n: number) => `198.51.100.${n}`, "198.51.101.1"],
  ])(
    "R8 one network gets %d resets however its addresses change, and its neighbour is not refused",
    (most, at, next) => {
      const take = createLimits();
      let allowed = 0;
      for (let n = 0; n < 256; n += 1) if (take("reset", at(n)).allowed) allowed += 1;
      expect(allowed).toBe(most);
      expect(take("reset", next).allowed).toBe(true);
    },
  );

  test("R8 what one client is refused does not use up the allowance of its neighbours", () => {
    const take = createLimits();
    for (let n = 0; n < 1_000; n += 1) take("reset", "2001:db8:9:1::1");
    expect(take("reset", "2001:db8:9:2::1")).toMatchObject({ allowed: true, remaining: 9 });
  });
});

describe("logins", () => {
  const login = (username: string, password: string, ip: string, deviceToken?: string) =>
    api.call("POST", "/token", {
      form: { username, password },
      headers: { ...from(ip), ...(deviceToken === undefined ? {} : { "device-token": deviceToken }) },
    });

  /** A wrong password. On a busy machine a 503 may come first, for which nothing is compared or counted. */
  const guess = async (username: string, ip: string): Promise<Answer> => {
    for (;;) {
      const answer = await login(username, "not the right one", ip);
      if (answer.status !== 503) return answer;
      await Bun.sleep(100);
    }
  };
  const guesses = (username: string, from: readonly string[]) => Promise.all(from.map((ip) => guess(username, ip)));

  test("R42 of thirty wrong passwords at once ten are hashed, and the owner logs in from elsewhere", async () => {
    const answers = await Promise.all(Array.from({ length: 30 }, () => guess("jim-halpert", "192.0.2.20")));
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

  const counted = (answers: readonly Answer[], status: number) =>
    answers.filter((answer) => answer.status === status).length;

  test("R10 R42 a device that has logged in before does not wait for what strangers guess, wherever it is", async () => {
    const first = await login("angela-martin", PASSWORD, "192.0.2.40");
    const deviceToken = first.headers.get("device-token")!;
    const strangers = await guesses(
      "angela-martin",
      Array.from({ length: 110 }, (_, n) => `8.0.${n}.1`),
    );
    expect([counted(strangers, 401), counted(strangers, 429)]).toEqual([25, 85]);
    const known = await login("angela-martin", PASSWORD, "192.0.2.43", deviceToken);
    expect(known.status).toBe(200);
    expect((await login("angela-martin", PASSWORD, "192.0.2.43", known.headers.get("device-token")!)).status).toBe(200);
    // Its address alone says nothing.
    expect((await login("angela-martin", PASSWORD, "192.0.2.40")).status).toBe(429);
    // And a reset is open to her anywhere.
    expect((await reset("amartin@dm.com", "192.0.2.41")).status).toBe(200);
  });

  test("R42 an unknown device is slowed down to one guess a minute, and not locked out", async () => {
    await guesses(
      "michael-scott",
      Array.from({ length: 60 }, (_, n) => `8.1.${n}.1`),
    );
    const slowed = await login("michael-scott", PASSWORD, "192.0.2.44");
    expect(slowed.status).toBe(429);
    const seconds = Number(slowed.headers.get("retry-after"));
    expect(seconds).toBeWithin(1, 61);
    await api.sql`update login_throttle set expire = expire - make_interval(secs => ${seconds})`;
    expect((await login("michael-scott", PASSWORD, "192.0.2.44")).status).toBe(200);
    // A right password is no guess: there is room for one still, and for no second.
    const next = await guesses("michael-scott", ["8.1.200.1", "8.1.201.1"]);
    expect([counted(next, 401), counted(next, 429)]).toEqual([1, 1]);
    await api.sql`delete from login_throttle`;
  });

  test.each([
    ["fifty guesses of five clients", Array.from({ length: 50 }, (_, n) => `198.51.${n % 5}.7`)],
    ["two hundred guesses of one /24", Array.from({ length: 200 }, (_, n) => `198.51.100.${n}`)],
    ["two hundred guesses of one /48", Array.from({ length: 200 }, (_, n) => `2001:db8:5:${n.toString(16)}::1`)],
  ])("R42 after %s a new device of the owner logs in at once", async (_, from) => {
    const strangers = await guesses("jim-halpert", from);
    expect(counted(strangers, 401)).toBeLessThanOrEqual(3 * 5 + 25);
    expect(counted(strangers, 429)).toBeGreaterThan(0);
    expect((await login("jim-halpert", PASSWORD, "192.0.2.45")).status).toBe(200);
    await api.sql`delete from login_throttle`;
  });

  // NIST SP 800-63B §5.2.2: no more than 100 consecutive failed attempts on a single account.
  test("R42 strangers get at most 100 guesses at an account in a row, by its username and its address", async () => {
    const networks = Array.from({ length: 9 }, (_, n) => `8.2.${n}.1`);
    const begunAt = performance.now();
    let compared = 0;
    for (let round = 0; round < 15; round += 1) {
      for (const name of ["pam-beesly", "pbeesly@dm.com"]) compared += counted(await guesses(name, networks), 401);
    }
    // A slow machine takes so long that there is room for more.
    const minutes = Math.floor((performance.now() - begunAt) / 60_000);
    expect(compared).toBeWithin(100, 101 + 3 * minutes);
    await api.sql`delete from login_throttle`;
  }, 60_000);

  test("R42 guesses of a known device are limited too, and further ones count as those of an unknown device", async () => {
    const deviceToken = (await login("dwight-schrute", PASSWORD, "192.0.2.46")).headers.get("device-token")!;
    const wrong = () => login("dwight-schrute", "wrong", "192.0.2.46", deviceToken);
    for (let n = 0; n < 20; n += 1) expect((await wrong()).status).toBe(401);
    expect((await wrong()).status).toBe(429);
    await api.sql`delete from login_throttle`;
  });

  test("R42 a device token is of one account, cannot be forged, and ends after a year", () => {
    const { keyring } = api.deps;
    const token = issueDeviceToken(keyring, "pam");
    const [id = "", issuedAt = "", mac = ""] = token.split(".");
    expect(deviceOf(keyring, "pam", token)).toBe(id);
    expect(deviceOf(keyring, "jim", token)).toBeNull();
    const other = issueDeviceToken(keyring, "pam").split(".")[0];
    for (const forged of [
      `${other}.${issuedAt}.${mac}`,
      `${id}.${Number(issuedAt) + 1}.${mac}`,
      `${id}.${issuedAt}.${"A".repeat(43)}`,
      `${token}.`,
      "",
      null,
    ]) {
      expect(deviceOf(keyring, "pam", forged)).toBeNull();
    }
    const inDays = (days: number) => Date.now() + days * 86_400_000;
    expect(deviceOf(keyring, "pam", token, inDays(364))).toBe(id);
    expect(deviceOf(keyring, "pam", token, inDays(366))).toBeNull();
    const rotated = createKeyring({
      secretKey: "another key, long and new",
      secretKeyPrevious: api.deps.config.secretKey,
    });
    expect(deviceOf(rotated, "pam", token)).toBe(id);
  });

  test("R42 a database clock that was set back by a day locks no login", async () => {
    await login("dwight-schrute", "wrong", "192.0.2.47");
    await api.sql`update login_throttle set expire = expire + interval '1 day'`;
    expect((await login("dwight-schrute", PASSWORD, "192.0.2.47")).status).toBe(200);
    await api.sql`delete from login_throttle`;
  });

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
