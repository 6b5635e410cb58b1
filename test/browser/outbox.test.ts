import { afterAll, expect, test } from "bun:test";
import type { Page } from "playwright-core";
import { startApplication, type Application } from "../support/application.ts";
import { findBarriers, launchBrowser } from "../support/browser.ts";
import { PASSWORD } from "../support/client.ts";
import { until } from "../support/waiting.ts";

const browser = await launchBrowser();
afterAll(() => browser?.close());

const PHONE = { viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true };
const DESK = { viewport: { width: 1280, height: 800 } };
/** What Chromium itself says of an answer over 399, whatever the page does with it. */
const refused = (status: number): string => `Failed to load resource: the server responded with a status of ${status}`;

test.skipIf(browser === null)(
  "an operator watches an SMTP outage begin and end",
  async () => {
    await using app = await startApplication();
    await using visit = await browser!.visit(DESK);
    const { page } = visit;
    await signIn(page, app.url);
    await page.getByText("Breaker closed: sending").waitFor();
    await page.getByText("No messages yet.").waitFor();

    await app.smtp.refuse();
    await ask(app, "pbeesly@dm.com", "jhalpert@dm.com", "amartin@dm.com");
    const alarm = page.getByRole("region", { name: "The SMTP server cannot be used" });
    await alarm.getByText("ECONNREFUSED").waitFor();
    await page.getByText("Breaker open").waitFor();
    await page.getByRole("status").getByText("The SMTP server cannot be used.").waitFor({ state: "attached" });
    await page.getByRole("row", { name: "security 3" }).waitFor();
    await page.getByRole("link", { name: "pbeesly@dm.com" }).click();
    await page.getByText("Attempt 1: transport down at connect").or(page.getByText("Attempt 1 when")).waitFor();
    await page.getByText("when the SMTP server can be used again").waitFor();
    await page.keyboard.press("Escape");

    await app.smtp.open();
    await alarm.waitFor({ state: "detached" });
    await page.getByRole("row", { name: "security 0" }).waitFor();
    await page.getByText("Breaker closed: sending").waitFor();
    await page.getByText("When it last failed: ").waitFor();
    await page.getByRole("status").getByText("Mail is being sent.").waitFor({ state: "attached" });
    for (const address of ["pbeesly@dm.com", "jhalpert@dm.com", "amartin@dm.com"]) {
      await rowOf(page, address).getByText("sent").waitFor();
    }
    expect(app.smtp.accepted()).toHaveLength(3);
    expect(await findBarriers(page)).toEqual([]);
    expect(visit.consoleErrors).toEqual([]);
    expect(visit.foreignRequests).toEqual([]);
  },
  60_000,
);

test.skipIf(browser === null)(
  "an operator sees what the doctor says, with the SMTP server's words as text",
  async () => {
    await using app = await startApplication();
    await using visit = await browser!.visit(DESK);
    const { page } = visit;
    await signIn(page, app.url);
    app.smtp.behave(({ phase }) =>
      phase === "greeting" ? { reply: `554 5.7.1 <img src=x onerror="document.title='owned'"> Go away` } : null,
    );
    await page.getByRole("button", { name: "Check-up" }).click();
    const dialog = page.getByRole("dialog", { name: "Check-up" });
    await dialog
      .getByText(/^Faults: 1\. Warnings: \d+\.$/)
      .first()
      .waitFor();
    await dialog.getByRole("row", { name: /^ok database PostgreSQL/ }).waitFor();
    await dialog.getByRole("row", { name: /^fault SMTP .*<img src=x/ }).waitFor();
    expect(await page.title()).not.toBe("owned");
    expect(await findBarriers(page)).toEqual([]);
    await dialog.getByRole("button", { name: "Close" }).click();
    expect(visit.consoleErrors).toEqual([]);
  },
  60_000,
);

