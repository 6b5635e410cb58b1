import { afterAll, expect, test } from "bun:test";
import { Elysia } from "elysia";
import nodemailer, { type SendMailOptions } from "nodemailer";
import { problems } from "../../src/http/problem.ts";
import { log } from "../../src/log.ts";
import { startInbox } from "../../src/mail/inbox/server.ts";
import { assetRoutes, loadAssets } from "../../src/web/assets.ts";
import { inboxPages } from "../../src/web/inbox.ts";
import { findBarriers, launchBrowser } from "../support/browser.ts";

const browser = await launchBrowser();
afterAll(() => browser?.close());

const PHONE = { viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true };
const DESK = { viewport: { width: 1280, height: 800 } };

for (const [device, shape] of [
  ["phone", PHONE],
  ["desk", DESK],
] as const) {
  for (const colorScheme of ["light", "dark"] as const) {
    test.skipIf(browser === null)(
      `every state of the inbox is free of barriers: ${device}, ${colorScheme}`,
      async () => {
        await using stage = await start();
        await using visit = await browser!.visit({ ...shape, colorScheme, reducedMotion: "reduce" });
        const { page } = visit;
        await page.goto(`${stage.origin}/inbox`);
        await page.getByRole("heading", { name: "No emails yet" }).waitFor();
        const barriers = await findBarriers(page);
        await stage.send({
          subject: "Reset your password",
          text: `Open ${stage.origin}/landing`,
          html: "<h1>Reset</h1>",
        });
        await page.getByRole("link", { name: "Reset your password" }).waitFor();
        barriers.push(...(await findBarriers(page)));
        await page.getByRole("link", { name: "Reset your password" }).click();
        for (const tab of ["HTML", "Text", "Headers", "Source"]) {
          await page.getByRole("tab", { name: tab }).click();
          await page.getByRole("tabpanel", { name: tab }).waitFor();
          barriers.push(...(await findBarriers(page)));
        }
        await page.keyboard.press("Escape");
        await page.getByRole("searchbox").fill("nothing like it");
        await page.getByText("No email matches").waitFor();
        barriers.push(...(await findBarriers(page)));
        await page.getByRole("button", { name: "Show all emails" }).click();
        await page.getByRole("button", { name: "Clear" }).click();
        await page.getByRole("alertdialog").waitFor();
        barriers.push(...(await findBarriers(page)));
        expect(barriers).toEqual([]);
        const overflow = await page.evaluate("document.documentElement.scrollWidth - innerWidth");
        expect(overflow).toBe(0);
        expect(visit.consoleErrors).toEqual([]);
        expect(visit.foreignRequests).toEqual([]);
      },
      30_000,
    );
  }
}

test.skipIf(browser === null)(
  "emails arrive by themselves, and keys are enough to read them",
  async () => {
    await using stage = await start();
    await using visit = await browser!.visit(DESK);
    const { page } = visit;
    await page.goto(`${stage.origin}/inbox`);
    await page.getByText("Live", { exact: true }).waitFor();
    for (const subject of ["first", "second", "third"]) await stage.send({ subject, text: `text of ${subject}` });
    await page.getByRole("heading", { name: "3 emails, 3 unread" }).waitFor();
    expect(await page.title()).toBe("(3) Development inbox");

    await page.keyboard.press("j");
    await page.keyboard.press("j");
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { name: "second" }).waitFor();
    await page.keyboard.press("k");
    await page.getByRole("heading", { name: "third" }).waitFor();
    await page.getByRole("heading", { name: "3 emails, 1 unread" }).waitFor();
    await page.keyboard.press("Escape");
    await page.getByText("Choose an email").waitFor();

    await page.keyboard.press("/");
    await page.keyboard.type("text first");
    await page.getByRole("heading", { name: "1 email found" }).waitFor();
    await page.keyboard.press("Escape");
    await page.getByRole("heading", { name: "3 emails, 1 unread" }).waitFor();

    await page.reload();
    await page.getByRole("heading", { name: "3 emails, 1 unread" }).waitFor();
    await page.getByRole("button", { name: "Clear" }).click();
    await page.getByRole("button", { name: "Delete all" }).click();
    await page.getByRole("heading", { name: "No emails yet" }).waitFor();
    expect(stage.inbox.list()).toEqual([]);
    expect(visit.consoleErrors).toEqual([]);
  },
  30_000,
);

