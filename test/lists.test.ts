/** A list costs as many statements for many rows as for few. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { startApi, type TestApi } from "./support/api.ts";

let api: TestApi;
let token: string;
/** The path of every operation that answers with an array, from the API's own document. */
let lists: string[];

beforeAll(async () => {
  api = await startApi({ REGISTRATION: "on" });
  token = (await api.logIn("michael-scott")).access_token;
  const { paths } = (await api.call("GET", "/openapi.json")).body;
  lists = Object.entries<any>(paths)
    .filter(([, { get }]) => get?.responses["200"]?.content?.["application/json"]?.schema.type === "array")
    // The doctor has a verdict for each of its checks, and not for each row.
    .filter(([path]) => path !== "/doctor/")
    .map(([path]) => path.replace("{username}", "michael-scott"));
  await addRows("first", 1);
});
afterAll(() => api[Symbol.asyncDispose]());

/** Each of these is another row in every list of a superuser. */
async function addRows(word: string, count: number): Promise<void> {
  for (let n = 0; n < count; n += 1) {
    const name = `${word} ${n}`;
    await api.logIn("michael-scott");
    const email = `${word}${n}@example.com`;
    expect((await api.call("POST", "/user/", { token, json: { name, email, dept: "sales" } })).status).toBe(201);
    expect((await api.call("POST", "/message/suppress/", { token, json: { email } })).status).toBe(200);
    await api.call("POST", "/user/pwd_reset_token/", { json: { email: "mscott@dm.com" } });
    await api.deliver();
  }
}

async function measure(path: string): Promise<{ rows: number; statements: number }> {
  api.statements.length = 0;
  const { status, body } = await api.call("GET", path, { token });
  expect([path, status]).toEqual([path, 200]);
  return { rows: body.length, statements: api.statements.length };
}

test("every list asks the database as often for eleven rows as for one", async () => {
  expect(lists).toContain("/user/me/message/");
  const few = [];
  for (const path of lists) few.push(await measure(path));
  await addRows("more", 10);
  for (const [index, path] of lists.entries()) {
    const { rows, statements } = await measure(path);
    expect([path, rows >= few[index]!.rows + 10]).toEqual([path, true]);
    expect([path, statements]).toEqual([path, few[index]!.statements]);
  }
});

test("a page of one's own messages is one statement, beside the one that finds the session", async () => {
  expect((await measure("/user/me/message/")).statements).toBe(2);
});