test.skipIf(browser === null)(
  "a refused message shows the server's reply as text, and goes out when it is retried",
  async () => {
    await using app = await startApplication();
    await using visit = await browser!.visit(DESK);
    const { page } = visit;
    await signIn(page, app.url);
    app.smtp.behave(({ phase }) =>
      phase === "rcpt" ? { reply: `550 5.1.1 <img src=x onerror="document.title='owned'"> No such user` } : null,
    );
    await ask(app, "dschrute@dm.com");
    await rowOf(page, "dschrute@dm.com").getByText("rejected").waitFor();
    await page.getByRole("button", { name: "failed rejected" }).click();
    await page.getByRole("button", { name: "Remove the filter for the reason rejected" }).waitFor();
    await page.getByRole("link", { name: "dschrute@dm.com" }).click();

    const message = page.getByRole("dialog", { name: "Password reset" });
    await message.getByText("The SMTP server refused it for good.").waitFor();
    await message.getByText("Attempt 1: rejected at RCPT").waitFor();
    await message.getByText("550 5.1.1 <img src=x").waitFor();
    expect(await message.locator("img").count()).toBe(0);
    expect(await page.title()).toBe("Outbox · Dundie");
    expect(await findBarriers(page)).toEqual([]);

    await message.getByRole("tab", { name: "Email" }).click();
    const shown = page.frameLocator(".preview-frame").frameLocator("iframe");
    await shown.getByRole("heading", { name: "Reset your password" }).waitFor();
    await shown.getByRole("link").first().click();
    await shown.getByRole("heading", { name: "Reset your password" }).waitFor();
    expect(page.context().pages()).toHaveLength(1);
    await message.getByRole("tab", { name: "Email" }).press("ArrowRight");
    await message.getByRole("tabpanel", { name: "Plain text" }).getByText("/reset_password?pwd_reset_token=").waitFor();
    await message.getByRole("tab", { name: "Plain text" }).press("Home");

    const failed = new URLSearchParams(new URL(page.url()).hash.slice(1)).get("message");
    app.smtp.behave(null);
    await message.getByRole("button", { name: "Retry as a new message" }).click();
    await message.getByText("Accepted by the SMTP server").waitFor();
    await message.getByText(`Requested, as a retry of ${failed}`).waitFor();
    await message.getByText("250 2.0.0 Ok").waitFor();
    expect(app.smtp.accepted().map(({ recipient }) => recipient)).toEqual(["dschrute@dm.com"]);
    await page.goBack();
    await message.getByText("550 5.1.1").waitFor();
    await page.keyboard.press("Escape");
    await page.getByRole("button", { name: "Clear filters" }).click();
    await rowOf(page, "dschrute@dm.com").getByText("sent").waitFor();
    // What the sandbox refused to open for the link is what the console reports.
    expect(visit.consoleErrors.filter((words) => !words.includes("the request was made in a sandboxed frame"))).toEqual(
      [],
    );
    expect(visit.foreignRequests).toEqual([]);
  },
  60_000,
);

test.skipIf(browser === null)(
  "mail is paused and resumed, and what waits can be cancelled",
  async () => {
    await using app = await startApplication();
    await using visit = await browser!.visit(DESK);
    const { page } = visit;
    await signIn(page, app.url);
    await page.getByRole("button", { name: "Pause mail" }).click();
    const question = page.getByRole("alertdialog", { name: "Pause all mail?" });
    expect(await focused(page)).toBe("Keep sending");
    await page.keyboard.press("Escape");
    await question.waitFor({ state: "detached" });
    expect(await focused(page)).toBe("Pause mail");
    await page.keyboard.press("Enter");
    await question.getByRole("button", { name: "Pause mail" }).click();
    await page.getByRole("region", { name: "Mail is paused" }).getByText("By michael-scott").waitFor();

    await ask(app, "pbeesly@dm.com", "jhalpert@dm.com");
    await page.getByRole("row", { name: "security 2" }).waitFor();
    await page.getByRole("link", { name: "jhalpert@dm.com" }).click();
    const message = page.getByRole("dialog", { name: "Password reset" });
    await message.getByText("Attempt 1 when mail is resumed").waitFor();
    await message.getByRole("button", { name: "Cancel" }).click();
    await page.getByRole("alertdialog").getByRole("button", { name: "Cancel the message" }).click();
    await message.getByText("An operator cancelled it.").waitFor();
    await message.getByRole("button", { name: "Retry as a new message" }).waitFor();
    await page.keyboard.press("Escape");
    expect(app.smtp.emails).toEqual([]);

    await page.getByRole("button", { name: "Resume mail" }).click();
    await rowOf(page, "pbeesly@dm.com").getByText("sent").waitFor();
    await page.getByRole("region", { name: "Mail is paused" }).waitFor({ state: "detached" });
    expect(app.smtp.accepted().map(({ recipient }) => recipient)).toEqual(["pbeesly@dm.com"]);
    expect(visit.consoleErrors).toEqual([]);
  },
  60_000,
);

