/** The example of `docs/front-end.md`, run against a real server. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { choosePassword, connect, createSession } from "../docs/examples/front-end.ts";
import type { Problem, User } from "../src/http/schemas.ts";
import type { Tokens } from "../src/http/tokens.ts";
import { PROBLEM_TYPES } from "../src/problem-types.ts";
import { PASSWORD, startApi, type TestApi } from "./support/api.ts";

let api: TestApi;
beforeAll(async () => {
  api = await startApi();
}, 30_000);
afterAll(() => api[Symbol.asyncDispose]());

test("login, refresh, reset and change by treaty<App>(), with its types", async () => {
  const session = createSession(api.url);
  const { client } = session;
  expect(await session.logIn("pbeesly@dm.com", "not the password")).toBe(false);
  expect(await session.logIn("pbeesly@dm.com", PASSWORD)).toBe(true);

  const me = await session.call(() => client.user.me.get());
  expect(me.data satisfies { superuser: boolean; created_at: string } | null).toMatchObject({ superuser: false });
  // @ts-expect-error -- The types name the fields of the account and no others.
  expect(me.data?.password_hash).toBeUndefined();

  const changed = await client.user({ username: "pam-beesly" }).patch({ bio: "Paints.", locale: "pt-BR" });
  expect(changed.data satisfies User | null).toMatchObject({ username: "pam-beesly", bio: "Paints." });
  const notMine = await client.user({ username: "jim-halpert" }).patch({ bio: "x" });
  const problem: Problem | undefined = notMine.error?.value;
  expect([notMine.status, problem?.type]).toEqual([403, "urn:dundie:problem:forbidden"]);

  const asked = await client.user.pwd_reset_token.post({ email: "pbeesly@dm.com" });
  expect(asked.data?.message).toStartWith("If we found a user");
  const link = (await api.deliver()).find(({ kind }) => kind === "password_reset")?.token ?? "";
  expect(await choosePassword(api.url, link, "short")).toBe("Choose another password.");
  const next = "seven blue lanterns at dusk";
  expect(await choosePassword(api.url, link, next)).toBe("The password of pam-beesly is changed.");
  expect(await choosePassword(api.url, link, next)).toBe("The link no longer works. Ask for a new one.");

  // The reset ended every session: neither token is valid any more.
  const over = await session.call(() => client.user.me.get());
  expect([over.status, over.error?.value.type]).toEqual([401, "urn:dundie:problem:invalid-access-token"]);
  expect(await session.logIn("pam-beesly", next)).toBe(true);

  const newer = "eight green lanterns at dawn";
  const owner = client.user({ username: "pam-beesly" });
  const wrong = await owner.password.post({ password: newer, password_confirm: newer, current_password: "x" });
  expect(wrong.error?.value.type).toBe("urn:dundie:problem:wrong-current-password");
  const right = await owner.password.post({ password: newer, password_confirm: newer, current_password: next });
  expect(right.status).toBe(200);

  const list = await client.user.get({ query: { limit: 2 } });
  expect(list.data).toHaveLength(2);
  expect(list.response.headers.get("link")).toContain('rel="next"');
  await session.logOut();
  expect((await session.call(() => client.user.me.get())).status).toBe(401);
});

test("an access token that has expired is refreshed once, and the call is repeated", async () => {
  const first = connect(api.url, () => null);
  const login = await first.token.post({ username: "dschrute@dm.com", password: PASSWORD });
  let accessToken = "x.y.z";
  const client = connect(api.url, () => accessToken);
  expect((await client.user.me.get()).status).toBe(401);
  const refreshed = await client.refresh_token.post({ refresh_token: login.data?.refresh_token ?? "" });
  const tokens: Tokens | null = refreshed.data;
  accessToken = tokens?.access_token ?? "";
  expect((await client.user.me.get()).data?.username).toBe("dwight-schrute");
});

test("docs/front-end.md lists every problem type with its status and its meaning, and no other", async () => {
  const page = await Bun.file(new URL("../docs/front-end.md", import.meta.url)).text();
  const rows = [...page.matchAll(/^\| `([a-z-]+)` \| (\d{3}) \| (.+) \|$/gm)];
  const listed = Object.fromEntries(
    rows.map(([, name, status, meaning]) => [name, { status: Number(status), meaning }]),
  );
  expect(listed).toEqual(PROBLEM_TYPES);
});
