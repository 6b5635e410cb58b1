/**
 * `bun run screenshots [--only words] [--readme] [folder]`: every page in every state and every email, at 390 and 1280 px, light
 * and dark, for eyes to judge what no assertion can. The app, its courier and the SMTP server are real; what takes an
 * hour in life is shifted back by it.
 */
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { parseArgs } from "node:util";
import type { BrowserContextOptions, Page } from "playwright-core";
import { KINDS } from "../../src/mail/kinds.ts";
import { LOCALES } from "../../src/mail/kinds.ts";
import { launchBrowser } from "../support/browser.ts";
import { type Stage, startInboxStage, startOutboxStage } from "../support/stage.ts";

const { values, positionals } = parseArgs({
  options: { only: { type: "string" }, readme: { type: "boolean" } },
  allowPositionals: true,
});
const folder = positionals[0] ?? "screenshots";
const { only = "" } = values;
const wanted = (name: string): boolean => name.startsWith(only);
/** Whether any name that begins so is wanted. */
const wantsAny = (...beginnings: string[]): boolean =>
  beginnings.some((beginning) => beginning.startsWith(only) || only.startsWith(beginning));

const DEVICES = {
  390: { viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true },
  1280: { viewport: { width: 1280, height: 720 } },
} satisfies Record<number, BrowserContextOptions>;
const LOOKS = ([390, 1280] as const).flatMap((width) =>
  (["light", "dark"] as const).map((colorScheme) => ({ width, colorScheme })),
);
type Look = (typeof LOOKS)[number];

/** What the README shows: of these the part in view goes to `docs/images`, when `--readme` is given. */
const README: Readonly<Record<string, string>> = {
  "inbox-3-html.1280.light": "inbox",
  "outbox-8-outage.1280.light": "outbox-outage",
  "outbox-3-message-greylisted.1280.light": "outbox-message",
};
const README_VIEW = { width: 1024, height: 600 };
const IMAGES = join(import.meta.dir, "../../docs/images");

const NEW_PASSWORD = "a lighthouse in the fog";

/** Rows that an import finds wrong, among good ones. */
const STAFF_FILE = [
  "name;email;dept;locale",
  ...Array.from({ length: 40 }, (_, n) => `Branch Employee ${n + 1};branch${n + 1}@dm.com;sales;pt-BR`),
  "Without Address;nowhere;sales;",
  ";nameless@dm.com;sales;",
  "Pam Beesly;pbeesly@dm.com;reception;",
  "Wrong Language;wrong@dm.com;sales;fr",
  "New Manager;manager@dm.com;management;en",
].join("\n");

const browser = await launchBrowser();
if (!browser) process.exit(1);
await mkdir(folder, { recursive: true });
if (values.readme) await mkdir(IMAGES, { recursive: true });
let taken = 0;

/** Runs the steps once for each look, in a browser of its own each time. */
async function inEveryLook(
  steps: (page: Page, take: (name: string) => Promise<void>, look: Look) => Promise<void>,
  options: BrowserContextOptions = {},
): Promise<void> {
  for (const look of LOOKS) {
    const { width, colorScheme } = look;
    await using visit = await browser!.visit({ ...DEVICES[width], colorScheme, reducedMotion: "reduce", ...options });
    const take = async (name: string): Promise<void> => {
      if (!wanted(name)) return;
      // A dialog lies over what is in view, not over the page.
      const fullPage = (await visit.page.locator("dialog[open], .dialog-ux").count()) === 0;
      await visit.page.screenshot({ path: join(folder, `${name}.${width}.${colorScheme}.png`), fullPage });
      const shown = README[`${name}.${width}.${colorScheme}`];
      if (shown && values.readme) await takeForReadme(visit.page, join(IMAGES, `${shown}.png`));
      taken += 1;
    };
    await steps(visit.page, take, look);
    for (const complaint of visit.foreignRequests) console.warn(`Wanted to leave this machine: ${complaint}`);
  }
}

if (wantsAny("front", "reset", "invitation", "link", "inbox", "docs")) {
  await using stage = await startInboxStage();
  await frontPages(stage);
  await inboxPages(stage);
  await resetPages(stage, "en");
  await resetPages(stage, "pt-BR");
  await invitationPages(stage);
  await linkPages(stage);
  await docsPages(stage);
}
if (wantsAny("outbox")) {
  await using stage = await startOutboxStage();
  await outboxPages(stage);
}
if (wantsAny("people")) {
  await using stage = await startOutboxStage();
  await stage.anHourOfMail();
  for (const locale of ["en", "pt-BR"] as const) await peoplePages(stage, locale);
}
if (wantsAny("email")) await emails();
await browser.close();
console.log(`${taken} pictures in ${folder}`);
process.exit(0);

