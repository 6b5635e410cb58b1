import { afterAll, beforeAll, expect, test } from "bun:test";
import type { Page } from "playwright-core";
import { PASSWORD, startApi, type TestApi } from "../support/api.ts";
import { findBarriers, launchBrowser } from "../support/browser.ts";
import { startApplication } from "../support/application.ts";
import { freePort } from "../support/ports.ts";

const browser = await launchBrowser();
let api: TestApi;
beforeAll(async () => {
  if (browser) api = await startApi({ REGISTRATION: "on" });
});
afterAll(async () => {
  await api?.[Symbol.asyncDispose]();
  await browser?.close();
});

const PHONE = { viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true };
const DESK = { viewport: { width: 1280, height: 800 } };
const NEW_PASSWORD = "a lighthouse in the fog";
/** What Chromium itself says of an answer over 399, whatever the page does with it. */
const REFUSED = /^Failed to load resource: the server responded with a status of (400|403|422)/;

for (const javaScriptEnabled of [true, false]) {
  test.skipIf(browser === null)(
    `forgot, mail, link, new password, login: ${javaScriptEnabled ? "with" : "without"} JavaScript`,
    async () => {
      await using stage = await start();
      await using visit = await browser!.visit({ ...DESK, javaScriptEnabled });
      const { page } = visit;
      await page.goto(`${stage.url}/reset_password`);
      await page.getByLabel("Email address").fill("pbeesly@dm.com");
      await page.getByRole("button", { name: "Send me a link" }).click();
      await page.getByRole("heading", { name: "Check your email" }).waitFor();

      // The inbox needs scripts; the link then opens as the email has it.
      await using reader = await browser!.visit(DESK);
      await reader.page.goto(`${stage.url}/inbox`);
      await reader.page.getByRole("link", { name: "Reset your Dundie password" }).click();
      const link = reader.page.frameLocator("iframe").getByRole("link", { name: "Choose a new password" });
      const address = (await link.getAttribute("href")) ?? "";
      expect(address).toStartWith(`${stage.url}/reset_password?pwd_reset_token=`);
      const token = address.split("=")[1] ?? "";

      const carriers: string[] = [];
      page.on("request", (request) => {
        if (`${request.url()}${JSON.stringify(request.headers())}`.includes(token)) carriers.push(request.url());
      });
      await page.goto(address);
      await page.getByText("For your Dundie account pam-beesly.").waitFor();
      if (javaScriptEnabled) expect(page.url()).toBe(`${stage.url}/reset_password`);
      await page.getByLabel("New password", { exact: true }).fill(NEW_PASSWORD);
      await page.getByLabel("Repeat new password").fill(NEW_PASSWORD);
      await page.getByRole("button", { name: "Change password" }).click();
      await page.getByRole("heading", { name: "Your password has been changed" }).waitFor();
      await page.getByText("Log in as pam-beesly with your new password.").waitFor();
      expect(page.url()).toBe(`${stage.url}/reset_password`);
      expect(await page.content()).not.toContain(token);
      // The one request that opened the link; nobody else was told, by no header.
      expect(carriers).toEqual([address]);

      await page.locator("main").getByRole("link", { name: "Log in" }).click();
      await page.waitForURL(`${stage.application}/`);
      await page.getByLabel("Username").fill("pam-beesly");
      await page.getByLabel("Password").fill(NEW_PASSWORD);
      await page.getByRole("button", { name: "Log in" }).click();
      await page.getByText("Logged in as pam-beesly.").waitFor();
      expect(await stage.tryLogIn("pbeesly@dm.com")).toBe(401);

      await page.goto(address);
      await page.getByRole("heading", { name: "This link no longer works" }).waitFor();
      await page.getByLabel("Email address").fill("pbeesly@dm.com");
      await page.getByRole("button", { name: "Send me a new link" }).click();
      await page.getByRole("heading", { name: "Check your email" }).waitFor();
      await page.getByRole("link", { name: "try again" }).click();
      await page.getByRole("heading", { name: "Reset your password" }).waitFor();
      for (const { consoleErrors, foreignRequests } of [visit, reader]) {
        expect(consoleErrors).toEqual([]);
        expect(foreignRequests).toEqual([]);
      }
    },
    60_000,
  );
}