test.skipIf(browser === null)(
  "all messages that match are counted, retried at once, and the action is listed",
  async () => {
    await using app = await startApplication();
    await using visit = await browser!.visit(DESK);
    const { page } = visit;
    await signIn(page, app.url);
    await page.getByText("No messages yet.").waitFor();
    app.smtp.behave(({ phase }) => (phase === "rcpt" ? { reply: "550 5.1.1 No such user" } : null));
    await ask(app, "pbeesly@dm.com", "jhalpert@dm.com", "amartin@dm.com");
    await page.getByRole("button", { name: "failed rejected" }).click();
    for (const address of ["pbeesly@dm.com", "jhalpert@dm.com", "amartin@dm.com"]) {
      await rowOf(page, address).getByText("failed").waitFor();
    }
    app.smtp.behave(null);
    await page.getByRole("button", { name: "Clear filters" }).click();
    await page.getByLabel("Recipient").fill("BEES");
    await page.keyboard.press("Enter");
    await page.getByRole("link", { name: "jhalpert@dm.com" }).waitFor({ state: "detached" });
    await page.getByLabel("Recipient").fill("@dm.com");
    await page.keyboard.press("Enter");
    await page.getByRole("link", { name: "jhalpert@dm.com" }).waitFor();
    await page.getByRole("button", { name: "Retry or cancel all" }).click();
    const dialog = page.getByRole("dialog", { name: "All messages that match the filters" });
    await dialog.getByText("3 failed or cancelled messages").waitFor();
    await dialog.getByText("0 queued messages").waitFor();
    expect(await findBarriers(page)).toEqual([]);
    expect(app.smtp.accepted()).toEqual([]);
    await dialog.getByRole("button", { name: "Retry 3 messages" }).click();
    await dialog.getByText("3 of 3 queued again.").waitFor();
    await dialog.getByText("0 failed or cancelled messages").waitFor();
    await dialog.getByRole("button", { name: "Close" }).click();
    for (const address of ["pbeesly@dm.com", "jhalpert@dm.com", "amartin@dm.com"]) {
      await rowOf(page, address).getByText("sent").waitFor();
    }
    expect(app.smtp.accepted()).toHaveLength(3);

    await page.getByRole("button", { name: "Actions" }).click();
    const row = page.getByRole("dialog", { name: "Actions of operators" }).getByRole("row", { name: "michael-scott" });
    await row.getByText("Retried 3 messages with search @dm.com").waitFor();
    expect(await findBarriers(page)).toEqual([]);
    expect(visit.consoleErrors).toEqual([]);
  },
  60_000,
);

test.skipIf(browser === null)(
  "an address is suppressed and lifted, and a bad one is refused in place",
  async () => {
    await using app = await startApplication();
    await using visit = await browser!.visit(PHONE);
    const { page } = visit;
    await signIn(page, app.url);
    await page.getByRole("button", { name: "Suppressed", exact: true }).click();
    const dialog = page.getByRole("dialog", { name: "Suppressed addresses" });
    await dialog.getByText("No address is suppressed.").waitFor();
    await dialog.getByLabel("Address").fill("not an address");
    await page.keyboard.press("Enter");
    await dialog.getByRole("alert").getByText("not an email address").waitFor();
    await dialog.getByLabel("Address").fill("PBeesly@dm.com");
    await dialog.getByLabel("Why").fill("<b>on leave</b>");
    await page.keyboard.press("Enter");
    await dialog.getByRole("row", { name: "pbeesly@dm.com <b>on leave</b>" }).waitFor();
    await ask(app, "pbeesly@dm.com");
    await page.keyboard.press("Escape");
    await rowOf(page, "pbeesly@dm.com").getByText("suppressed").waitFor();
    await page.getByRole("button", { name: "Suppressed", exact: true }).click();
    await dialog.getByRole("button", { name: "Lift pbeesly@dm.com" }).click();
    await dialog.getByText("No address is suppressed.").waitFor();
    expect(visit.consoleErrors.filter((words) => !words.startsWith(refused(422)))).toEqual([]);
  },
  60_000,
);