async function frontPages(stage: Stage): Promise<void> {
  for (const locale of ["en", "pt-BR"]) {
    await inEveryLook(
      async (page, take) => {
        await page.goto(stage.origin);
        await take(locale === "en" ? "front" : "front-pt");
      },
      { locale },
    );
  }
}

async function resetPages(stage: Stage, locale: "en" | "pt-BR"): Promise<void> {
  const name = (state: string): string => (locale === "en" ? `reset-${state}` : `reset-pt-${state}`);
  await inEveryLook(
    async (page, take) => {
      const { email } = await stage.person();
      await page.goto(`${stage.origin}/reset_password`);
      await take(name("1-ask"));
      await page.locator("#email").fill("pam@");
      await page.locator("button").click();
      await page.locator("#email[aria-invalid=true]").waitFor();
      await take(name("2-bad-address"));
      await page.locator("#email").fill(email);
      await page.locator("button").click();
      await page.locator("form").waitFor({ state: "detached" });
      await take(name("3-asked"));
      const link = await stage.linkFor(email);
      await page.goto(link);
      await page.locator("html.scripted").waitFor();
      await take(name("4-choose"));
      await page.locator("#password").fill("river-tulip-99");
      await page.locator("#password_confirm").fill("river-tulip-98");
      await take(name("5-typing"));
      await fillBoth(page, "password1234");
      await page.locator("button").click();
      await page.locator("#password[aria-invalid=true]").waitFor();
      await take(name("6-weak"));
      await fillBoth(page, NEW_PASSWORD);
      await page.locator("#show").check();
      await take(name("7-strong"));
      await page.locator("button").click();
      await page.locator("form").waitFor({ state: "detached" });
      await take(name("8-done"));
      await page.goto(link);
      await take(name("9-expired"));
    },
    { locale },
  );
}

async function invitationPages(stage: Stage): Promise<void> {
  await inEveryLook(async (page, take) => {
    const { email } = await stage.invite();
    await page.goto(await stage.linkFor(email));
    await page.locator("html.scripted").waitFor();
    await take("invitation-1-choose");
    await fillBoth(page, NEW_PASSWORD);
    await page.locator("button").click();
    await page.locator("form").waitFor({ state: "detached" });
    await take("invitation-2-done");
  });
}

async function linkPages(stage: Stage): Promise<void> {
  await inEveryLook(async (page, take) => {
    const { email, newEmail } = await stage.moveAddress();
    for (const [name, to] of [
      ["link-confirm", newEmail],
      ["link-freeze", email],
    ] as const) {
      const link = await stage.linkFor(to);
      await page.goto(link);
      await take(`${name}-1`);
      await page.locator("button").click();
      await page.locator("form").waitFor({ state: "detached" });
      await take(`${name}-2-done`);
      await page.goto(link);
      await take(`${name}-3-again`);
      await page.goto(`${link}x`);
      await take(`${name}-4-expired`);
    }
  });
}

async function inboxPages(stage: Stage): Promise<void> {
  await inEveryLook(async (page, take) => {
    await page.goto(`${stage.origin}/inbox`);
    await page.getByText("Live", { exact: true }).waitFor();
    await take("inbox-1-empty");
  });
  await stage.fillInbox();
  await inEveryLook(async (page, take) => {
    await page.goto(`${stage.origin}/inbox`);
    await page.getByText("Live", { exact: true }).waitFor();
    await page.getByRole("link", { name: "You're invited to Dundie" }).first().waitFor();
    await take("inbox-2-list");
    await page.getByRole("link", { name: "You're invited to Dundie" }).first().click();
    await page.frameLocator("iframe").getByRole("heading").waitFor();
    await take("inbox-3-html");
    for (const tab of ["Text", "Headers", "Source"]) {
      await page.getByRole("tab", { name: tab }).click();
      await page.getByRole("tabpanel", { name: tab }).waitFor();
      await take(`inbox-4-${tab.toLowerCase()}`);
    }
    await page.keyboard.press("Escape");
    await page.getByRole("searchbox").fill("michael");
    await page.getByRole("heading", { name: "found" }).waitFor();
    await take("inbox-5-search");
    await page.getByRole("searchbox").fill("nothing like it");
    await page.getByText("No email matches").waitFor();
    await take("inbox-6-no-match");
    await page.getByRole("button", { name: "Show all emails" }).click();
    await page.getByRole("button", { name: "Clear" }).click();
    await page.getByRole("alertdialog").waitFor();
    await take("inbox-7-clear");
  });
}

