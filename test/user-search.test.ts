/** `GET /user/` as superusers see it. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { ACCOUNT_STATES } from "../src/db/states.ts";
import { PASSWORD, startApi, type TestApi } from "./support/api.ts";

let api: TestApi;
let superuser: string;
beforeAll(async () => {
  api = await startApi({ REGISTRATION: "on" });
  superuser = (await api.logIn("michael-scott")).access_token;
});
afterAll(() => api[Symbol.asyncDispose]());

const list = async (query = "") => await api.call("GET", `/user/${query}`, { token: superuser });
const names = async (query: string): Promise<string[]> =>
  (await list(query)).body.map(({ username }: { username: string }) => username);
const create = (json: object) => api.call("POST", "/user/", { token: superuser, json: { dept: "sales", ...json } });

const PROFILE = ["avatar", "bio", "currency", "dept", "name", "username"];

test("others see the public profiles as before, whoever they say they are, and may not filter", async () => {
  await create({ name: "Away One", email: "away@example.com", password: PASSWORD });
  await api.call("POST", "/user/away-one/disable/", { token: superuser });
  const jim = (await api.logIn("jim-halpert")).access_token;
  const whole = await api.call("GET", "/user/");
  for (const token of [undefined, jim, "x.y.z"]) {
    const call = token ? { token } : {};
    const answer = await api.call("GET", "/user/", call);
    expect([answer.status, answer.body]).toEqual([200, whole.body]);
    expect(Object.keys(answer.body[0]).toSorted()).toEqual(PROFILE);
    expect((await api.call("GET", "/user/away-one/", call)).status).toBe(404);
    expect(Object.keys((await api.call("GET", "/user/pam-beesly/", call)).body).toSorted()).toEqual(PROFILE);
    for (const query of ["search=", "search=jim", "state=disabled", "dept=sales"]) {
      expect((await api.call("GET", `/user/?${query}`, call)).status).toBe(token === jim ? 403 : 401);
    }
  }
  expect(whole.body.map(({ username }: { username: string }) => username)).not.toContain("away-one");
});

test("R52 what a superuser is sent is for no cache, and for nobody else", async () => {
  const [seen, everybody] = [await list(), await api.call("GET", "/user/")];
  expect([seen.headers.get("cache-control"), seen.headers.get("vary")]).toEqual(["no-store", "Authorization"]);
  expect(everybody.headers.get("vary")).toBe("Authorization");
  expect(JSON.stringify(everybody.body)).not.toContain("@");
});

test("a superuser finds every state, with address and last login", async () => {
  await create({ name: "Invited One", email: "invited-one@example.com" });
  await create({ name: "Active One", email: "active-one@example.com", password: PASSWORD });
  await create({ name: "Frozen One", email: "frozen-one@example.com", password: PASSWORD });
  const change = (email: string) => ({ email, current_password: PASSWORD });
  const active = (await api.logIn("active-one")).access_token;
  await api.call("POST", "/user/me/email/", { token: active, json: change("active-one@example.com") });
  const frozen = (await api.logIn("frozen-one")).access_token;
  await api.call("POST", "/user/me/email/", { token: frozen, json: change("stranger@example.com") });
  const mail = await api.deliver();
  const linkOf = (kind: string, to: string) => mail.find((one) => one.kind === kind && one.to === to)!.token;
  const json = { token: linkOf("email_verification", "active-one@example.com") };
  expect((await api.call("POST", "/email/confirm/", { json })).status).toBe(200);
  const freeze = { token: linkOf("email_change_notice", "frozen-one@example.com") };
  expect((await api.call("POST", "/email/freeze/", { json: freeze })).status).toBe(200);

  const found = await Promise.all(
    ACCOUNT_STATES.map(async (state) => [state, (await list(`?state=${state}&search=One`)).body]),
  );
  expect(found.map(([state, items]) => [state, items.map(({ name }: { name: string }) => name)])).toEqual([
    ["frozen", ["Frozen One"]],
    ["disabled", ["Away One"]],
    ["invited", ["Invited One"]],
    ["unverified", []],
    ["active", ["Active One"]],
  ]);
  const one = (await api.call("GET", "/user/active-one/", { token: superuser })).body;
  expect(one).toMatchObject({
    email: "active-one@example.com",
    email_verified: true,
    state: "active",
    superuser: false,
    locale: null,
  });
  expect(Date.now() - Date.parse(one.last_login_at)).toBeLessThan(60_000);
  expect((await api.call("GET", "/user/invited-one/", { token: superuser })).body.last_login_at).toBeNull();
  await api.call("POST", "/user/frozen-one/enable/", { token: superuser });
  expect((await api.call("GET", "/user/frozen-one/", { token: superuser })).body.state).toBe("invited");
});

test("a search takes any part of the name, the username and the address as a text, in any case", async () => {
  await create({ name: "Zo\u00eb 100%_sure\\", email: "z.search@sub.example.org", username: "zoe-search" });
  for (const part of ["ZO\u00cb 100%", "_sure\\", "100%", "oe-sea", "SUB.example.ORG", " z.search@sub.example.org "]) {
    expect([part, await names(`?search=${encodeURIComponent(part)}`)]).toEqual([part, ["zoe-search"]]);
  }
  for (const part of ["100_", "%%", "z_search", "' or true --"]) {
    expect([part, await names(`?search=${encodeURIComponent(part)}`)]).toEqual([part, []]);
  }
  expect((await names("?search=")).length).toBeGreaterThan(5);
  expect(await names("?dept=reception")).toEqual(["pam-beesly"]);
  for (const query of ["?state=asleep", "?search=%00", "?order=name"]) expect((await list(query)).status).toBe(422);
});

test("pages of a search join up, and each costs one query beside the caller's", async () => {
  const whole = await names("?search=e&limit=1000");
  const walked: string[] = [];
  let path = "/user/?search=e&limit=2";
  let pages = 0;
  api.statements.length = 0;
  for (; path && pages < 50; pages += 1) {
    const page = await api.call("GET", path, { token: superuser });
    walked.push(...page.body.map(({ username }: { username: string }) => username));
    path = /^<([^>]+)>; rel="next"$/.exec(page.headers.get("link") ?? "")?.[1] ?? "";
  }
  expect(walked).toEqual(whole);
  expect(walked.length).toBeGreaterThan(4);
  expect(api.statements).toHaveLength(2 * pages);
});

test("among 30,000 accounts a page is found by an index: not the whole table is read", async () => {
  await api.sql`insert into "user" (id, email, username, name, dept, password_hash)
    select gen_random_uuid(), 'crowd' || n || '@example.net', 'crowd-' || n, 'Crowd Number ' || n, 'dept ' || n % 50, 'x'
    from generate_series(1, 30000) n`;
  await api.sql`vacuum analyze "user"`;
  for (const query of [
    "search=crowd9999@",
    "search=not-to-be-found",
    "search=crowd",
    "state=invited",
    "dept=dept%207",
  ]) {
    api.statements.length = 0;
    expect((await list(`?${query}&limit=50`)).status).toBe(200);
    const statement = api.statements.find((one) => one.includes("order by"))!;
    const plan = await planOf(statement, query);
    expect([query, plan]).toEqual([query, expect.stringMatching(/Index Scan (using|on) "?user_/)]);
    expect([query, plan]).toEqual([query, expect.not.stringContaining("Seq Scan")]);
  }
}, 60_000);

/** The plan of a list's statement, with the values of its query in place of the parameters. */
async function planOf(statement: string, query: string): Promise<string> {
  const [field, value = ""] = decodeURIComponent(query).split("=");
  const values = field === "search" ? [value, `%${value}%`, "51"] : [value, "51"];
  const filled = statement.replace(/\$(\d)/g, (_, number: string) => {
    const filling = values[Number(number) - 1] ?? "";
    return filling === "51" ? filling : `'${filling}'`;
  });
  return (await api.sql.unsafe(`explain ${filled}`)).map((row) => String(row["QUERY PLAN"])).join("\n");
}
