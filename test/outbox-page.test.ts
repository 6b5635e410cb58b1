import { afterAll, beforeAll, expect, test } from "bun:test";
import { startApi, type TestApi } from "./support/api.ts";

let api: TestApi;
let superuser: string;
beforeAll(async () => {
  api = await startApi();
  superuser = (await api.logIn("michael-scott")).access_token;
});
afterAll(() => api[Symbol.asyncDispose]());

const get = (path: string, headers: Record<string, string> = {}) => fetch(api.url + path, { headers });
const policyOf = (response: Response): Map<string, string> =>
  new Map(
    (response.headers.get("content-security-policy") ?? "").split("; ").map((directive) => {
      const [name = "", ...sources] = directive.split(" ");
      return [name, sources.join(" ")];
    }),
  );

test("R56 R57 the page is a shell without data, under a policy that allows nothing inline", async () => {
  const response = await get("/outbox");
  expect(response.status).toBe(200);
  expect(Object.fromEntries(policyOf(response))).toEqual({
    "default-src": "'none'",
    "script-src": "'self'",
    "style-src": "'self'",
    "connect-src": "'self'",
    "img-src": "'self' data:",
    "frame-src": "'self'",
    "base-uri": "'none'",
    "form-action": "'none'",
    "frame-ancestors": "'none'",
  });
  expect(response.headers.get("cache-control")).toBe("no-store");
  expect(response.headers.get("referrer-policy")).toBe("no-referrer");
  expect(response.headers.get("x-content-type-options")).toBe("nosniff");
  expect(response.headers.get("x-robots-tag")).toContain("noindex");
  const html = await response.text();
  expect(html).not.toMatch(/<script(?![^>]* src=)|<style|\sstyle=|\son\w+=/);
});

