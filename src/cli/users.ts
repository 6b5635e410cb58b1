/** `dundie create-user`, and its siblings: accounts from the command line. */
import { createReadStream, statSync } from "node:fs";
import { createInterface } from "node:readline/promises";
import { parse } from "csv-parse";
import { normaliseAddress } from "../accounts/addresses.ts";
import type { Deps } from "../accounts/deps.ts";
import { importUsers } from "../accounts/import-users.ts";
import { searchUsers, type FoundUser } from "../accounts/user-search.ts";
import { disableUser, enableUser } from "../accounts/user-state.ts";
import { createUser } from "../accounts/users.ts";
import { InvalidInput, NotFound } from "../errors.ts";
import { columns, defineCommand, oneLine, print, UsageError, write } from "./command.ts";
import { connected, OPERATOR } from "./connected.ts";

const PAGE_ROWS = 500;

const createUserCommand = defineCommand({
  name: "create-user",
  synopsis: "--name NAME --email ADDRESS --dept DEPT [--username USERNAME] [--invite | --no-mail]",
  summary: "Create an account. The department management makes it a superuser.",
  details: `
The password is asked for, or read from standard input when that is not a terminal.

  --name NAME          the name that people see
  --email ADDRESS      where its email goes
  --dept DEPT          its department: management makes a superuser
  --username USERNAME  instead of the one that is made of the name
  --invite             ask for no password: mail a link for choosing one
  --no-mail            send no welcome`,
  options: {
    name: { type: "string" },
    email: { type: "string" },
    dept: { type: "string" },
    username: { type: "string" },
    invite: { type: "boolean", default: false },
    "no-mail": { type: "boolean", default: false },
  },
  read({ name, email, dept, username, invite, "no-mail": quiet }) {
    if (!name || !email || !dept) {
      const missing = [...(name ? [] : ["--name"]), ...(email ? [] : ["--email"]), ...(dept ? [] : ["--dept"])];
      throw new UsageError(`${missing.join(", ")} must be given.`);
    }
    if (!normaliseAddress(email)) throw new UsageError(`--email takes an email address, not '${email}'.`);
    if (invite && quiet) throw new UsageError("--invite and --no-mail exclude each other.");
    return connected(async (deps) => {
      const password = invite ? undefined : await readPassword();
      const created = await createUser(deps, null, { name, email, dept, username, password }, OPERATOR, { quiet });
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
      const found: FoundUser[] = [];
      for (;;) {
        const page = await searchUsers(db, { dept, after: found.at(-1)?.username, limit: PAGE_ROWS });
        found.push(...page);
        if (page.length < PAGE_ROWS) break;
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
      const found = await searchUsers(db, { text, limit: PAGE_ROWS });
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
      const enabled = await enableUser(deps, null, username, email, OPERATOR);
      return print(`enabled ${enabled.username}`);
    }),
});

const importUsersCommand = defineCommand({
  name: "import-users",
  synopsis: "FILE.csv [--invite]",
  summary: "Create accounts from the columns name, email, dept and optionally username.",
  details: `
It may be run again at any time: rows whose address has an account are skipped. Invalid rows are skipped and reported by
line number, and make the exit code 1.

  --invite  mail each new account a link for choosing a password`,
  options: { invite: { type: "boolean", default: false } },
  takes: ["FILE.csv"],
  read({ invite }, [path = ""]) {
    if (!statSync(path, { throwIfNoEntry: false })?.isFile()) throw new InvalidInput(`There is no file ${path}.`);
    return connected((deps) => importFile(deps, path, invite));
  },
});

export const USER_COMMANDS = [
  createUserCommand,
  listUsersCommand,
  findUserCommand,
  disableUserCommand,
  enableUserCommand,
  importUsersCommand,
];

const table = (found: readonly FoundUser[]): string =>
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

/** Streams the file, so that its size does not matter. */
async function importFile(deps: Deps, path: string, invite: boolean): Promise<number> {
  const parser = createReadStream(path).pipe(
    parse({ columns: true, bom: true, trim: true, skip_empty_lines: true, info: true }),
  );
  const bar = progressBar(Bun.file(path).size);
  const result = await importUsers(deps, rowsOf(parser), { invite, context: OPERATOR }, ({ created, skipped }) =>
    bar.show(parser.info.bytes, created + skipped),
  );
  bar.clear();
  for (const { line, problem } of result.problems) write(2, `line ${line}: ${problem}\n`);
  const invited = invite ? "created and invited" : "created";
  print(`${result.created} ${invited}, ${result.skipped} had an account, ${result.problems.length} refused`);
  return result.problems.length === 0 ? 0 : 1;
}

const BAR_WIDTH = 24;

/** On a terminal, and on standard error: what is piped on is the result alone. */
function progressBar(totalBytes: number): { show(bytes: number, rows: number): void; clear(): void } {
  if (!process.stderr.isTTY) return { show: () => {}, clear: () => {} };
  const startedAt = performance.now();
  return {
    show(bytes, rows) {
      const part = Math.min(1, bytes / Math.max(1, totalBytes));
      const bar = "█".repeat(Math.round(part * BAR_WIDTH)).padEnd(BAR_WIDTH, "░");
      const rate = Math.round(rows / ((performance.now() - startedAt) / 1_000));
      process.stderr.write(`\r${bar} ${Math.round(part * 100)} %, ${rows} rows, ${rate}/s `);
    },
    clear: () => void process.stderr.write("\r\u001b[K"),
  };
}

async function* rowsOf(parser: AsyncIterable<{ info: { lines: number }; record: Record<string, string> }>) {
  let first = true;
  for await (const { info, record } of parser) {
    if (first && !["name", "email", "dept"].every((column) => column in record)) {
      throw new InvalidInput("The first line must name the columns: name, email, dept and optionally username.");
    }
    first = false;
    const {
      name = "",
      email = "",
      dept = "",
      username,
    } = record as { name?: string; email?: string; dept?: string; username?: string };
    yield { line: info.lines, name, email, dept, username };
  }
}

/** From a pipe, or typed unseen. Never an argument: those are visible to every process of the machine. */
async function readPassword(): Promise<string> {
  if (!process.stdin.isTTY) return (await Bun.stdin.text()).replace(/\r?\n$/, "");
  const prompt = createInterface({ input: process.stdin, output: process.stderr, terminal: true });
  process.stderr.write("Password (not shown): ");
  // readline echoes what is typed by writing to its output: silence that for the one answer.
  Reflect.set(prompt, "_writeToOutput", () => {});
  const password = await prompt.question("");
  prompt.close();
  process.stderr.write("\n");
  return password;
}