test.skipIf(browser === null)(
  "the reset page is reloaded, left and come back to: this tab keeps the link until it is used",
  async () => {
    await api.call("POST", "/user/pwd_reset_token/", { json: { email: "amartin@dm.com" } });
    const token = (await api.deliver()).find(({ to }) => to === "amartin@dm.com")?.token ?? "";
    await using visit = await browser!.visit(DESK);
    const { page } = visit;
    const form = page.getByText("For your Dundie account angela-martin.");
    await page.goto(`${api.url}/reset_password?pwd_reset_token=${token}`);
    await form.waitFor();
    await page.waitForURL(`${api.url}/reset_password`);
    await page.reload();
    await form.waitFor();
    await page.waitForURL(`${api.url}/reset_password`);
    await page.goto(`${api.url}/docs`);
    await page.goto(`${api.url}/reset_password`);
    await form.waitFor();
    await page.waitForURL(`${api.url}/reset_password`);

    await page.getByLabel("New password", { exact: true }).fill(NEW_PASSWORD);
    await page.getByLabel("Repeat new password").fill(NEW_PASSWORD);
    await page.getByRole("button", { name: "Change password" }).click();
    await page.getByRole("heading", { name: "Your password has been changed" }).waitFor();
    await page.reload();
    await page.getByRole("heading", { name: "Reset your password" }).waitFor();
    expect(await page.evaluate(() => sessionStorage.length)).toBe(0);

    // A link that no longer works is not kept, so that a new one can be asked for.
    await page.goto(`${api.url}/reset_password?pwd_reset_token=${token}`);
    await page.getByRole("heading", { name: "This link no longer works" }).waitFor();
    await page.goto(`${api.url}/reset_password`);
    await page.getByRole("heading", { name: "Reset your password" }).waitFor();
    expect(visit.consoleErrors).toEqual([]);
  },
  60_000,
);

test.skipIf(browser === null)(
  "an invitation: a superuser makes an account, its owner opens the mail, chooses a password and logs in",
  async () => {
    await using stage = await start();
    await using visit = await browser!.visit(PHONE);
    const { page } = visit;
    await page.goto(`${stage.url}/inbox`);
    await page.getByRole("heading", { name: "No emails yet" }).waitFor();
    const { access_token: token } = await stage.logIn("michael-scott");
    const json = { name: "Kevin Malone", email: "kmalone@dm.com", dept: "accounting" };
    expect((await stage.call("POST", "/user/", { json, token })).status).toBe(201);
    // It arrives by itself.
    await page.getByRole("link", { name: "You're invited to Dundie" }).click();
    const shown = page.frameLocator("iframe");
    await shown.getByText("Your username is kevin-malone.").waitFor();
    const [form] = await Promise.all([
      page.context().waitForEvent("page"),
      shown.getByRole("link", { name: "Choose a password" }).click(),
    ]);
    await form.getByRole("heading", { name: "Choose your password" }).waitFor();
    await form.waitForURL(`${stage.url}/reset_password`);
    expect(await findBarriers(form)).toEqual([]);
    await form.getByLabel("Password", { exact: true }).fill(NEW_PASSWORD);
    await form.getByLabel("Repeat password").fill(NEW_PASSWORD);
    await form.getByRole("button", { name: "Set password" }).click();
    await form.getByRole("heading", { name: "Your account is ready" }).waitFor();
    expect(await findBarriers(form)).toEqual([]);
    expect(await stage.tryLogIn("kevin-malone", NEW_PASSWORD)).toBe(200);

    await page.getByRole("button", { name: "Emails" }).click();
    await page.getByRole("link", { name: "Your Dundie password was changed" }).click();
    await shown.getByText("with the link of your invitation").waitFor();
    expect(visit.consoleErrors).toEqual([]);
    expect(visit.foreignRequests).toEqual([]);
  },
  60_000,
);