test("the script is React's production build, and names no other host to load from", async () => {
  const script = await (await get("/assets/outbox.js")).text();
  expect(script).not.toContain("jsxDEV");
  expect(script).not.toMatch(/\b(eval|Function)\(["'`]/);
  // Namespaces of markup, and where React's messages are explained: neither is fetched.
  const hosts = new Set([...script.matchAll(/https?:\/\/([\w.-]+)/g)].map(([, host]) => host));
  expect(hosts).toEqual(new Set(["react.dev", "www.w3.org"]));
});

test("an email is shown in a sandbox whose only script is the one its policy names", async () => {
  const response = await get("/outbox/email");
  const policy = policyOf(response);
  expect(policy.get("sandbox")).toBe("allow-scripts");
  expect(policy.get("default-src")).toBe("'none'");
  expect(policy.get("img-src")).toBe("data:");
  expect(policy.get("frame-ancestors")).toBe("'self'");
  const scripts = [...(await response.text()).matchAll(/<script[^>]*>(.*?)<\/script>/gs)].map(([, source]) => source!);
  expect(scripts).toHaveLength(1);
  const hash = new Bun.CryptoHasher("sha256").update(scripts[0]!).digest("base64");
  expect(policy.get("script-src")).toBe(`'sha256-${hash}'`);
  // The frame that the script makes for the email may do nothing at all.
  expect(scripts[0]).toContain('email.sandbox = "";');
});

test("the sandbox may show the logo of the emails, and no other picture from elsewhere", async () => {
  await using branded = await startApi({ BRAND_LOGO_URL: "https://pictures.example/logo.png" });
  const response = await fetch(`${branded.url}/outbox/email`);
  expect(policyOf(response).get("img-src")).toBe("data: https://pictures.example");
});

test("R50 what the page shows is for superusers alone", async () => {
  const { access_token: other } = await api.logIn("pam-beesly");
  for (const path of ["/message/stats", "/message/?limit=50", "/message/suppressed/"]) {
    expect((await api.call("GET", path)).status).toBe(401);
    expect((await api.call("GET", path, { token: other })).status).toBe(403);
    expect((await api.call("GET", path, { token: superuser })).status).toBe(200);
  }
});

test("a filter that is not given does not filter, and the reason is one", async () => {
  await api.call("POST", "/user/pwd_reset_token/", { json: { email: "nobody@example.com" } });
  await api.call("POST", "/user/pwd_reset_token/", { json: { email: "jhalpert@dm.com" } });
  const json = { name: "Holly Flax", email: "hflax@dm.com", dept: "hr" };
  await api.call("POST", "/user/", { token: superuser, json });
  await api.deliver();
  const list = async (query: string): Promise<string[]> =>
    (await api.call("GET", `/message/?limit=50${query}`, { token: superuser })).body.map(
      (item: { kind: string; state: string; reason: string | null }) => `${item.kind} ${item.state} ${item.reason}`,
    );
  expect(await list("")).toEqual([
    "invitation sent null",
    "password_reset sent null",
    "password_reset dropped no_account",
  ]);
  expect(await list("&reason=no_account")).toEqual(["password_reset dropped no_account"]);
  expect(await list("&kind=invitation&state=sent")).toEqual(["invitation sent null"]);
});

test("an attempt comes in parts to the operator, and to nobody else", async () => {
  await api.call("POST", "/user/pwd_reset_token/", { json: { email: "amartin@dm.com" } });
  await api.deliver();
  const { body: list } = await api.call("GET", "/message/?recipient=amartin@dm.com&limit=1", { token: superuser });
  const { body: story } = await api.call("GET", `/message/${list[0].id}/`, { token: superuser });
  const attempts = story.timeline.map((entry: { event: string; attempt: unknown }) => [entry.event, entry.attempt]);
  expect(attempts).toEqual([
    ["requested", null],
    ["committed", null],
    [
      "attempt",
      {
        number: 1,
        started_at: expect.any(String),
        outcome: "sent",
        phase: "reply",
        reply: expect.stringMatching(/^250/),
      },
    ],
    ["sent", null],
  ]);
  const { access_token: owner } = await api.logIn("angela-martin");
  const { body: mine } = await api.call("GET", "/user/me/message/", { token: owner });
  expect(Object.keys(mine[0].timeline[2])).toEqual(["at", "event", "text"]);
});

test("the list of suppressed addresses says who, when and why, the last first", async () => {
  for (const [email, note] of [
    ["first@example.com", "asked us to stop"],
    ["second@example.com", undefined],
  ]) {
    await api.call("POST", "/message/suppress/", { token: superuser, json: { email, ...(note ? { note } : {}) } });
  }
  const { body } = await api.call("GET", "/message/suppressed/", { token: superuser });
  expect(body).toEqual([
    { email: "second@example.com", note: null, created_by: "michael-scott", created_at: expect.any(String) },
    {
      email: "first@example.com",
      note: "asked us to stop",
      created_by: "michael-scott",
      created_at: expect.any(String),
    },
  ]);
  await api.call("POST", "/message/lift/", { token: superuser, json: { email: "second@example.com" } });
  expect((await api.call("GET", "/message/suppressed/", { token: superuser })).body).toHaveLength(1);
});

test("the age of the oldest is told lane by lane", async () => {
  await api.call("POST", "/user/pwd_reset_token/", { json: { email: "dschrute@dm.com" } });
  await api.sql`update message set due_at = now() - interval '90 seconds' where state = 'queued'`;
  const { body: stats } = await api.call("GET", "/message/stats", { token: superuser });
  expect(stats.oldest_due_seconds_by_lane).toEqual({ security: expect.any(Number), account: null, bulk: null });
  expect(stats.oldest_due_seconds_by_lane.security).toBeWithin(90, 120);
});

test("the pages of superusers lead to each other in production, and each can be switched off", async () => {
  expect((await api.call("GET", "/outbox")).body).toContain("&quot;path&quot;:&quot;people&quot;");
  expect((await api.call("GET", "/people")).body).toContain("&quot;path&quot;:&quot;outbox&quot;");
  await using without = await startApi({ PEOPLE: "off" });
  expect((await without.call("GET", "/people")).status).toBe(404);
  expect((await without.call("GET", "/outbox")).body).not.toContain("people");
});