test.skipIf(browser === null)(
  "who is no superuser is refused kindly and logged out; a wrong password says so in place",
  async () => {
    await using app = await startApplication();
    await using visit = await browser!.visit(DESK);
    const { page } = visit;
    await signIn(page, app.url, "pbeesly@dm.com");
    await page.getByRole("heading", { name: "The outbox is for superusers" }).waitFor();
    await page.getByText("pbeesly@dm.com has been logged out").waitFor();
    expect(await findBarriers(page)).toEqual([]);
    await until(async () => (await liveSessions(app)) === 0);

    await page.getByRole("button", { name: "Log in as someone else" }).click();
    await page.getByLabel("Username or email address").fill("mscott@dm.com");
    await page.getByLabel("Password").fill("not the password at all");
    await page.keyboard.press("Enter");
    await page.getByRole("alert").getByText("Incorrect username or password.").waitFor();
    await page.keyboard.type(PASSWORD);
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { name: "Messages" }).waitFor();
    expect(
      visit.consoleErrors.filter((words) => !words.startsWith(refused(401)) && !words.startsWith(refused(403))),
    ).toEqual([]);
  },
  60_000,
);

test.skipIf(browser === null)(
  "the login is kept in memory only, is refreshed once for all who need it, and ends with the page",
  async () => {
    await using app = await startApplication();
    await using visit = await browser!.visit(DESK);
    const { page } = visit;
    await signIn(page, app.url);
    await page.getByText("No messages yet.").waitFor();
    // A device token is no login: it lets the device of the owner try again while others guess at the password.
    const kept = "[Object.keys(localStorage), sessionStorage.length, document.cookie]";
    expect(await page.evaluate<unknown>(kept)).toEqual([["device-token"], 0, ""]);

    const refreshes: string[] = [];
    page.on("request", (request) => {
      if (request.url().endsWith("/refresh_token")) refreshes.push(request.url());
    });
    // As if the access token had expired: for every request that still has it.
    let expired: string | undefined;
    const turnedAway = new Set<string>();
    await page.route("**/message/**", async (route) => {
      const { authorization } = route.request().headers();
      expired ??= authorization;
      if (authorization !== expired) return route.continue();
      turnedAway.add(new URL(route.request().url()).pathname);
      await Bun.sleep(300);
      return route.fulfill({ status: 401, json: { detail: "expired" } });
    });
    await until(() => turnedAway.size > 0);
    await ask(app, "jhalpert@dm.com");
    await rowOf(page, "jhalpert@dm.com").getByText("sent").waitFor();
    await page.unrouteAll();
    expect(refreshes).toHaveLength(1);
    expect(await liveSessions(app)).toBe(1);

    await page.reload();
    await page.getByRole("button", { name: "Log in" }).waitFor();
    await until(async () => (await liveSessions(app)) === 0);

    await signIn(page, app.url);
    await page.getByRole("heading", { name: "Messages" }).waitFor();
    await app.sql`update session set revoked_at = now()`;
    await page.getByText("Your session has ended. Log in again to continue.").waitFor();
    expect(await page.getByLabel("Username or email address").inputValue()).toBe("mscott@dm.com");
    await page.getByLabel("Password").fill(PASSWORD);
    await page.keyboard.press("Enter");
    await rowOf(page, "jhalpert@dm.com").waitFor();
    await page.getByRole("button", { name: "Log out" }).click();
    await page.getByText("You are logged out.").waitFor();
    await until(async () => (await liveSessions(app)) === 0);
    expect(visit.consoleErrors.filter((words) => !words.startsWith(refused(401)))).toEqual([]);
  },
  60_000,
);

test.skipIf(browser === null)(
  "an access token is replaced before it ends",
  async () => {
    await using app = await startApplication();
    await using visit = await browser!.visit(DESK);
    const { page } = visit;
    await page.clock.install();
    await signIn(page, app.url);
    await page.getByText("No messages yet.").waitFor();
    const replaced = page.waitForResponse((response) => response.url().endsWith("/refresh_token"));
    // Of its 15 minutes.
    await page.clock.fastForward("12:30");
    expect((await replaced).status()).toBe(200);
    await page.getByText("Live", { exact: true }).waitFor();
    expect(visit.consoleErrors).toEqual([]);
  },
  60_000,
);