for (const [device, shape] of [
  ["phone", PHONE],
  ["desk", DESK],
] as const) {
  for (const [colorScheme, locale] of [
    ["light", "en-GB"],
    ["dark", "pt-BR"],
  ] as const) {
    test.skipIf(browser === null)(
      `every state of the pages is free of barriers: ${device}, ${colorScheme}, ${locale}`,
      async () => {
        await using visit = await browser!.visit({ ...shape, colorScheme, locale, reducedMotion: "reduce" });
        const { page } = visit;
        const barriers: string[] = [];
        const check = async (state: string): Promise<void> => {
          for (const barrier of await findBarriers(page)) barriers.push(`${state}: ${barrier}`);
          const overflow = await page.evaluate("document.documentElement.scrollWidth - innerWidth");
          expect({ state, overflow }).toEqual({ state, overflow: 0 });
        };
        const at = (path: string) => page.goto(api.url + path);
        const { email, username } = await person();

        await at("/");
        await check("front page");
        await at("/reset_password");
        await check("ask");
        await page.locator("#email").fill("nobody@");
        await page.locator("button").click();
        await page.locator("#email[aria-invalid=true]").waitFor();
        await check("bad address");
        await page.locator("#email").fill(email);
        await page.locator("button").click();
        await page.locator("form").waitFor({ state: "detached" });
        await check("asked");
        const token = await newestToken(email);
        await at(`/reset_password?pwd_reset_token=${token}`);
        await check("choose");
        await page.locator("#password").fill(`${username} 1`);
        await page.locator("#password_confirm").fill("x");
        await check("typing");
        await page.locator("button").click();
        await page.locator("#password_confirm[aria-invalid=true]").waitFor();
        await check("differ");
        await both(page, "password1234");
        await page.locator("button").click();
        await page.locator("#password[aria-invalid=true]").waitFor();
        await check("weak");
        await both(page, NEW_PASSWORD);
        await check("strong");
        await page.route("**/reset_password", (route) => route.fulfill({ status: 502, body: "Bad Gateway" }));
        await page.locator("button").click();
        await page.locator(".notice:not(:empty)").waitFor();
        await check("unreachable");
        await page.unroute("**/reset_password");
        await page.locator("button").click();
        await page.locator("form").waitFor({ state: "detached" });
        await check("done");
        await at(`/reset_password?pwd_reset_token=${token}`);
        await check("dead");

        const { access_token } = await api.logIn(username, NEW_PASSWORD);
        const json = { email: `new-${email}`, current_password: NEW_PASSWORD };
        expect((await api.call("POST", "/user/me/email/", { token: access_token, json })).status).toBe(200);
        const emails = await api.deliver();
        for (const [path, to] of [
          ["/confirm_email", `new-${email}`],
          ["/freeze_account", email],
        ] as const) {
          const link = `${path}?token=${emails.find((email) => email.to === to && email.token)?.token}`;
          await at(link);
          await check(path);
          await page.locator("button").click();
          await page.locator("form").waitFor({ state: "detached" });
          await check(`${path}, done`);
          await at(link);
          await check(`${path}, again`);
          await at(`${path}?token=x`);
          await check(`${path}, dead`);
        }
        expect(barriers).toEqual([]);
        expect(visit.consoleErrors.filter((line) => !REFUSED.test(line) && !line.includes("502"))).toEqual([]);
        expect(visit.foreignRequests).toEqual([]);
      },
      60_000,
    );
  }
}