async function docsPages(stage: Stage): Promise<void> {
  await inEveryLook(async (page, take) => {
    await page.goto(`${stage.origin}/docs`);
    const operation = page.locator("#operations-Passwords-requestPasswordReset");
    await operation.waitFor();
    await take("docs-1-list");
    await operation.locator(".opblock-summary-control").click();
    await operation.getByRole("button", { name: "Execute" }).click();
    await operation.locator(".live-responses-table").first().waitFor();
    await take("docs-2-tried");
    await page.getByRole("button", { name: "Authorize" }).first().click();
    await page.locator("#oauth_username").waitFor();
    await take("docs-3-authorize");
  });
}

async function outboxPages(stage: Awaited<ReturnType<typeof startOutboxStage>>): Promise<void> {
  const { origin } = stage;
  const signIn = async (page: Page): Promise<void> => {
    await page.goto(`${origin}/outbox`);
    await page.getByLabel("Username or email address").fill("mscott@dm.com");
    await page.getByLabel("Password").fill(stage.password);
    await page.getByRole("button", { name: "Log in" }).click();
    await page.getByRole("heading", { name: "Messages" }).waitFor();
  };
  const open = async (page: Page, query: string): Promise<void> => {
    await page.getByLabel("Recipient").fill(query);
    await page.keyboard.press("Enter");
    await page.getByRole("table", { name: "Messages" }).getByRole("link", { name: query }).first().click();
    await page.getByRole("dialog").getByText("Requested").first().waitFor();
  };
  await inEveryLook(async (page, take) => {
    await page.goto(`${origin}/outbox`);
    await page.getByRole("button", { name: "Log in" }).waitFor();
    await take("outbox-0-sign-in");
    await signIn(page);
    await page.getByText("No messages yet.").waitFor();
    await take("outbox-1-empty");
  });
  const people = await stage.anHourOfMail();
  await inEveryLook(async (page, take) => {
    await signIn(page);
    await page.getByRole("table", { name: "Messages" }).getByRole("link").first().waitFor();
    await take("outbox-2-healthy");
    await open(page, people.greylisted);
    await take("outbox-3-message-greylisted");
    await page.getByRole("tab", { name: "Email" }).click();
    await page.frameLocator(".preview-frame").frameLocator("iframe").getByRole("heading").waitFor();
    await take("outbox-4-message-preview");
    await page.keyboard.press("Escape");
    await open(page, people.rejected);
    await take("outbox-5-message-rejected");
    await page.keyboard.press("Escape");
    await page.getByRole("button", { name: "Clear filters" }).click();
    await page.getByLabel("State").selectOption("Failed");
    await page
      .getByText("Page 1")
      .or(page.getByRole("link", { name: people.rejected }))
      .first()
      .waitFor();
    await take("outbox-6-filtered");
    await page.getByRole("button", { name: "Retry or cancel all" }).click();
    await page.getByRole("button", { name: "Retry 1 message" }).waitFor();
    await take("outbox-6-matching");
    await page.getByRole("button", { name: "Close" }).click();
    await page.getByRole("button", { name: "Actions" }).click();
    await page.getByRole("table").last().getByText("Suppressed tpacker@dm.com").waitFor();
    await take("outbox-7-actions");
    await page.getByRole("button", { name: "Close" }).click();
    await page.getByRole("button", { name: "Suppressed", exact: true }).click();
    await page
      .getByRole("button", { name: /^Lift / })
      .first()
      .waitFor();
    await take("outbox-7-suppressed");
  });
  await stage.outage();
  await inEveryLook(async (page, take) => {
    await signIn(page);
    await page.getByRole("region", { name: "The SMTP server cannot be used" }).waitFor();
    await page.getByRole("table", { name: "Messages" }).getByRole("link").first().waitFor();
    await take("outbox-8-outage");
    await open(page, people.waiting);
    await take("outbox-9-message-waiting");
  });
  await stage.recovery();
  await inEveryLook(async (page, take) => {
    await signIn(page);
    await page.getByText("When it last failed: ").first().waitFor();
    await take("outbox-10-recovered");
    await page.getByRole("button", { name: "Pause mail" }).click();
    await page.getByRole("alertdialog").getByRole("button", { name: "Pause mail" }).click();
    await page.getByRole("region", { name: "Mail is paused" }).waitFor();
    await take("outbox-11-paused");
    await page.getByRole("button", { name: "Resume mail" }).click();
    await page.getByRole("region", { name: "Mail is paused" }).waitFor({ state: "detached" });
  });
}

