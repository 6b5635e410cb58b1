import { afterAll, expect, test } from "bun:test";
import { PASSWORD } from "../support/api.ts";
import { findBarriers, launchBrowser } from "../support/browser.ts";
import { startInboxStage } from "../support/stage.ts";

const browser = await launchBrowser();
afterAll(() => browser?.close());

for (const [device, shape] of [
  ["phone", { viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true }],
  ["desk", { viewport: { width: 1280, height: 800 } }],
] as const) {
  for (const colorScheme of ["light", "dark"] as const) {
    test.skipIf(browser === null)(
      `the front page and the development pages lead to each other: ${device}, ${colorScheme}`,
      async () => {
        await using stage = await startInboxStage();
        await using visit = await browser!.visit({ ...shape, colorScheme });
        const { page } = visit;
        const checkOverflow = async (): Promise<void> => {
          expect(await page.evaluate("document.documentElement.scrollWidth - innerWidth")).toBe(0);
        };
        await page.goto(stage.origin);
        await page.getByRole("heading", { name: "Accounts" }).waitFor();
        expect(await findBarriers(page)).toEqual([]);
        await checkOverflow();

        await page.getByRole("link", { name: "API docs", exact: true }).click();
        await page.getByRole("button", { name: "Authorize" }).first().waitFor();
        await checkOverflow();
        await page.getByRole("link", { name: "Inbox", exact: true }).click();
        await page.getByRole("heading", { name: "No emails yet" }).waitFor();
        expect(await findBarriers(page)).toEqual([]);
        await checkOverflow();
        await page.getByRole("link", { name: "Outbox", exact: true }).click();
        await page.getByRole("button", { name: "Log in" }).waitFor();
        expect(await findBarriers(page)).toEqual([]);
        await checkOverflow();
        await page.getByLabel("Username or email address").fill("mscott@dm.com");
        await page.getByLabel("Password").fill(PASSWORD);
        await page.getByRole("button", { name: "Log in" }).click();
        await page.getByText("No messages yet.").waitFor();
        expect(await findBarriers(page)).toEqual([]);
        await checkOverflow();
        await page.getByRole("link", { name: "People", exact: true }).click();
        await page.getByRole("button", { name: "Log in" }).waitFor();
        expect(await findBarriers(page)).toEqual([]);
        await checkOverflow();
        await page.getByRole("link", { name: "Start page", exact: true }).click();
        await page.getByRole("link", { name: "Reset your password" }).click();
        await page.getByRole("heading", { name: "Reset your password" }).waitFor();
        expect(visit.consoleErrors).toEqual([]);
        expect(visit.foreignRequests).toEqual([]);
      },
      60_000,
    );
  }
}