test.skipIf(browser === null)(
  "filters and pages lead to a message; they are kept in the address and sent to no server",
  async () => {
    await using app = await startApplication();
    await using visit = await browser!.visit(DESK);
    const { page } = visit;
    const queries: string[] = [];
    page.on("request", (request) => {
      if (request.isNavigationRequest()) queries.push(new URL(request.url()).search);
    });
    for (let number = 1; number <= 60; number += 1) await ask(app, `nobody${number}@example.com`);
    await ask(app, "amartin@dm.com");
    await signIn(page, app.url);
    await rowOf(page, "amartin@dm.com").getByText("sent").waitFor();
    const rows = page.getByRole("table", { name: "Messages" }).getByRole("row");
    expect(await rows.count()).toBe(51);
    await page.getByRole("button", { name: "Older" }).click();
    await page.getByText("Page 2, the last").waitFor();
    await page.getByRole("link", { name: "nobody1@example.com" }).waitFor();
    expect(await rows.count()).toBe(12);
    await page.getByRole("button", { name: "Newer" }).click();
    await page.getByText("Page 1", { exact: true }).waitFor();
    await page.getByRole("link", { name: "nobody60@example.com" }).waitFor();

    await page.getByLabel("State").selectOption("Sent");
    await page.getByRole("link", { name: "nobody60@example.com" }).waitFor({ state: "detached" });
    expect(await rows.count()).toBe(2);
    await page.getByLabel("State").selectOption("Any state");
    await page.getByLabel("Recipient").fill("nobody7@example.com");
    await page.keyboard.press("Enter");
    await page.getByRole("link", { name: "nobody7@example.com" }).waitFor();
    expect(await rows.count()).toBe(2);
    await page.getByLabel("Recipient").fill("angela-martin");
    await page.keyboard.press("Enter");
    await page.getByRole("link", { name: "amartin@dm.com" }).waitFor();
    await page.goBack();
    await page.getByRole("link", { name: "nobody7@example.com" }).waitFor();
    expect(await page.getByLabel("Recipient").inputValue()).toBe("nobody7@example.com");
    await page.getByLabel("Accepted", { exact: true }).selectOption("From … to …");
    await page.getByLabel("To", { exact: true }).fill("2020-01-01T00:00");
    await page.getByText("No message matches these filters.").waitFor();
    expect(await findBarriers(page)).toEqual([]);
    await page.getByRole("button", { name: "Show all messages" }).click();
    await page.getByRole("link", { name: "nobody60@example.com" }).waitFor();
    expect(new Set(queries)).toEqual(new Set([""]));
    expect(visit.consoleErrors).toEqual([]);
  },
  60_000,
);

test.skipIf(browser === null)(
  "rows stay where they are under the pointer, and arrows move along them",
  async () => {
    await using app = await startApplication();
    await using visit = await browser!.visit(DESK);
    const { page } = visit;
    await ask(app, "pbeesly@dm.com");
    await signIn(page, app.url);
    await rowOf(page, "pbeesly@dm.com").hover();
    await ask(app, "jhalpert@dm.com");
    await page.getByRole("button", { name: "1 newer message: show" }).waitFor();
    expect(await page.getByRole("link", { name: "jhalpert@dm.com" }).count()).toBe(0);
    // Without the pointer: where it goes on its way there, the rows are let go and the button with them.
    await page.getByRole("button", { name: "1 newer message: show" }).dispatchEvent("click");
    await page.mouse.move(0, 0);
    await rowOf(page, "jhalpert@dm.com").waitFor();
    await ask(app, "amartin@dm.com");
    await rowOf(page, "amartin@dm.com").waitFor();

    await page.getByRole("link", { name: "amartin@dm.com" }).focus();
    await page.keyboard.press("ArrowDown");
    await page.keyboard.press("j");
    expect(await focused(page)).toBe("pbeesly@dm.com");
    await page.keyboard.press("Enter");
    await page.getByRole("dialog", { name: "Password reset" }).getByText("pbeesly@dm.com").waitFor();
    await page.keyboard.press("Escape");
    expect(await focused(page)).toBe("pbeesly@dm.com");
  },
  60_000,
);

test.skipIf(browser === null)(
  "the page says when it lost the server, goes on by itself, and asks for nothing while it is hidden",
  async () => {
    await using app = await startApplication();
    await using visit = await browser!.visit(DESK);
    const { page } = visit;
    await signIn(page, app.url);
    await page.getByText("Live", { exact: true }).waitFor();
    await page.context().setOffline(true);
    await page.getByRole("region", { name: "The connection to the server is lost" }).waitFor();
    await page.getByText("No connection", { exact: true }).waitFor();
    expect(await findBarriers(page)).toEqual([]);
    await page.context().setOffline(false);
    await page.getByText("Live", { exact: true }).waitFor();

    await hide(page, true);
    let asked = 0;
    page.on("request", () => (asked += 1));
    await Bun.sleep(4_500);
    expect(asked).toBe(0);
    await hide(page, false);
    await until(() => asked > 0);
  },
  60_000,
);

