import { afterAll, beforeAll, expect, test } from "bun:test";
import { PASSWORD, startApi, type TestApi } from "../support/api.ts";
import { launchBrowser, type TestBrowser } from "../support/browser.ts";

const browser: TestBrowser | null = await launchBrowser();
let api: TestApi;
beforeAll(async () => {
  api = await startApi();
});
afterAll(async () => {
  await api[Symbol.asyncDispose]();
  await browser?.close();
});

test.skipIf(browser === null)(
  "a newcomer authorizes as one of the demo staff and tries a locked route, and no request leaves the machine",
  async () => {
    await using visit = await browser!.visit({ viewport: { width: 1280, height: 900 } });
    const { page } = visit;
    await page.goto(`${api.url}/docs`);
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
    const operation = page.locator("#operations-My_account-getUserMe");
    await operation.locator(".opblock-summary-control").click();
    await operation.getByRole("button", { name: "Execute" }).click();
    await operation.locator(".responses-table.live-responses-table").getByText("200", { exact: true }).waitFor();
    expect(await operation.locator(".live-responses-table").innerText()).toContain("mscott@dm.com");
    expect(visit.foreignRequests).toEqual([]);
    expect(visit.consoleErrors).toEqual([]);
    await page.screenshot({ path: "/tmp/docs.png" });
  },
  60_000,
);
