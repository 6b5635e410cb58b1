/** A real Chromium for tests of pages. Requests that are not to loopback are refused and recorded. */
import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { type BrowserContextOptions, chromium, type Page } from "playwright-core";

export interface TestBrowser {
  /** A page in a context of its own: no cookies, storage or complaints of another test. */
  visit(options?: BrowserContextOptions): Promise<Visit>;
  close(): Promise<void>;
}

export interface Visit extends AsyncDisposable {
  readonly page: Page;
  /** What the page and its popups reported so far: console errors, CSP violations among them, uncaught exceptions. */
  readonly consoleErrors: string[];
  /** Requests that wanted to leave this machine; none of them did. */
  readonly foreignRequests: string[];
}

const FLAGS = [
  "--no-sandbox", // as root, in containers
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  // Second fence, for what is not a page's request: no name resolves but localhost.
  "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE 127.0.0.1, EXCLUDE [::1]",
];

/**
 * @returns null where there is no Chromium, after saying so: `test.skipIf(browser === null)`.
 * Looks at CHROMIUM_PATH, then at /usr/bin/chromium, then for `chromium` on PATH.
 */
export async function launchBrowser(): Promise<TestBrowser | null> {
  const executablePath = findChromium();
  if (executablePath === null) {
    console.warn("\n*** SKIPPED: no Chromium found. Install it or set CHROMIUM_PATH to run the browser tests. ***\n");
    return null;
  }
  const browser = await chromium.launch({ executablePath, args: FLAGS, headless: true });
  return {
    async visit(options = {}) {
      const context = await browser.newContext(options);
      const consoleErrors: string[] = [];
      const foreignRequests: string[] = [];
      await context.route(
        (url) => !isLocal(url),
        (route) => {
          foreignRequests.push(route.request().url());
          return route.abort("blockedbyclient");
        },
      );
      context.on("console", (message) => {
        if (message.type() === "error") consoleErrors.push(message.text());
      });
      context.on("weberror", (error) => consoleErrors.push(String(error.error())));
      const page = await context.newPage();
      return { page, consoleErrors, foreignRequests, [Symbol.asyncDispose]: () => context.close() };
    },
    close: () => browser.close(),
  };
}

/** @returns one line per finding of axe-core in the page as it stands, WCAG 2.2 AA and its best practices. */
export async function findBarriers(page: Page): Promise<string[]> {
  const axe = await Bun.file(createRequire(import.meta.url).resolve("axe-core/axe.min.js")).text();
  await page.evaluate(axe);
  const violations: { id: string; help: string; nodes: { target: string[]; failureSummary: string }[] }[] =
    await page.evaluate("axe.run(document, { iframes: false }).then((results) => results.violations)");
  return violations.flatMap(({ id, help, nodes }) =>
    nodes.map((node) => `${id}: ${help} at ${node.target.join(" ")} (${node.failureSummary})`),
  );
}

function findChromium(): string | null {
  const named = process.env["CHROMIUM_PATH"];
  if (named) return named;
  return existsSync("/usr/bin/chromium") ? "/usr/bin/chromium" : Bun.which("chromium");
}

const isLocal = ({ protocol, hostname }: URL): boolean =>
  ["data:", "blob:", "about:"].includes(protocol) || ["localhost", "127.0.0.1", "[::1]"].includes(hostname);