for (const [device, shape] of [
  ["phone", PHONE],
  ["desk", DESK],
] as const) {
  for (const colorScheme of ["light", "dark"] as const) {
    test.skipIf(browser === null)(
      `every state of the outbox is free of barriers: ${device}, ${colorScheme}`,
      async () => {
        await using app = await startApplication();
        await using visit = await browser!.visit({ ...shape, colorScheme, reducedMotion: "reduce" });
        const { page } = visit;
        const barriers: string[] = [];
        const look = async (state: string): Promise<void> => {
          barriers.push(...(await findBarriers(page)).map((barrier) => `${state}: ${barrier}`));
          const overflow = await page.evaluate("document.documentElement.scrollWidth - innerWidth");
          if (overflow !== 0) barriers.push(`${state}: ${overflow} px too wide`);
        };
        await page.goto(`${app.url}/outbox`);
        await page.getByRole("button", { name: "Log in" }).waitFor();
        await look("logged out");
        await signIn(page, app.url);
        await page.getByText("No messages yet.").waitFor();
        await look("empty");
        await ask(app, "pbeesly@dm.com", "nobody@example.com");
        await rowOf(page, "pbeesly@dm.com").getByText("sent").waitFor();
        await page.getByText("As a table").click();
        await look("messages");
        await page.getByRole("link", { name: "pbeesly@dm.com" }).click();
        await page.getByText("Accepted by the SMTP server").waitFor();
        await look("timeline");
        await page.getByRole("tab", { name: "Email" }).click();
        await page.frameLocator(".preview-frame").frameLocator("iframe").getByRole("heading").waitFor();
        await look("preview");
        await page.getByRole("tab", { name: "Plain text" }).click();
        await look("text");
        await page.getByRole("button", { name: "Suppress address" }).click();
        await page.getByRole("alertdialog").waitFor();
        await look("question");
        await page.getByRole("button", { name: "Suppress", exact: true }).click();
        await page.getByRole("alertdialog").waitFor({ state: "detached" });
        await page.getByRole("button", { name: "Close" }).click();
        await page.getByRole("button", { name: "Suppressed", exact: true }).click();
        await page.getByRole("button", { name: "Lift pbeesly@dm.com" }).waitFor();
        await look("suppressed");
        await page.getByRole("button", { name: "Close" }).click();
        await page.getByRole("button", { name: "Pause mail" }).click();
        await page.getByRole("alertdialog").getByRole("button", { name: "Pause mail" }).click();
        await page.getByRole("region", { name: "Mail is paused" }).waitFor();
        await look("paused");
        expect(barriers).toEqual([]);
        expect(visit.consoleErrors).toEqual([]);
        expect(visit.foreignRequests).toEqual([]);
      },
      60_000,
    );
  }
}

async function signIn(page: Page, origin: string, username = "mscott@dm.com"): Promise<void> {
  await page.goto(`${origin}/outbox`);
  await page.getByLabel("Username or email address").fill(username);
  await page.getByLabel("Password").fill(PASSWORD);
  await page.getByRole("button", { name: "Log in" }).click();
}

/** The newest message to an address. */
const rowOf = (page: Page, address: string) =>
  page.getByRole("table", { name: "Messages" }).getByRole("row", { name: address }).first();

const focused = (page: Page) => page.evaluate<string>("document.activeElement.textContent");

/** Headless Chromium shows every page; so it is told what another tab on top would tell it. */
async function hide(page: Page, hidden: boolean): Promise<void> {
  await page.evaluate(
    `Object.defineProperty(document, "visibilityState", { configurable: true, value: "${hidden ? "hidden" : "visible"}" });
     document.dispatchEvent(new Event("visibilitychange"))`,
  );
}

/** Asks for password resets, in this order. */
async function ask(app: Application, ...addresses: string[]): Promise<void> {
  for (const email of addresses) expect((await app.requestReset(email)).status).toBe(200);
}

async function liveSessions({ sql }: Application): Promise<number> {
  const [row] = await sql<{ count: number }[]>`select count(*)::int from session where revoked_at is null`;
  return row?.count ?? 0;
}