test.skipIf(browser === null)(
  "rules and strength show as one types, in code points, and the keyboard is enough",
  async () => {
    await using visit = await browser!.visit(PHONE);
    const { page } = visit;
    const { email, username } = await person();
    await page.goto(`${api.url}/reset_password?pwd_reset_token=${await linkFor(email)}`);
    const strength = page.locator("#strength");
    const meter = page.locator("#meter");
    const seen = async (typed: string) => {
      await page.locator("#password").fill(typed);
      return [await strength.textContent(), await meter.getAttribute("data-strength")];
    };
    expect(await seen("")).toEqual(["0 of at least 12 characters", "0"]);
    expect(await seen("🦑🐙🦀")).toEqual(["3 of at least 12 characters", "1"]);
    expect(await seen("aaaaaaaaaaaaaaaa")).toEqual(["16 characters: too easy to guess", "1"]);
    expect(await seen("abcdefghijklmnop")).toEqual(["16 characters: too easy to guess", "1"]);
    expect(await seen("qwe4qwe4qwe4qwe4x")).toEqual(["17 characters: too easy to guess", "1"]);
    expect(await seen("tulip123456789")).toEqual(["14 characters: too easy to guess", "1"]);
    expect(await seen("river-tulip-99")).toEqual(["14 characters: good", "3"]);
    expect(await seen(NEW_PASSWORD)).toEqual(["23 characters: strong", "4"]);
    expect(await page.locator(".rules [data-met]").count()).toBe(3);
    expect(await page.locator("#rule-own").textContent()).toStartWith("Met: ");
    expect(await seen(`${username}!`)).toEqual([
      "1 of at least 12 characters, not counting your name or username",
      "1",
    ]);
    await page.locator("#rule-own[data-broken]").waitFor();
    expect(await page.locator("#rule-own").textContent()).toStartWith("Not met yet: ");

    // Pasted, shown, repeated, sent: without a mouse.
    await page.locator("#password").fill("");
    await page.locator("#password").focus();
    await page.evaluate(`document.execCommand("insertText", false, ${JSON.stringify(NEW_PASSWORD)})`);
    await page.keyboard.press("Tab");
    await page.keyboard.type(NEW_PASSWORD.slice(0, 5));
    expect(await page.locator("#password_confirm-hint").textContent()).toBe("");
    await page.keyboard.type("!");
    expect(await page.locator("#password_confirm-hint").textContent()).toBe("Passwords don't match yet");
    await page.keyboard.press("Backspace");
    await page.keyboard.type(NEW_PASSWORD.slice(5));
    expect(await page.locator("#password_confirm-hint").textContent()).toBe("Passwords match");
    await page.getByRole("status").getByText("Passwords match").waitFor();
    await page.keyboard.press("Tab");
    await page.keyboard.press("Space");
    expect(await page.locator("#password").getAttribute("type")).toBe("text");
    await page.keyboard.press("Space");
    expect(await page.locator("#password_confirm").getAttribute("type")).toBe("password");
    await page.keyboard.press("Tab");
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { name: "Your password has been changed" }).waitFor();
    // Who listens hears what became of it.
    expect(await page.locator("h1:focus").count()).toBe(1);
    expect(visit.consoleErrors).toEqual([]);
  },
  30_000,
);

for (const javaScriptEnabled of [true, false]) {
  test.skipIf(browser === null)(
    `a registration is completed at its link: ${javaScriptEnabled ? "with" : "without"} JavaScript`,
    async () => {
      await using visit = await browser!.visit({ ...PHONE, javaScriptEnabled });
      const { page } = visit;
      const email = `holly-${javaScriptEnabled ? "with" : "without"}@example.com`;
      await api.call("POST", "/register/", { json: { email } });
      await page.goto(`${api.url}/complete_registration?token=${await newestToken(email)}`);
      // The token leaves the address bar, and a reload brings it back.
      if (javaScriptEnabled) await page.reload();
      const submit = async (username: string): Promise<void> => {
        await page.getByLabel("Name", { exact: true }).fill("Holly Flax");
        await page.getByLabel("Username (optional)").fill(username);
        await page.locator("#password").fill(NEW_PASSWORD);
        await page.locator("#password_confirm").fill(NEW_PASSWORD);
        await page.getByRole("button", { name: "Create account" }).click();
      };
      await submit("jim-halpert");
      await page.getByText("The username jim-halpert is taken.").waitFor();
      expect(await page.getByLabel("Name", { exact: true }).inputValue()).toBe("Holly Flax");
      expect(await page.locator("#username[aria-invalid=true]").count()).toBe(1);
      await submit("");
      await page.getByRole("heading", { name: "Your account is ready" }).waitFor();
      expect((await api.logIn(email, NEW_PASSWORD)).access_token).toBeString();
      expect(visit.consoleErrors.filter((line) => !/status of 409/.test(line))).toEqual([]);
    },
    30_000,
  );
}

test.skipIf(browser === null)(
  "the server's reasons come in place: what was typed stays, the field gets the focus, the link stays good",
  async () => {
    await using visit = await browser!.visit(DESK);
    const { page } = visit;
    const { email, username } = await person();
    await page.goto(`${api.url}/reset_password?pwd_reset_token=${await linkFor(email)}`);
    const password = page.getByLabel("New password", { exact: true });
    await both(page, "password1234");
    await page.keyboard.press("Enter");
    await page.getByText("This is one of the most common passwords").waitFor();
    expect(await password.inputValue()).toBe("password1234");
    expect(await page.locator("#password:focus").count()).toBe(1);
    expect(await password.getAttribute("aria-describedby")).toContain("password-error");
    await page.keyboard.type("!");
    expect(await page.locator("#password-error").textContent()).toBe("");

    await password.fill(NEW_PASSWORD);
    await page.getByLabel("Repeat new password").fill(`${NEW_PASSWORD}!`);
    await page.keyboard.press("Enter");
    await page.getByText("The passwords don't match.").waitFor();
    expect(await page.locator("#password_confirm:focus").count()).toBe(1);
    // Mended in either field.
    await password.fill(`${NEW_PASSWORD}!`);
    expect(await page.locator("[aria-invalid=true]").count()).toBe(0);

    await page.route("**/reset_password", (route) => route.abort());
    await both(page, NEW_PASSWORD);
    await page.keyboard.press("Enter");
    await page.getByRole("alert").getByText("We can't reach the server.").waitFor();
    await page.unroute("**/reset_password");
    await page.getByRole("button", { name: "Change password" }).click();
    await page.getByRole("heading", { name: "Your password has been changed" }).waitFor();
    expect((await api.logIn(username, NEW_PASSWORD)).access_token).toBeString();
    expect(visit.consoleErrors.filter((line) => !REFUSED.test(line) && !line.includes("ERR_FAILED"))).toEqual([]);
  },
  30_000,
);

