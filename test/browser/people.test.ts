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
  "“my address is x@y, I cannot log in”: the account is found, its invitation failed, and it is sent again",
  async () => {
    await using app = await startApplication();
    await using visit = await browser!.visit(DESK);
    const { page } = visit;
    app.smtp.behave(({ phase }) => (phase === "rcpt" ? { reply: "550 5.1.1 No such user here" } : null));
    await create(app, { name: "Kevin Malone", email: "kmalone@example.com", dept: "accounting" });
    await until(async () => (await app.sql`select 1 from message where state = 'failed'`).length === 1);
    await signIn(page, app.url);

    // By keyboard alone: the search has the focus, and a row is a link.
    await page.getByRole("link", { name: "Pam Beesly" }).waitFor();
    await page.keyboard.type("kmalone@example.com");
    await page.keyboard.press("Enter");
    await page.getByRole("link", { name: "Pam Beesly" }).waitFor({ state: "detached" });
    await page.getByRole("link", { name: "Kevin Malone" }).focus();
    await page.keyboard.press("Enter");
    const person = page.getByRole("dialog", { name: "Kevin Malone" });
    await person.getByText("its owner has not chosen a password yet").waitFor();
    await person.getByRole("tab", { name: "Account" }).press("ArrowRight");
    await person.getByText("the mail server refused it").waitFor();
    await person.locator("details summary").click();
    await person.getByText("550 5.1.1 No such user here").waitFor();
    expect(await findBarriers(page)).toEqual([]);

    app.smtp.behave(null);
    await person.getByRole("button", { name: "Send the invitation again" }).press("Enter");
    await person.locator(".done", { hasText: "A new invitation is on its way." }).waitFor();
    await app.received("kmalone@example.com");
    await person.locator("li", { hasText: "Invitation" }).first().getByText("sent", { exact: true }).waitFor();
    await person.getByRole("tab", { name: "History" }).click();
    await person.getByRole("row", { name: /Invitation sent again.*michael-scott/ }).waitFor();
    await page.keyboard.press("Escape");
    await person.waitFor({ state: "detached" });
    expect(await page.getByRole("textbox", { name: "Department" }).count()).toBe(1);
    expect(visit.consoleErrors).toEqual([]);
    expect(visit.foreignRequests).toEqual([]);
  },
  120_000,
);

test.skipIf(browser === null)(
  "an invitation that waits is seen to wait, and an address without an account shows its emails",
  async () => {
    await using app = await startApplication({ REGISTRATION: "on" });
    await using visit = await browser!.visit(DESK);
    const { page } = visit;
    await app.smtp.refuse();
    await create(app, { name: "Oscar Martinez", email: "omartinez@example.com", dept: "accounting" });
    await fetch(`${app.url}/register/`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ email: "newcomer@example.com" }),
    });
    await signIn(page, app.url);
    await search(page, "omartinez@");
    await page.getByRole("link", { name: "Oscar Martinez" }).click();
    await page.getByRole("tab", { name: "Emails" }).click();
    await page.getByRole("dialog").getByText("waiting").waitFor();
    await page.keyboard.press("Escape");
    await search(page, "newcomer@example.com");
    await page.getByText("No account matches.").waitFor();
    await page
      .getByRole("region", { name: "Emails to newcomer@example.com" })
      .getByText("Registration", { exact: true })
      .waitFor();
    expect(await findBarriers(page)).toEqual([]);
    expect(visit.consoleErrors).toEqual([]);
  },
  120_000,
);