/** Out of `bun run emails`, which so shows that it works. */
async function emails(): Promise<void> {
  const preview = Bun.spawn([process.execPath, join(import.meta.dir, "../../emails/preview.ts"), "0"], {
    stdout: "pipe",
  });
  const { value } = await preview.stdout.getReader().read();
  const origin = /http:\/\/[^/\s]+/.exec(new TextDecoder().decode(value))?.[0];
  if (!origin) throw new Error("Cannot find where the preview listens.");
  await inEveryLook(async (page, take, { width, colorScheme }) => {
    for (const kind of Object.keys(KINDS)) {
      for (const locale of LOCALES) {
        await page.goto(`${origin}/${kind}/${locale}/${colorScheme}`);
        await take(`email-${kind}-${locale}`);
      }
    }
    if (width === 390) return;
    await page.goto(`${origin}/?kind=password_changed`);
    await page.frameLocator("iframe").last().getByRole("heading").waitFor();
    await take("email-preview");
  });
  preview.kill();
  await preview.exited;
}

/** Small enough for a page that is read in three minutes. */
async function takeForReadme(page: Page, path: string): Promise<void> {
  const before = page.viewportSize();
  if (before && before.width > README_VIEW.width) await page.setViewportSize(README_VIEW);
  await page.screenshot({ path });
  if (before) await page.setViewportSize(before);
}

async function fillBoth(page: Page, password: string): Promise<void> {
  await page.locator("#password").fill(password);
  await page.locator("#password_confirm").fill(password);
}

async function peoplePages(
  { origin, password }: Awaited<ReturnType<typeof startOutboxStage>>,
  locale: "en" | "pt-BR",
): Promise<void> {
  const pt = locale === "pt-BR";
  const say = (en: string, other: string): string => (pt ? other : en);
  await inEveryLook(
    async (page, takeNamed) => {
      const take = (name: string) => takeNamed(pt ? name.replace("people-", "people-pt-") : name);
      const button = (en: string, other: string) => page.getByRole("button", { name: say(en, other), exact: true });
      await page.goto(`${origin}/people`);
      await button("Log in", "Entrar").waitFor();
      await take("people-0-sign-in");
      await page.locator("input").first().fill("mscott@dm.com");
      await page.locator("input[type=password]").fill(password);
      await button("Log in", "Entrar").click();
      await page.getByRole("link", { name: "Angela Martin" }).waitFor();
      await take("people-1-list");
      await page.getByLabel(say("Search", "Buscar")).first().fill("cbratton@");
      await page.keyboard.press("Enter");
      await page.getByRole("link", { name: "Angela Martin" }).waitFor({ state: "detached" });
      await take("people-2-found");
      await page.getByRole("link", { name: "Creed Bratton" }).click();
      await page.getByRole("dialog").getByText("cbratton@dm.com").first().waitFor();
      await take("people-3-person");
      await page.getByRole("tab", { name: say("Emails", "E-mails") }).click();
      await page.getByRole("dialog").locator("details").first().click();
      await page.locator(".timeline .event").first().waitFor();
      await take("people-4-emails");
      await page.getByRole("tab", { name: say("History", "Histórico") }).click();
      await page.locator(".history tbody tr").first().waitFor();
      await take("people-5-history");
      await button("Change address", "Mudar e-mail").click();
      await take("people-6-change-address");
      await page.keyboard.press("Escape");
      await page.keyboard.press("Escape");
      await button("Clear filters", "Limpar filtros").click();
      await page.getByRole("link", { name: "Michael Scott" }).click();
      await page.getByRole("tab", { name: say("Sessions", "Sessões") }).click();
      await page.locator(".tab-panel tbody tr").first().waitFor();
      await take("people-7-sessions");
      await page.keyboard.press("Escape");
      await button("Add a person", "Adicionar pessoa").click();
      await page.getByLabel(say("Department", "Departamento")).last().fill("management");
      await page.getByLabel(say("Your own password", "Sua própria senha")).waitFor();
      await take("people-8-add");
      await page.keyboard.press("Escape");
      await button("Import a file", "Importar arquivo").click();
      await take("people-9-import");
      const file = { name: "staff.csv", mimeType: "text/csv", buffer: Buffer.from(STAFF_FILE) };
      await page.locator("input[type=file]").setInputFiles(file);
      await page.locator(".import-rows").waitFor();
      await take("people-10-preview");
      await page.getByRole("button", { name: say("All 45", "Todas: 45") }).click();
      await take("people-11-all-rows");
    },
    { locale },
  );
}