test.skipIf(browser === null)(
  "without JavaScript the reasons come with the page, the fields empty and the link still good",
  async () => {
    await using visit = await browser!.visit({ ...PHONE, javaScriptEnabled: false });
    const { page } = visit;
    const { email } = await person();
    await page.goto(`${api.url}/reset_password?pwd_reset_token=${await linkFor(email)}`);
    expect(await page.getByText("Show password").isVisible()).toBe(false);
    expect(await page.locator("#meter").isVisible()).toBe(false);
    expect(await page.getByText("At least 12 characters").isVisible()).toBe(true);
    await both(page, "password1234");
    await page.getByRole("button").click();
    await page.getByText("This is one of the most common passwords").waitFor();
    expect(await page.locator("#password").inputValue()).toBe("");
    expect(page.url()).toBe(`${api.url}/reset_password`);
    await both(page, NEW_PASSWORD);
    await page.getByRole("button").click();
    await page.getByRole("heading", { name: "Your password has been changed" }).waitFor();
    expect(visit.consoleErrors.filter((line) => !REFUSED.test(line))).toEqual([]);
  },
  30_000,
);

/** Every test has an account of its own. */
let made = 0;

async function person(): Promise<{ username: string; email: string }> {
  made += 1;
  const email = `viewer${made}@example.com`;
  const { access_token: token } = await api.logIn("michael-scott");
  const json = { name: `Viewer ${made}`, email, dept: "sales", password: PASSWORD };
  const created = await api.call("POST", "/user/", { token, json });
  return { username: created.body.username, email };
}

async function linkFor(email: string): Promise<string> {
  await api.call("POST", "/user/pwd_reset_token/", { json: { email } });
  return await newestToken(email);
}

async function newestToken(email: string): Promise<string> {
  const token = (await api.deliver()).findLast(({ to, token: link }) => to === email && link)?.token;
  if (!token) throw new Error(`No link came for ${email}.`);
  return token;
}

async function both(page: Page, password: string): Promise<void> {
  await page.locator("#password").fill(password);
  await page.locator("#password_confirm").fill(password);
}

/** dundie with its development inbox, and the application that people have accounts for. */
async function start() {
  await using stack = new AsyncDisposableStack();
  const port = freePort();
  const application = startLoginForm(`http://localhost:${port}`);
  stack.defer(() => application.stop());
  const app = stack.use(await startApplication({ PORT: String(port), SMTP_URL: "inbox", APP_URL: application.url }));
  const steps = stack.move();
  return { ...app, application: application.url, [Symbol.asyncDispose]: () => steps.disposeAsync() };
}

/** What people log in to: a form that asks the API for tokens. */
function startLoginForm(api: string) {
  const form = `<!doctype html><html lang="en"><title>Application</title><form method="post">
    <label>Username <input name="username"></label><label>Password <input name="password" type="password"></label>
    <button>Log in</button></form></html>`;
  const server = Bun.serve({
    hostname: "localhost",
    port: 0,
    routes: {
      "/": {
        GET: () => new Response(form, { headers: { "content-type": "text/html" } }),
        POST: async (request) => {
          const body = new URLSearchParams(await request.text());
          const answer = await fetch(`${api}/token`, { method: "POST", body });
          return new Response(answer.ok ? `Logged in as ${body.get("username")}.` : "Not logged in.");
        },
      },
      "/favicon.ico": new Response(null, { status: 204 }),
    },
  });
  return { url: `http://localhost:${server.port}`, stop: () => server.stop(true) };
}