test.skipIf(browser === null)(
  "a file of 1,500 rows with 7 bad ones is previewed, and nothing is written before it is confirmed; then it is done",
  async () => {
    await using app = await startApplication();
    await using visit = await browser!.visit(DESK);
    const { page } = visit;
    await signIn(page, app.url);
    await page.getByRole("button", { name: "Import a file" }).click();
    const dialog = page.getByRole("dialog", { name: "Import a file" });
    await dialog.getByLabel("CSV file").setInputFiles({ name: "old.csv", mimeType: "text/csv", buffer: latin1() });
    await dialog.getByText("The file is not UTF-8.").waitFor();
    await dialog.getByLabel("CSV file").setInputFiles({ name: "staff.csv", mimeType: "text/csv", buffer: staff() });
    await dialog.getByRole("button", { name: "7 with problems" }).waitFor();
    expect(await dialog.getByRole("row").count()).toBe(8);
    for (const [line, words] of [
      ["3", "email: "],
      ["15", "name: "],
      ["27", "locale: Give one of en, pt-BR."],
      ["39", 'The username "jim-halpert" is taken.'],
      ["51", "dept: "],
      ["63", "quote"],
      ["75", "username: "],
    ] as const) {
      expect(await dialog.getByRole("row", { name: new RegExp(`^${line} `) }).innerText()).toContain(words);
    }
    expect(await findBarriers(page)).toEqual([]);
    await dialog.getByRole("button", { name: "1,493 to create" }).click();
    expect(await dialog.getByRole("row").count()).toBe(101);
    await dialog.getByRole("button", { name: "Show 100 more" }).click();
    expect(await dialog.getByRole("row").count()).toBe(201);
    expect(await count(app)).toBe(5);

    await dialog.getByRole("button", { name: "Create 1,493 accounts" }).click();
    await dialog.getByRole("progressbar").waitFor();
    await dialog.locator(".done", { hasText: "1,493 created, 0 skipped, 7 not imported" }).waitFor();
    expect(await count(app)).toBe(1_498);
    const [invited] = await app.sql`select count(*)::int from message where kind = 'invitation'`;
    expect(invited).toEqual({ count: 1_493 });

    // The same file again would create nothing.
    await dialog.getByRole("button", { name: "Choose another file" }).click();
    await dialog.getByLabel("CSV file").setInputFiles({ name: "staff.csv", mimeType: "text/csv", buffer: staff() });
    await dialog.getByText("No row of this file creates an account.").waitFor();
    expect(await dialog.getByRole("button", { name: /^Create/ }).count()).toBe(0);
    expect(visit.consoleErrors).toEqual([]);
    expect(visit.foreignRequests).toEqual([]);
  },
  150_000,
);

test.skipIf(browser === null)(
  "an account is added, made a superuser, moved, disabled, enabled and deleted, each after a question",
  async () => {
    await using app = await startApplication();
    await using visit = await browser!.visit(DESK);
    const { page } = visit;
    await signIn(page, app.url);
    await page.getByRole("button", { name: "Add a person" }).click();
    const form = page.getByRole("dialog", { name: "Add a person" });
    await form.getByLabel("Name", { exact: true }).fill("Toby Flenderson");
    await form.getByLabel("Email address").fill("toby@example.com");
    await form.getByLabel("Department").fill("management");
    expect(await form.getByLabel("Superuser").isChecked()).toBe(true);
    await form.getByLabel("Superuser").uncheck();
    await form.getByLabel("Set a password now").check();
    await form.getByLabel("Password", { exact: true }).fill("short");
    await form.getByRole("button", { name: "Add" }).click();
    await form.getByRole("alert").getByText("at least 12").waitFor();
    await form.getByLabel("Password", { exact: true }).fill("the fog over a harbour");
    await form.getByRole("button", { name: "Add" }).click();

    const person = page.getByRole("dialog", { name: "Toby Flenderson" });
    await person.getByText("unverified", { exact: true }).waitFor();
    await person.getByRole("button", { name: "Make a superuser" }).click();
    const question = page.getByRole("alertdialog");
    await question.getByLabel("Your own password").fill("not my password");
    await question.getByRole("button", { name: "Make a superuser" }).click();
    await question.getByText("The current password is wrong.").waitFor();
    await question.getByLabel("Your own password").fill(PASSWORD);
    await question.getByRole("button", { name: "Make a superuser" }).click();
    await person.locator(".done", { hasText: "The account is a superuser now." }).waitFor();
    await app.received("toby@example.com");

    await person.getByRole("button", { name: "Remove as superuser" }).click();
    await question.getByLabel("Your own password").fill(PASSWORD);
    await question.getByRole("button", { name: "Remove as superuser" }).click();
    await person.locator(".done", { hasText: "no longer a superuser" }).waitFor();
    await person.getByRole("button", { name: "Change address" }).click();
    await question.getByLabel("New email address").fill("toby@elsewhere.example.com");
    await question.getByLabel("Your own password").fill(PASSWORD);
    await question.getByRole("button", { name: "Change address" }).click();
    await person.locator(".done", { hasText: "The address is now toby@elsewhere.example.com." }).waitFor();
    await person.getByRole("button", { name: "Disable" }).click();
    await page.keyboard.press("Escape");
    await person.getByText("unverified", { exact: true }).waitFor();
    await person.getByRole("button", { name: "Disable" }).click();
    await question.getByRole("button", { name: "Disable the account" }).click();
    await person.getByText("disabled", { exact: true }).waitFor();
    expect(await person.getByRole("button", { name: "Change address" }).count()).toBe(0);
    await person.getByRole("button", { name: "Enable" }).click();
    await question.getByRole("button", { name: "Enable the account" }).click();
    await person.getByText("unverified", { exact: true }).waitFor();
    await person.getByRole("button", { name: "Delete" }).click();
    await question.getByRole("button", { name: "Delete the account" }).click();
    await person.waitFor({ state: "detached" });
    expect(await count(app)).toBe(5);
    expect(visit.consoleErrors.filter((words) => !/422|403/.test(words))).toEqual([]);
  },
  150_000,
);

