import { afterAll, beforeAll, describe, expect, spyOn, test } from "bun:test";
import { requireStrong } from "../src/accounts/password-policy.ts";
import { FairQueue, type FairQueueOptions } from "../src/accounts/fair-queue.ts";
import { createPasswordHasher } from "../src/accounts/passwords.ts";
import type { Unavailable } from "../src/errors.ts";
import { PASSWORD, startApi, whileComparing, type TestApi } from "./support/api.ts";

let api: TestApi;
let superuser: string;
beforeAll(async () => {
  api = await startApi();
  superuser = (await api.logIn("michael-scott")).access_token;
});
afterAll(() => api[Symbol.asyncDispose]());

const both = (password: string) => ({ password, password_confirm: password });
/** A superuser sets Pam's. */
const set = (password: string) =>
  api.call("POST", "/user/pam-beesly/password/", { token: superuser, json: both(password) });

const PAM = { name: "Pam Beesly", email: "pbeesly@dm.com", username: "pam-beesly" };

/** Why it is refused, or null. */
async function verdict(password: string, account = PAM): Promise<string | null> {
  try {
    await requireStrong(password, account, api.deps.config);
    return null;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

test("R33 the minimum is counted in code points", async () => {
  expect(await verdict("🦜🌵🛶🎻🧭🪁🧶🪴🎈🎲🥨")).toContain("11 characters; at least 12");
  expect(await verdict("🦜🌵🛶🎻🧭🪁🧶🪴🎈🎲🥨🫖")).toBeNull();
  expect((await set("eleven char")).body).toMatchObject({ status: 422, errors: [{ pointer: "/password" }] });
  expect((await set("twelve chars")).status).toBe(200);
});

test("R34 64 characters are taken, and more up to 1,024 bytes; beyond that nothing is hashed", async () => {
  const words = "a walk along the river in late autumn, with somebody else's dog!";
  expect(words).toHaveLength(64);
  expect((await set(words)).status).toBe(200);
  const longest = words.repeat(16).slice(0, 1023) + "X";
  expect((await set(longest)).status).toBe(200);
  await api.logIn("pam-beesly", longest);

  const hasher = { ...api.deps.hasher };
  let hashed = 0;
  Object.assign(api.deps.hasher, {
    hash: (...call: Parameters<typeof hasher.hash>) => ((hashed += 1), hasher.hash(...call)),
  });
  for (const password of [`${longest}X`, "é".repeat(513) + "abcd", "x".repeat(30_000)]) {
    const answer = await set(password);
    expect(answer.status).toBe(422);
    expect(answer.body.detail).toContain("longer than 1024 bytes");
  }
  expect(hashed).toBe(0);
  Object.assign(api.deps.hasher, hasher);
});

test("R35 no kind of character is asked for or forbidden", async () => {
  for (const password of [
    "justlowercaseletters",
    "UPPERCASE LETTERS",
    "спокойной ночи",
    "839271650424",
    "  spaces at both ends  ",
  ]) {
    expect(await verdict(password)).toBeNull();
  }
});

describe("R36 what everybody or the account would guess", () => {
  test.each([
    "1qaz2wsx3edc",
    "administrator",
    "ADMINISTRATOR",
    "supernatural",
    "sup3rn@tur4l",
    "supernatural2024!",
    "123supernatural!",
    "password1234",
    "P@ssw0rd1234",
    "passwordpassword",
    "monkey123456",
    "finalfantasyfinalfantasy",
  ])("the common password %s is refused, and the reason is said", async (password) => {
    expect(await verdict(password)).toBe("This password is among the most common ones. Choose another one.");
  });

  test.each(["monkey on a bicycle", "password of the harbour", "abc-4839204857", "correct horse battery staple"])(
    "%s only holds a common word",
    async (password) => {
      expect(await verdict(password)).toBeNull();
    },
  );

  test.each([
    "pam-beesly-2024",
    "PamBeesly12345",
    "p4m b33sly 1234",
    "pbeesly@dm.com",
    "pbeesly@dm.com!",
    "dundie-dundie-1",
  ])("%s is made of the account's own words, and the reason is said", async (password) => {
    expect(await verdict(password)).toContain("Words of the account itself");
  });

  test("a few characters in any order are refused, and the reason is said", async () => {
    expect(await verdict("xqzkxqkzzkqxqx")).toBe(
      "The password repeats the same few characters. Use at least 5 different ones.",
    );
  });

  test("an own word in a long enough password does no harm", async () => {
    expect(await verdict("pam paints the water tower")).toBeNull();
    expect(await verdict("savannah elephants", { ...PAM, name: "Anna Lee" })).toBeNull();
  });

  test("holds on every path: creation, the owner's, a superuser's, a link's", async () => {
    const { access_token: token } = await api.logIn("jim-halpert");
    const reason = "This password is among the most common ones. Choose another one.";
    const bad = both("supernatural");
    await api.call("POST", "/user/pwd_reset_token/", { json: { email: "jhalpert@dm.com" } });
    const email = (await api.deliver()).find(({ kind }) => kind === "password_reset");
    const person = { name: "Toby Flenderson", email: "toby@dm.com", dept: "hr", password: "supernatural" };
    const calls = [
      api.call("POST", "/user/", { token: superuser, json: person }),
      api.call("POST", "/user/jim-halpert/password/", { token, json: { ...bad, current_password: PASSWORD } }),
      api.call("POST", "/user/jim-halpert/password/", { token: superuser, json: bad }),
      api.call("POST", "/user/jim-halpert/password/", { json: { ...bad, pwd_reset_token: email!.token } }),
      api.call("POST", "/user/password/", { json: { ...bad, pwd_reset_token: email!.token } }),
    ];
    for (const answer of await Promise.all(calls)) {
      expect(answer.status).toBe(422);
      expect(answer.body.detail).toBe(reason);
    }
    await api.logIn("jim-halpert");
  });
});

test("R37 nothing is cut off, and case counts", async () => {
  const password = `Late Autumn ${"river ".repeat(20)}`;
  expect((await set(password)).status).toBe(200);
  await api.logIn("pam-beesly", password);
  for (const near of [password.toLowerCase(), password.trimEnd(), `${password}x`, password.slice(0, 72)]) {
    expect(await api.tryLogIn("pam-beesly", near)).toBe(401);
  }
});

test("R38 a password set in one spelling of Unicode logs in with the other", async () => {
  const password = "café à São João";
  expect(password.normalize("NFC")).not.toBe(password.normalize("NFD"));
  for (const [stored, typed] of [
    ["NFC", "NFD"],
    ["NFD", "NFC"],
  ] as const) {
    const json = { password: password.normalize(stored), password_confirm: password.normalize(typed) };
    expect((await api.call("POST", "/user/pam-beesly/password/", { token: superuser, json })).status).toBe(200);
    await api.logIn("pam-beesly", password.normalize(typed));
    await api.logIn("pam-beesly", password.normalize(stored));
  }
});

test("R39 hashes are argon2id with m = 19 MiB and t = 2; a weaker one is replaced at the next login", async () => {
  const hashOf = async () =>
    (await api.sql`select password_hash as hash from "user" where username = 'angela-martin'`)[0]!["hash"];
  expect(await hashOf()).toStartWith("$argon2id$v=19$m=19456,t=2,p=1$");

  const weak = await Bun.password.hash(PASSWORD, { algorithm: "argon2id", memoryCost: 8, timeCost: 1 });
  await api.sql`update "user" set password_hash = ${weak} where username = 'angela-martin'`;
  expect(await api.tryLogIn("angela-martin", "not the password")).toBe(401);
  expect(await hashOf()).toBe(weak);
  await api.logIn("angela-martin");
  expect(await hashOf()).toStartWith("$argon2id$v=19$m=19456,t=2,p=1$");
  await api.logIn("angela-martin");
});

test("R40 the owner's change needs the current password", async () => {
  const { access_token: token } = await api.logIn("dwight-schrute");
  const change = (json: object) => api.call("POST", "/user/dwight-schrute/password/", { token, json });
  const next = both("beets and battlestars");
  const without = await change(next);
  expect(without.status).toBe(422);
  expect(without.body.errors).toEqual([{ pointer: "/current_password", detail: without.body.detail }]);
  expect((await change({ ...next, current_password: "not the password" })).status).toBe(403);
  expect((await change({ ...next, current_password: PASSWORD })).status).toBe(200);
  await api.logIn("dwight-schrute", "beets and battlestars");
});

test("R40 the owner stays logged in where the change was made, and nowhere else", async () => {
  const [here, there] = [
    await api.logIn("dwight-schrute", "beets and battlestars"),
    await api.logIn("dwight-schrute", "beets and battlestars"),
  ];
  const json = { ...both(PASSWORD), current_password: "beets and battlestars" };
  await api.call("POST", "/user/dwight-schrute/password/", { token: here.access_token, json });
  expect((await api.call("GET", "/user/me", { token: here.access_token })).status).toBe(200);
  expect((await api.call("GET", "/user/me", { token: there.access_token })).status).toBe(401);
});

test("R40 a superuser's own change needs the current password as well", async () => {
  const answer = await api.call("POST", "/user/michael-scott/password/", {
    token: superuser,
    json: both("that is what she said"),
  });
  expect(answer.status).toBe(422);
});

test("R40 the owner's change is refused when the password was changed while it was compared", async () => {
  const { access_token: token } = await api.logIn("angela-martin");
  whileComparing(api, () =>
    api.call("POST", "/user/angela-martin/password/", { token: superuser, json: both("the fog over a harbour") }),
  );
  const json = { ...both("beets and battlestars"), current_password: PASSWORD };
  expect((await api.call("POST", "/user/angela-martin/password/", { token, json })).status).toBe(401);
  await api.logIn("angela-martin", "the fog over a harbour");
});

test("who sets a password is asked before what it is: 401, 403, 404 in this order", async () => {
  const { access_token: token } = await api.logIn("jim-halpert");
  const path = "/user/nobody-at-all/password/";
  expect((await api.call("POST", path, { json: { password: "x" } })).status).toBe(401);
  expect((await api.call("POST", path, { token, json: both("x") })).status).toBe(403);
  expect((await api.call("POST", path, { token: superuser, json: both("x") })).status).toBe(404);
});

test("the two fields must be the same: 400", async () => {
  const json = { password: "beets and battlestars", password_confirm: "beets and battlestar" };
  const answer = await api.call("POST", "/user/jim-halpert/password/", { token: superuser, json });
  expect(answer.status).toBe(400);
});

test("R41 where there is no hash, or none that can be compared, one is compared all the same", async () => {
  const hasher = await createPasswordHasher();
  const hash = await hasher.hash(PASSWORD, "anyone");
  const compare = spyOn(Bun.password, "verify");
  for (const [stored, matches] of [
    [hash, true],
    [null, false],
    ["$unknown$hash", false],
  ] as const) {
    compare.mockClear();
    using place = hasher.enter("anyone");
    expect(await hasher.verify(PASSWORD, stored, place)).toBe(matches);
    expect(compare.mock.calls).toEqual([[PASSWORD, expect.stringMatching(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$/)]]);
  }
  compare.mockRestore();
});

describe("R43 the queue for hashes", () => {
  /** A queue whose tasks end when they are told to, and the order in which they began. */
  function startQueue(options: FairQueueOptions) {
    const queue = new FairQueue(options);
    const begun: string[] = [];
    const ends: (() => void)[] = [];
    const call = async (client: string): Promise<"done" | Unavailable> => {
      try {
        using place = queue.enter(client);
        await place.run(async () => {
          begun.push(client);
          await new Promise<void>((resolve) => ends.push(resolve));
        });
        return "done";
      } catch (error) {
        return error as Unavailable;
      }
    };
    const endAll = async (): Promise<void> => {
      // Calls begin in microtasks.
      const settled = () => new Promise((resolve) => setImmediate(resolve));
      await settled();
      for (let end = ends.shift(); end; end = ends.shift()) {
        end();
        await settled();
      }
    };
    return { call, begun, endAll };
  }

  test("at most so many are hashed at a time, and clients take turns", async () => {
    const { call, begun, endAll } = startQueue({ concurrency: 2, maxWaitMs: 10_000 });
    const calls = [..."aaaaaa", ..."bb", "c"].map((client) => call(client));
    await new Promise((resolve) => setImmediate(resolve));
    expect(begun.join("")).toBe("aa");
    await endAll();
    expect(await Promise.all(calls)).toEqual(calls.map(() => "done"));
    expect(begun.join("")).toBe("aaabcabaa");
  });

  test("a full queue refuses the client that has the most waiting, and never one that has none", async () => {
    // Tasks are taken to last 50 ms until one was measured: four may wait.
    const { call, endAll } = startQueue({ concurrency: 1, maxWaitMs: 200 });
    const flood = Array.from({ length: 50 }, () => call("flood"));
    const others = [call("a"), call("b")];
    await new Promise((resolve) => setImmediate(resolve));
    await endAll();
    expect(await Promise.all(others)).toEqual(["done", "done"]);
    const answers = await Promise.all(flood);
    expect(answers.filter((answer) => answer === "done")).toHaveLength(3);
    const refused = answers.find((answer) => answer !== "done");
    expect(refused).toMatchObject({ name: "Unavailable", retryAfterSeconds: 1 });
  });

  test("what has waited for too long is refused while the others go on", async () => {
    const { call, begun, endAll } = startQueue({ concurrency: 1, maxWaitMs: 60 });
    const [first, second] = [call("a"), call("b")];
    expect(await second).toMatchObject({ name: "Unavailable" });
    await endAll();
    expect(await first).toBe("done");
    const third = call("c");
    await endAll();
    expect([await third, begun.join("")]).toEqual(["done", "ac"]);
  });

  test("a task that fails gives its place to the next one", async () => {
    const queue = new FairQueue({ concurrency: 1, maxWaitMs: 10_000 });
    const failed = queue.enter("a").run(() => Promise.reject(new Error("no such format")));
    const next = queue.enter("b").run(async () => "hashed");
    expect(await failed.catch((error: Error) => error.message)).toBe("no such format");
    expect(await next).toBe("hashed");
  });

  test("a place counts before its task is ready, holds up no other, and is free again when it is left", async () => {
    const queue = new FairQueue({ concurrency: 1, maxWaitMs: 100 });
    // Two may wait and one may run.
    const places = ["a", "b", "c"].map((client) => queue.enter(client));
    expect(() => queue.enter("d")).toThrow("Too many logins at once");
    expect(await places[1]!.run(async () => "second")).toBe("second");
    places[0]![Symbol.dispose]();
    expect(await queue.enter("d").run(async () => "fourth")).toBe("fourth");
    expect(await places[2]!.run(async () => "third")).toBe("third");
  });

  test("a flood of logins is refused before the database is asked", async () => {
    const { hasher } = api.deps;
    const busy = { ...hasher };
    const full = await createPasswordHasher({ concurrency: 0, maxWaitMs: 10_000 });
    Object.assign(hasher, full);
    using _waiting = full.enter("192.0.2.1");
    api.statements.length = 0;
    const refused = await api.call("POST", "/token", { form: { username: "jim-halpert", password: PASSWORD } });
    Object.assign(hasher, busy);
    expect([refused.status, refused.headers.get("retry-after")]).toEqual([503, "10"]);
    expect(api.statements).toEqual([]);
  });

  test("passwords are compared in it, in turns of their clients", async () => {
    const hasher = await createPasswordHasher({ concurrency: 1, maxWaitMs: 1_000 });
    const verify = async (client: string): Promise<boolean> => {
      using place = hasher.enter(client);
      return await hasher.verify("x", null, place);
    };
    const flood = Array.from({ length: 50 }, () => verify("192.0.2.1"));
    const other = verify("192.0.2.2");
    const outcomes = await Promise.allSettled(flood);
    expect(outcomes.filter(({ status }) => status === "rejected").length).toBeGreaterThan(25);
    expect(await other).toBe(false);
  });
});
