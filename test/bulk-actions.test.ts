import { afterAll, beforeAll, expect, test } from "bun:test";
import { startApi, type TestApi } from "./support/api.ts";

let api: TestApi;
let operator: string;
beforeAll(async () => {
  api = await startApi();
  operator = (await api.logIn("michael-scott")).access_token;
});
afterAll(() => api[Symbol.asyncDispose]());

const get = async (path: string) => (await api.call("GET", path, { token: operator })).body;
const post = async (path: string, json: object) => (await api.call("POST", path, { token: operator, json })).body;
const recipients = async (query: string): Promise<string[]> =>
  (await get(`/message/?${query}`)).map(({ recipient }: { recipient: string }) => recipient);

async function invite(name: string): Promise<string> {
  const email = `${name.toLowerCase().replace(" ", ".")}@example.com`;
  const json = { name, email, dept: "sales" };
  expect((await api.call("POST", "/user/", { token: operator, json })).status).toBe(201);
  return email;
}

const ask = async (email: string): Promise<void> => {
  expect((await api.call("POST", "/user/pwd_reset_token/", { json: { email } })).status).toBe(200);
};

test("a message that waits names the address it will go to, and is found by it", async () => {
  const email = await invite("Holly Flax");
  expect(await recipients("limit=1")).toEqual([email]);
  expect(await recipients(`recipient=${email}`)).toEqual([email]);
  const [{ id }] = await get(`/message/?recipient=${email}`);
  expect(await get(`/message/${id}/`)).toMatchObject({ state: "queued", recipient: email, username: "holly-flax" });
  // The address moves on with the account's until the first attempt fixes it.
  await api.sql`update "user" set email = 'flax@elsewhere.example' where email = ${email}`;
  expect(await recipients(`recipient=${email}`)).toEqual([]);
  expect(await recipients("recipient=flax@elsewhere.example")).toEqual(["flax@elsewhere.example"]);
  await api.deliver();
  await api.sql`update "user" set email = 'later@elsewhere.example' where email = 'flax@elsewhere.example'`;
  expect(await recipients("recipient=flax@elsewhere.example")).toEqual(["flax@elsewhere.example"]);
});

test("messages are found by a part of the address, of the name or of the username, in any case", async () => {
  await invite("Gabe Lewis");
  await ask("100%_sure@example.org");
  await ask("someone.else@example.org");
  for (const part of ["GABE.LEWIS@", "lewis@EXAMPLE", "be Lew", "gabe-le"]) {
    expect(await recipients(`search=${encodeURIComponent(part)}`)).toEqual(["gabe.lewis@example.com"]);
  }
  expect(await recipients("search=example.org")).toContain("someone.else@example.org");
  // What LIKE takes for a pattern is text here.
  for (const part of ["%", "_", "0%_"]) {
    for (const recipient of await recipients(`search=${encodeURIComponent(part)}`)) expect(recipient).toContain("%");
  }
  expect((await api.call("GET", "/message/?search=%00", { token: operator })).status).toBe(422);
});

test("all that match are counted, cancelled and retried, each once, and the audit says so", async () => {
  for (let number = 0; number < 450; number += 1) await ask(`bulk${number}@bulk.example`);
  await ask("other@example.com");
  const filter = { kind: "password_reset", search: "@bulk.example" };
  const query = new URLSearchParams(filter).toString();
  expect(await get(`/message/matching?${query}`)).toEqual({ retry: 0, cancel: 450 });
  expect(await post("/message/cancel/", filter)).toEqual({ done: 450, remaining: 0 });
  expect(await get(`/message/matching?${query}`)).toEqual({ retry: 450, cancel: 0 });
  expect(await get("/message/?recipient=other@example.com")).toMatchObject([{ state: "queued" }]);

  // Two operators at once, and once more later.
  const results = await Promise.all([post("/message/retry/", filter), post("/message/retry/", filter)]);
  expect(results.reduce((sum, { done }) => sum + done, 0)).toBe(450);
  expect(await post("/message/retry/", filter)).toEqual({ done: 0, remaining: 0 });
  const copies = await api.sql`
    select count(*)::int as count, count(distinct retry_of)::int as originals from message
    where state = 'queued' and requested_email like '%@bulk.example'`;
  expect(copies[0]).toMatchObject({ count: 450, originals: 450 });

  const acts: { action: string; actor: string; details: { count: string; filter: string } }[] =
    await get("/audit/?about=mail&limit=100");
  const total = (action: string): number =>
    acts.filter((act) => act.action === action).reduce((sum, { details }) => sum + Number(details.count), 0);
  expect([total("messages_cancelled"), total("messages_retried")]).toEqual([450, 450]);
  expect(acts[0]).toMatchObject({ actor: "michael-scott", details: { filter: JSON.stringify(filter) } });
  expect(acts.every(({ action }) => /^(message|mail|address|suppression)/.test(action))).toBe(true);
}, 60_000);

test("what is accepted while messages are cancelled is not cancelled", async () => {
  await ask("early@during.example");
  await api.sql`update message set created_at = now() + interval '1 hour' where requested_email = 'early@during.example'`;
  expect(await post("/message/cancel/", { search: "during.example" })).toEqual({ done: 0, remaining: 0 });
  await api.sql`update message set created_at = now() where requested_email = 'early@during.example'`;
  expect(await post("/message/cancel/", { search: "during.example" })).toEqual({ done: 1, remaining: 0 });
});

test("a filter that is not understood does nothing", async () => {
  for (const json of [{ recipent: "a@example.com" }, { state: "lost" }, { since: "yesterday" }, {}, []]) {
    for (const path of ["/message/retry/", "/message/cancel/"]) {
      expect((await api.call("POST", path, { token: operator, json })).status).toBe(422);
    }
  }
});