test.skipIf(browser === null)(
  "who is no superuser is refused and logged out, and a wrong password is said in the language of the browser",
  async () => {
    await using app = await startApplication();
    await using visit = await browser!.visit({ ...DESK, locale: "pt-BR" });
    const { page } = visit;
    await page.goto(`${app.url}/people`);
    expect(await page.locator("html").getAttribute("lang")).toBe("pt-BR");
    await page.getByLabel("Nome de usuário ou e-mail").fill("pbeesly@dm.com");
    await page.getByLabel("Senha").fill("not the password");
    await page.getByRole("button", { name: "Entrar" }).click();
    await page.getByRole("alert").getByText("Nome de usuário ou senha incorretos.").waitFor();
    await page.getByLabel("Senha").fill(PASSWORD);
    await page.getByRole("button", { name: "Entrar" }).click();
    await page.getByRole("heading", { name: "Esta página é para superusuários" }).waitFor();
    expect(await findBarriers(page)).toEqual([]);
    expect(visit.consoleErrors.toSorted()).toEqual([`${refused(401)} (Unauthorized)`, `${refused(403)} (Forbidden)`]);
  },
  120_000,
);

for (const [device, shape] of [
  ["phone", PHONE],
  ["desk", DESK],
] as const) {
  for (const colorScheme of ["light", "dark"] as const) {
    for (const locale of ["en", "pt-BR"] as const) {
      test.skipIf(browser === null)(
        `every view fits and is accessible: ${device}, ${colorScheme}, ${locale}`,
        async () => {
          await using app = await startApplication();
          await create(app, { name: "A".repeat(40), email: `${"long".repeat(14)}@example.com`, dept: "management" });
          await using visit = await browser!.visit({ ...shape, colorScheme, locale });
          const { page } = visit;
          const say = (en: string, pt: string): string => (locale === "en" ? en : pt);
          const check = async (view: string): Promise<void> => {
            expect([view, await findBarriers(page)]).toEqual([view, []]);
            expect([view, await page.evaluate("document.documentElement.scrollWidth - innerWidth")]).toEqual([view, 0]);
            const wide =
              "[...document.querySelectorAll('dialog')].filter((one) => one.scrollWidth > one.clientWidth).length";
            expect([view, await page.evaluate(wide)]).toEqual([view, 0]);
            await shoot(page, `${view}.${device}.${colorScheme}.${locale}`);
          };
          const button = (en: string, pt: string) => page.getByRole("button", { name: say(en, pt), exact: true });
          await page.goto(`${app.url}/people`);
          await button("Log in", "Entrar").waitFor();
          await check("1-sign-in");
          await signIn(page, app.url, locale);
          await page.getByRole("link", { name: "Pam Beesly" }).waitFor();
          await check("2-list");
          await page.getByRole("link", { name: "A".repeat(40) }).click();
          await button("Send the invitation again", "Reenviar o convite").waitFor();
          await check("3-person");
          await page.getByRole("tab", { name: say("Emails", "E-mails") }).click();
          await page.locator("details summary").first().click();
          await page.locator(".timeline .event").nth(1).waitFor();
          await check("4-emails");
          await page.getByRole("tab", { name: say("History", "Histórico") }).click();
          await page.locator(".history tbody tr").first().waitFor();
          await check("5-history");
          await button("Change address", "Mudar e-mail").click();
          await check("6-change-address");
          await page.keyboard.press("Escape");
          await page.keyboard.press("Escape");
          await page.getByRole("link", { name: "Michael Scott" }).click();
          await page.getByRole("tab", { name: say("Sessions", "Sessões") }).click();
          await page.locator(".tab-panel tbody tr").first().waitFor();
          await check("7-sessions");
          await page.keyboard.press("Escape");
          await button("Add a person", "Adicionar pessoa").click();
          await page.getByRole("dialog").getByLabel(say("Department", "Departamento")).fill("management");
          await page.getByLabel(say("Your own password", "Sua própria senha")).waitFor();
          await check("8-add");
          await page.keyboard.press("Escape");
          await button("Import a file", "Importar arquivo").click();
          await check("9-import");
          const file = { name: "staff.csv", mimeType: "text/csv", buffer: staff() };
          await page.locator("input[type=file]").setInputFiles(file);
          await page.locator(".import-rows").waitFor();
          const taken = say('The username "jim-halpert" is taken.', "este nome de usuário já está em uso");
          await page.getByRole("row", { name: /^39 / }).getByText(taken).waitFor();
          await check("10-preview");
          await page.getByRole("button", { name: say("All 1,500", "Todas: 1.500") }).click();
          await check("11-all-rows");
          await page.keyboard.press("Escape");
          await page.getByLabel(say("Search", "Buscar")).first().fill("nobody@example.com");
          await page.keyboard.press("Enter");
          await page.getByText(say("No account matches.", "Nenhuma conta encontrada.")).waitFor();
          await check("12-nothing-found");
          expect(visit.consoleErrors).toEqual([]);
          expect(visit.foreignRequests).toEqual([]);
        },
        150_000,
      );
    }
  }
}

