/** `dundie create-user`, and its siblings: accounts from the command line. */
import { createInterface } from "node:readline/promises";
import { Writable } from "node:stream";
import { exportAccount } from "../accounts/export.ts";
import { normaliseAddress } from "../addresses.ts";
import { searchUsers, type ManagedUser } from "../accounts/user-search.ts";
import { deleteUser, disableUser, enableUser } from "../accounts/user-state.ts";
import { createUser } from "../accounts/users.ts";
import { InvalidInput, NotFound } from "../errors.ts";
import { LOCALES, localeOf } from "../mail/kinds.ts";
import { columns, defineCommand, oneLine, print, UsageError } from "./command.ts";
import { connected, OPERATOR } from "./connected.ts";
import { importUsersCommand } from "./import-users.ts";

const PAGE_ROWS = 500;

const createUserCommand = defineCommand({
  name: "create-user",
  synopsis: "--name NAME --email ADDRESS --dept DEPT [OPTIONS]",
  summary: "Create an account.",
  details: `
The password is asked for, or read from standard input when that is not a terminal.

  --name NAME          the name that people see
  --email ADDRESS      the address that its emails go to
  --dept DEPT          its department: management makes a superuser, any other one does not
  --superuser          make a superuser, in any department
  --username USERNAME  a username other than the one made from the name
  --locale LOCALE      the language of its emails: en or pt-BR (default: DEFAULT_LOCALE)
  --invite             do not ask for a password: email a link for choosing one
  --no-mail            send no welcome email`,
  options: {
    name: { type: "string" },
    email: { type: "string" },
    dept: { type: "string" },
    username: { type: "string" },
    superuser: { type: "boolean" },
    locale: { type: "string" },
    invite: { type: "boolean", default: false },
    "no-mail": { type: "boolean", default: false },
  },
  read({ name, email, dept, username, superuser, locale: typedLocale, invite, "no-mail": quiet }) {
    if (!name || !email || !dept) {
      const missing = [...(name ? [] : ["--name"]), ...(email ? [] : ["--email"]), ...(dept ? [] : ["--dept"])];
      throw new UsageError(`${missing.join(", ")} must be given.`);
    }
    if (!normaliseAddress(email)) throw new UsageError(`--email takes an email address, not '${email}'.`);
    const locale = typedLocale === undefined ? null : localeOf(typedLocale);
    if (locale === undefined)
      throw new UsageError(`--locale takes one of ${LOCALES.join(", ")}, not '${typedLocale}'.`);
    if (invite && quiet) throw new UsageError("--invite and --no-mail cannot be combined.");
    return connected(async (deps) => {
      const password = invite ? undefined : await readPassword();
      const person = { name, email, dept, username, superuser, locale, password };
      const created = await createUser(deps, null, person, OPERATOR, { quiet });
      return print(`created ${created.username}`);
    });
  },
});

const listUsersCommand = defineCommand({
  name: "list-users",
  synopsis: "[--dept DEPT]",
  summary: "List all accounts, or those of one department.",
  options: { dept: { type: "string" } },
  read: ({ dept }) =>
    connected(async ({ db }) => {
      const found: ManagedUser[] = [];
      for (let after: string | null = ""; after !== null;) {
        const page = await searchUsers(db, { dept, after, limit: PAGE_ROWS });
        found.push(...page.items);
        after = page.next;
      }
      return print(found.length > 0 ? table(found) : "no accounts");
    }),
});

const findUserCommand = defineCommand({
  name: "find-user",
  synopsis: "TEXT",
  summary: "List the accounts with this text in their name, address or username.",
  takes: ["TEXT"],
  read: (_, [text]) =>
    connected(async ({ db }) => {
      const { items: found } = await searchUsers(db, { text, limit: PAGE_ROWS });
      if (found.length === 0) throw new NotFound(`No account has '${text}' in its name, address or username.`);
      return print(table(found));
    }),
});

const disableUserCommand = defineCommand({
  name: "disable-user",
  synopsis: "USERNAME",
  summary: "Disable an account: its sessions and links end, and it cannot log in.",
  takes: ["USERNAME"],
  read: (_, [username = ""]) =>
    connected(async (deps) => {
      const disabled = await disableUser(deps, null, username, OPERATOR);
      return print(`disabled ${disabled.username}: its sessions and links have ended`);
    }),
});

const enableUserCommand = defineCommand({
  name: "enable-user",
  synopsis: "USERNAME [--email ADDRESS]",
  summary: "Enable a disabled or frozen account.",
  details: `
A frozen account has no password: its owner sets one by a password reset.

  --email ADDRESS  move it to this address, when it was frozen because of its address`,
  options: { email: { type: "string" } },
  takes: ["USERNAME"],
  read: ({ email }, [username = ""]) =>
    connected(async (deps) => {
      const enabled = await enableUser(deps, null, username, { email }, OPERATOR);
      return print(`enabled ${enabled.username}`);
    }),
});

const deleteUserCommand = defineCommand({
  name: "delete-user",
  synopsis: "USERNAME",
  summary: "Delete an account: personal data in its emails and in the audit log is blanked within minutes.",
  takes: ["USERNAME"],
  read: (_, [username = ""]) =>
    connected(async (deps) => {
      await deleteUser(deps, null, username, undefined, OPERATOR);
      return print(`deleted ${username}`);
    }),
});

const exportUserCommand = defineCommand({
  name: "export-user",
  synopsis: "USERNAME",
  summary: "Write all that is held about an account to standard output, as JSON.",
  takes: ["USERNAME"],
  read: (_, [username = ""]) =>
    connected(async (deps) => {
      for await (const piece of await exportAccount(deps, username)) await Bun.write(Bun.stdout, piece);
      return 0;
    }),
});

export const USER_COMMANDS = [
  createUserCommand,
  listUsersCommand,
  findUserCommand,
  disableUserCommand,
  enableUserCommand,
  deleteUserCommand,
  exportUserCommand,
  importUsersCommand,
];

const table = (found: readonly ManagedUser[]): string =>
  columns([
    ["USERNAME", "NAME", "EMAIL", "DEPT", "STATE"],
    ...found.map(({ username, name, email, dept, state, superuser }) => [
      username,
      oneLine(name),
      email,
      oneLine(dept),
      superuser ? `${state}, superuser` : state,
    ]),
  ]);

/**
 * From a pipe, or typed unseen. Never an argument: those are visible to every process of the machine.
 * @throws {InvalidInput} when the prompt is left by Ctrl-C or Ctrl-D.
 */
async function readPassword(): Promise<string> {
  if (!process.stdin.isTTY) return await pipedPassword();
  // readline writes what is typed to its output, which goes nowhere here.
  const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() });
  const prompt = createInterface({ input: process.stdin, output: nowhere, terminal: true });
  process.stderr.write("Password (not shown): ");
  const left = new Promise<never>((_resolve, reject) => {
    const leave = (): void => reject(new InvalidInput("No password was given."));
    prompt.once("SIGINT", leave);
    prompt.once("close", leave);
  });
  try {
    return await Promise.race([prompt.question(""), left]);
  } finally {
    prompt.close();
    process.stderr.write("\n");
  }
}

/** Wrong bytes would be replaced, and all of them would then be the same password (RFC 3629 §3). */
async function pipedPassword(): Promise<string> {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(await Bun.stdin.bytes()).replace(/\r?\n$/, "");
  } catch {
    throw new InvalidInput("The password on standard input is not UTF-8.", "password");
  }
}
