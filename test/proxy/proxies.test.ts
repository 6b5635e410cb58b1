/** The whole of dundie behind a real nginx and a real Caddy, with TLS and under a path: every page, every link, a clean console. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import type { Page } from "playwright-core";
import { startApplication, type Application } from "../support/application.ts";
import { launchBrowser, type Visit } from "../support/browser.ts";
import { PASSWORD } from "../support/client.ts";
import { findProxy, publicUrlUnder, startProxy, type Proxy, type ProxyName } from "../support/proxies.ts";

const browser = await launchBrowser();
const NEW_PASSWORD = "a lighthouse in the fog";

afterAll(() => browser?.close());

describe.each(["nginx", "caddy"] as const)("%s", (name: ProxyName) => {
  const program = findProxy(name);
  const pages = program === null ? null : browser;

  let app: Application;
  let proxy: Proxy;

  beforeAll(async () => {
    if (program === null) return;
    const publicUrl = publicUrlUnder("/auth");
    app = await startApplication({
      SMTP_URL: "inbox",
      PUBLIC_URL: publicUrl,
      TRUST_PROXY: "127.0.0.1",
      RATE_LIMIT: "on",
    });
    const port = Number(new URL(app.url).port);
    proxy = await startProxy(name, program, { publicUrl, ports: [port, port] });
  }, 60_000);

  afterAll(async () => {
    await proxy?.[Symbol.asyncDispose]();
    await app?.[Symbol.asyncDispose]();
  });

  const call = (path: string, init: RequestInit = {}): Promise<Response> =>
    fetch(proxy.url + path, { ...init, redirect: "manual", tls: { rejectUnauthorized: false } });

  async function logIn(username: string): Promise<string> {
    const answer = await call("/token", {
      method: "POST",
      body: new URLSearchParams({ username, password: PASSWORD }),
    });
    return ((await answer.json()) as { access_token: string }).access_token;
  }

  describe.skipIf(program === null)("the API", () => {
    test("every address that an answer names leads back through the proxy", async () => {
      const authorization = `Bearer ${await logIn("mscott@dm.com")}`;
      const headers = { authorization, "content-type": "application/json" };
      const made = await call("/user/", {
        method: "POST",
        headers,
        body: JSON.stringify({ name: "Ryan Howard", email: "ryan@dm.com", dept: "temps" }),
      });
      const origin = new URL(proxy.url).origin;
      const follow = (path: string | null) =>
        fetch(new URL(path ?? "", origin), { headers: { authorization }, tls: { rejectUnauthorized: false } });
      const account = await follow(made.headers.get("location"));
      expect([made.status, account.status, await account.json()]).toMatchObject([
        201,
        200,
        { username: "ryan-howard" },
      ]);

      for (const list of ["/user/?limit=1", "/audit/?limit=1", "/user/me/events?limit=1"]) {
        const first = await call(list, { headers });
        const next = /^<(.+)>; rel="next"$/.exec(first.headers.get("link") ?? "")?.[1] ?? "";
        expect([list, (await follow(next)).status]).toEqual([list, 200]);
      }

      const document = (await (await call("/openapi.json")).json()) as any;
      const server = new URL(document.servers[0].url, `${proxy.url}/openapi.json`).href;
      expect(server.replace(/\/$/, "")).toBe(proxy.url);
      const { tokenUrl } = document.components.securitySchemes.login.flows.password;
      expect(new URL(tokenUrl, `${proxy.url}/openapi.json`).href).toBe(`${proxy.url}/token`);

      const change = await call("/.well-known/change-password");
      expect([change.status, change.headers.get("location")]).toEqual([302, `${proxy.url}/reset_password`]);
      expect((await call("/user/")).headers.get("strict-transport-security")).toBe("max-age=31536000");
    });

    test("the development inbox does not answer through the proxy", async () => {
      for (const path of ["/inbox", "/inbox/messages", "/inbox/events"]) expect((await call(path)).status).toBe(403);
    });

    test("the client is the one that the proxy saw, whatever it says of itself", async () => {
      const headers = { "x-forwarded-for": "192.0.2.1, 198.51.100.9", forwarded: "for=203.0.113.99" };
      const body = new URLSearchParams({ username: "jim-halpert", password: PASSWORD });
      await call("/token", { method: "POST", body, headers });
      const authorization = `Bearer ${await logIn("jim-halpert")}`;
      const sessions = (await (await call("/session/", { headers: { authorization } })).json()) as { ip: string }[];
      // nginx adds to the list, and this machine is the proxy as well as the client, so that what stands before it in the
      // list counts. Caddy makes the list anew.
      const others = name === "nginx" ? ["198.51.100.9"] : [];
      expect(new Set(sessions.map(({ ip }) => ip))).toEqual(new Set([...others, "127.0.0.1"]));
    });
  });

  /** Follows what a page asks for: all of it is under the path. */
  async function withPage(run: (page: Page, visit: Visit) => Promise<void>): Promise<void> {
    await using visit = await browser!.visit({ viewport: { width: 1280, height: 900 }, ignoreHTTPSErrors: true });
    const strays: string[] = [];
    visit.page.context().on("request", (request) => {
      const url = request.url();
      if (!/^(data|blob|about):/.test(url) && !url.startsWith(`${proxy.url}/`)) strays.push(url);
    });
    await run(visit.page, visit);
    expect({ strays, errors: visit.consoleErrors, foreign: visit.foreignRequests }).toEqual({
      strays: [],
      errors: [],
      foreign: [],
    });
  }

  describe.skipIf(pages === null)("the pages", () => {
    test("/docs: a login and a call", () =>
      withPage(async (page) => {
        await page.goto(`${proxy.url}/docs`);
        await page.getByRole("button", { name: "Authorize" }).first().click();
        await page.locator("#oauth_username").fill("mscott@dm.com");
        await page.locator("#oauth_password").fill(PASSWORD);
        await page
          .locator(".auth-container")
          .first()
          .getByRole("button", { name: "Apply given OAuth2 credentials" })
          .click();
        await page.getByRole("button", { name: "Remove authorization" }).waitFor();
        await page.getByRole("button", { name: "Close" }).last().click();
        const operation = page.locator("#operations-My_account-getMyAccount");
        await operation.locator(".opblock-summary-control").click();
        await operation.getByRole("button", { name: "Execute" }).click();
        await operation.locator(".live-responses-table").getByText("200", { exact: true }).first().waitFor();
      }));

    test("a forgotten password: the form, the email's link, the new password", () =>
      withPage(async (page) => {
        await page.goto(`${proxy.url}/reset_password`);
        await page.getByLabel("Email address").fill("pbeesly@dm.com");
        await page.getByRole("button", { name: "Send me a link" }).click();
        await page.getByRole("heading", { name: "Check your email" }).waitFor();
        const address = await app.linkTo("pbeesly@dm.com");
        expect(address).toStartWith(`${proxy.url}/reset_password?pwd_reset_token=`);
        await page.goto(address);
        await page.getByLabel("New password", { exact: true }).fill(NEW_PASSWORD);
        await page.getByLabel("Repeat new password").fill(NEW_PASSWORD);
        await page.getByRole("button", { name: "Change password" }).click();
        await page.getByRole("heading", { name: "Your password has been changed" }).waitFor();
      }));

    test("/outbox: a login and the list", () =>
      withPage(async (page) => {
        await page.goto(`${proxy.url}/outbox`);
        await page.getByLabel("Username or").fill("mscott@dm.com");
        await page.getByLabel("Password").fill(PASSWORD);
        await page.getByRole("button", { name: "Log in" }).click();
        await page.getByText("pbeesly@dm.com").first().waitFor();
      }));
  });
});