/** For a look at what was checked: `PICTURES=folder`. */
async function shoot(page: Page, name: string): Promise<void> {
  const folder = process.env["PICTURES"];
  if (folder) await page.screenshot({ path: `${folder}/${name}.png` });
}

async function signIn(page: Page, origin: string, locale: "en" | "pt-BR" = "en"): Promise<void> {
  if (!page.url().endsWith("/people")) await page.goto(`${origin}/people`);
  const pt = locale === "pt-BR";
  await page.getByLabel(pt ? "Nome de usuário ou e-mail" : "Username or email address").fill("mscott@dm.com");
  await page.getByLabel(pt ? "Senha" : "Password").fill(PASSWORD);
  await page.getByRole("button", { name: pt ? "Entrar" : "Log in" }).click();
}

async function search(page: Page, text: string): Promise<void> {
  await page.getByLabel("Search").first().fill(text);
  await page.keyboard.press("Enter");
}

async function create(app: Application, person: object): Promise<void> {
  const { access_token: token } = await app.logIn("michael-scott");
  const answer = await app.call("POST", "/user/", { token, json: person });
  expect(answer.status).toBe(201);
}

async function count({ sql }: Application): Promise<number> {
  const [row] = await sql`select count(*)::int from "user"`;
  return row!["count"];
}

/** 1,500 rows, of which every twelfth one from line 3 on is wrong in its own way, seven in all. */
function staff(): Buffer {
  const wrong = new Map([
    [3, "No Address;not-an-address;sales;;"],
    [15, ";nameless@example.com;sales;;"],
    [27, "Wrong Language;fr@example.com;sales;fr;"],
    [39, "Taken Name;taken@example.com;sales;;jim-halpert"],
    [51, `Long Department;dept@example.com;${"d".repeat(65)};;`],
    [63, '"Open quote;quote@example.com;sales;;'],
    [75, "Odd Name;odd@example.com;sales;;not a username"],
  ]);
  const rows = Array.from({ length: 1_500 }, (_, index) => {
    const line = index + 2;
    return wrong.get(line) ?? `Employee ${line};employee${line}@example.com;sales;${line % 2 ? "pt_BR" : "en"};`;
  });
  return Buffer.from(["Name;Email;Dept;Locale;Username", ...rows, ""].join("\r\n"));
}

const latin1 = (): Buffer => Buffer.from("name,email,dept\nJos\u00e9,jose@example.com,sales\n", "latin1");