test.skipIf(browser === null)(
  "an email's links open in a tab of their own that does not learn where it came from",
  async () => {
    await using stage = await start();
    await using visit = await browser!.visit(PHONE);
    const { page } = visit;
    const link = `${stage.origin}/landing?token=abc`;
    await stage.send({ subject: "links", text: link, html: `<p><a href="${link}">Choose a password</a></p>` });
    await page.goto(`${stage.origin}/inbox`);
    await page.getByRole("link", { name: "links" }).click();
    const opened = async (click: Promise<void>) => {
      const [popup] = await Promise.all([page.context().waitForEvent("page"), click]);
      await popup.waitForLoadState();
      const seen = [popup.url(), await popup.locator("body").textContent()];
      await popup.close();
      return seen;
    };
    const fromHtml = page.frameLocator("iframe").getByRole("link", { name: "Choose a password" });
    expect(await opened(fromHtml.click())).toEqual([link, "referrer: none"]);
    await page.getByRole("tab", { name: "Text" }).click();
    expect(await opened(page.getByRole("tabpanel").getByRole("link").click())).toEqual([link, "referrer: none"]);
    await page.getByRole("button", { name: "Emails" }).click();
    await page.getByRole("heading", { name: "1 email" }).waitFor();
    await page.goBack();
    await page.getByRole("heading", { name: "links" }).waitFor();
    expect(visit.consoleErrors).toEqual([]);
  },
  30_000,
);

test.skipIf(browser === null)(
  "a hostile email is shown as text, runs nothing and reaches nothing",
  async () => {
    await using stage = await start();
    await using visit = await browser!.visit(DESK);
    const { page } = visit;
    const attack = `<img src=x onerror="document.title='owned'"><script>parent.document.title='owned'</script>`;
    const html = `${attack}<form action="/landing"><button>go</button></form><iframe src="/landing"></iframe><p>end</p>
    <link rel="stylesheet" href="https://tracker.example/a.css"><img src="http://tracker.example/a.gif">`;
    await stage.send({ subject: attack, to: { name: attack, address: "pam@dm.com" }, text: attack, html });
    await page.goto(`${stage.origin}/inbox`);
    await page.getByRole("link", { name: "onerror" }).click();
    const frame = page.frameLocator("iframe");
    await frame.getByText("end").waitFor();
    await frame.getByRole("button").click();
    for (const tab of ["Text", "Headers", "Source"]) {
      await page.getByRole("tab", { name: tab }).click();
      expect(await page.getByRole("tabpanel").textContent()).toContain("onerror");
    }
    expect(await page.locator("main").locator("img, script, form").count()).toBe(0);
    expect(await page.title()).toBe("Development inbox");
    expect(stage.landings()).toBe(0);
    expect(visit.foreignRequests).toEqual([]);
    // What the sandbox and the policies refused is what the console reports.
    expect(visit.consoleErrors.join("\n")).toContain("Blocked script execution");
  },
  30_000,
);

test.skipIf(browser === null)(
  "the page finds its way back after the server was gone, and shows what it missed",
  async () => {
    await using stage = await start();
    await using visit = await browser!.visit(DESK);
    const { page } = visit;
    await page.goto(`${stage.origin}/inbox`);
    await page.getByText("Live", { exact: true }).waitFor();
    await stage.stopPages();
    await page.getByText("Reconnecting").waitFor();
    await stage.send({ subject: "missed", text: "missed" });
    stage.servePages();
    await page.getByRole("link", { name: "missed" }).waitFor();
    await page.getByText("Live", { exact: true }).waitFor();
  },
  30_000,
);

async function start() {
  const inbox = await startInbox();
  const assets = await loadAssets({ color: "#1f5eff" });
  const transport = nodemailer.createTransport({ url: inbox.smtpUrl, pool: true, maxRequeues: 0 });
  let landings = 0;
  const serve = (port: number) => {
    const shutdown = new AbortController();
    const app = new Elysia()
      .use(problems(log))
      .use(assetRoutes(assets))
      .use(inboxPages(inbox, { signal: shutdown.signal }))
      .get("/landing", ({ request }) => {
        landings += 1;
        return `referrer: ${request.headers.get("referer") ?? "none"}`;
      })
      .listen({ port, hostname: "127.0.0.1" });
    return { app, shutdown, port: app.server!.port! };
  };
  let pages = serve(0);
  const { port } = pages;
  const stopPages = async () => {
    pages.shutdown.abort();
    await pages.app.stop(true);
  };
  return {
    inbox,
    origin: `http://127.0.0.1:${port}`,
    landings: () => landings,
    send: (email: SendMailOptions) => transport.sendMail({ from: "no-reply@dm.com", to: "pam@dm.com", ...email }),
    stopPages,
    servePages: () => {
      pages = serve(port);
    },
    async [Symbol.asyncDispose]() {
      transport.close();
      await stopPages();
      await inbox.close();
    },
  };
}
