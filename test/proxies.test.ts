/** Behind a proxy: whose request it is, under which path, and how long a connection lives. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { parseIpRanges } from "../src/config/ip-ranges.ts";
import { clientAddressOf } from "../src/http/client-address.ts";
import { startApi, type TestApi } from "./support/api.ts";

describe("the client's address", () => {
  const addressOf = clientAddressOf(parseIpRanges("10.0.0.0/8, 2001:db8:ff::/48"));
  const from = (headers: Record<string, string>, peer = "10.0.0.1") =>
    addressOf(new Request("http://localhost/", { headers }), peer);

  // RFC 7239 §4 and §6; for X-Forwarded-For what nginx, HAProxy, Azure and IIS write.
  test.each<[Record<string, string>, string]>([
    [{ "x-forwarded-for": "198.51.100.7" }, "198.51.100.7"],
    [{ "x-forwarded-for": "198.51.100.7:54321" }, "198.51.100.7"],
    [{ "x-forwarded-for": '"198.51.100.7:54321"' }, "198.51.100.7"],
    [{ "x-forwarded-for": "[2001:db8::7]:54321" }, "2001:db8::7"],
    [{ "x-forwarded-for": "[2001:db8::7]" }, "2001:db8::7"],
    [{ "x-forwarded-for": "2001:DB8::7" }, "2001:db8::7"],
    [{ "x-forwarded-for": "::ffff:198.51.100.7" }, "198.51.100.7"],
    [{ "x-forwarded-for": "192.0.2.1, 198.51.100.7:1, 10.2.3.4" }, "198.51.100.7"],
    [{ "x-forwarded-for": " 198.51.100.7 ,10.2.3.4:80" }, "198.51.100.7"],
    [{ "x-forwarded-for": "192.0.2.1, unknown" }, "10.0.0.1"],
    [{ "x-forwarded-for": "192.0.2.1, 10.9.9.9:x" }, "10.0.0.1"],
    [{ "x-forwarded-for": "" }, "10.0.0.1"],
    [{ forwarded: "for=198.51.100.7" }, "198.51.100.7"],
    [{ forwarded: "For=198.51.100.7;proto=https;by=10.0.0.1" }, "198.51.100.7"],
    [{ forwarded: 'proto=https; for="198.51.100.7:4711"' }, "198.51.100.7"],
    [{ forwarded: 'for="[2001:db8:cafe::17]:4711"' }, "2001:db8:cafe::17"],
    [{ forwarded: 'for=192.0.2.1, for=198.51.100.7;host="a,b;c", for=10.0.0.9' }, "198.51.100.7"],
    [{ forwarded: "for=192.0.2.1, for=_hidden" }, "10.0.0.1"],
    [{ forwarded: "for=192.0.2.1, for=unknown, for=10.0.0.9" }, "10.0.0.9"],
    [{ forwarded: "by=10.0.0.1" }, "10.0.0.1"],
    [{ forwarded: "for=" }, "10.0.0.1"],
    [{ forwarded: 'for="198.51.100.7' }, "10.0.0.1"],
    // Both, as one proxy may write them.
    [{ "x-forwarded-for": "198.51.100.7:1", forwarded: "for=198.51.100.7" }, "198.51.100.7"],
    // One of them is forged, and nothing tells which.
    [{ "x-forwarded-for": "198.51.100.7", forwarded: "for=192.0.2.1" }, "10.0.0.1"],
  ])("%j from a trusted proxy is of %s", (headers, address) => {
    expect(from(headers)).toBe(address);
  });

  test("R7 no header of another peer is believed, and none where nobody is trusted", () => {
    const headers = { "x-forwarded-for": "192.0.2.1", forwarded: "for=192.0.2.1", "x-real-ip": "192.0.2.1" };
    expect(from(headers, "203.0.113.5")).toBe("203.0.113.5");
    expect(from(headers, "::ffff:203.0.113.5")).toBe("203.0.113.5");
    expect(clientAddressOf([])(new Request("http://localhost/", { headers }), "127.0.0.1")).toBe("127.0.0.1");
    expect(from({ forwarded: "for=192.0.2.1" }, "::ffff:10.1.1.1")).toBe("192.0.2.1");
  });
});

test.each([
  ["x-forwarded-for", (n: number) => `198.51.100.${n}:54321`],
  ["x-forwarded-for", (n: number) => `[2001:db8:${n}::1]:443`],
  ["forwarded", (n: number) => `for="198.51.100.${n}:80"`],
])("R6 fourteen clients behind a proxy that writes %s each have a count of their own", async (name, value) => {
  await using proxied = await startApi({ RATE_LIMIT: "on", TRUST_PROXY: "127.0.0.1" });
  const json = { email: "nobody@example.com" };
  for (let n = 1; n <= 14; n += 1) {
    const answer = await proxied.call("POST", "/user/pwd_reset_token/", { json, headers: { [name]: value(n) } });
    expect([answer.status, answer.headers.get("ratelimit")]).toEqual([200, expect.stringContaining("r=9")]);
  }
});

describe("under the path of a proxy", () => {
  let api: TestApi;
  let token: string;
  beforeAll(async () => {
    api = await startApi({ PUBLIC_URL: "https://host.example/auth" });
    token = (await api.logIn("michael-scott")).access_token;
  });
  afterAll(() => api[Symbol.asyncDispose]());

  test("Location and Link name the path as the client sees it", async () => {
    const json = { name: "Ryan Howard", email: "ryan@example.com", dept: "temps" };
    const made = await api.call("POST", "/user/", { token, json });
    expect(made.headers.get("location")).toBe("/auth/user/ryan-howard/");
    for (const [path, link] of [
      ["/user/?limit=1", "/auth/user/?limit=1&after="],
      ["/audit/?limit=1", "/auth/audit/?limit=1&after="],
      ["/message/?limit=1", "/auth/message/?limit=1&after="],
      ["/user/me/events?limit=1", "/auth/user/me/events?limit=1&after="],
    ] as const) {
      await api.call("POST", "/user/pwd_reset_token/", { json: { email: "a@example.com" } });
      expect((await api.call("GET", path, { token })).headers.get("link") ?? "").toStartWith(`<${link}`);
    }
    await api.sql`update message set state = 'failed', reason = 'rejected', ended_at = now() where kind = 'invitation'`;
    const [message] = await api.sql`select id from message where kind = 'invitation'`;
    const retried = await api.call("POST", `/message/${message!["id"]}/retry/`, { token });
    expect(retried.headers.get("location")).toBe(`/auth/message/${retried.body.id}/`);
  });

  test("the document's server and token URL have it too", async () => {
    const { body } = await api.call("GET", "/openapi.json");
    expect(body.servers).toEqual([{ url: "/auth" }]);
    expect(body.components.securitySchemes.login.flows.password.tokenUrl).toBe("/auth/token");
    const change = await api.call("GET", "/.well-known/change-password");
    expect(change.headers.get("location")).toBe("https://host.example/auth/reset_password");
  });
});
