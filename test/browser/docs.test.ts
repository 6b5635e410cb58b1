import { afterAll, beforeAll, expect, test } from "bun:test";
import { PASSWORD, startApi, type TestApi } from "../support/api.ts";
import { findBarriers, launchBrowser, type TestBrowser } from "../support/browser.ts";

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
    const operation = page.locator("#operations-My_account-getMyAccount");
    await operation.locator(".opblock-summary-control").click();
    await operation.getByRole("button", { name: "Execute" }).click();
    await operation.locator(".responses-table.live-responses-table").getByText("200", { exact: true }).waitFor();
    expect(await operation.locator(".live-responses-table").innerText()).toContain("mscott@dm.com");
    expect(visit.foreignRequests).toEqual([]);
    expect(visit.consoleErrors).toEqual([]);
  },
  60_000,
);

/** Of Swagger UI's markup, which is not ours to mend: everything else that axe-core looks for is. */
const SWAGGERS_OWN =
  /^(?:nested-interactive|heading-order|region|landmark-unique|label|button-name|label-content-name-mismatch|scrollable-region-focusable):/;

for (const [width, colorScheme] of [
  [390, "dark"],
  [1280, "light"],
  [1280, "dark"],
] as const) {
  test.skipIf(browser === null)(
    `what is ours of the page is free of barriers: ${width} px, ${colorScheme}`,
    async () => {
      await using visit = await browser!.visit({ viewport: { width, height: 900 }, colorScheme });
      const { page } = visit;
      const barriers: string[] = [];
      const check = async (): Promise<void> => {
        barriers.push(...(await findBarriers(page)).filter((barrier) => !SWAGGERS_OWN.test(barrier)));
      };
      await page.goto(`${api.url}/docs`);
      const operation = page.locator("#operations-Passwords-requestPasswordReset");
      await operation.waitFor();
      await check();
      await operation.locator(".opblock-summary-control").click();
      await operation.getByRole("button", { name: "Execute" }).click();
      await operation.locator(".live-responses-table").getByText("200", { exact: true }).waitFor();
      await check();
      await page.getByRole("button", { name: "Authorize" }).first().click();
      await page.locator("#oauth_username").waitFor();
      await check();
      // What our login ignores is not asked for.
      expect(
        await page
          .getByLabel(/client/i)
          .filter({ visible: true })
          .count(),
      ).toBe(0);
      expect(barriers).toEqual([]);
      expect(visit.consoleErrors).toEqual([]);
    },
    60_000,
  );
}
