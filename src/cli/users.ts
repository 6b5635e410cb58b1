/** `dundie create-user`, and its siblings: accounts from the command line. */
import { createReadStream } from "node:fs";
import { createInterface } from "node:readline/promises";
import { parseArgs } from "node:util";
import { parse } from "csv-parse";
import type { RequestContext } from "../accounts/caller.ts";
import type { Deps } from "../accounts/deps.ts";
import { importUsers } from "../accounts/import-users.ts";
import { disableUser } from "../accounts/user-state.ts";
import { createUser } from "../accounts/users.ts";
import { InvalidInput } from "../errors.ts";

export const USER_USAGE = `  create-user --name N --email A --dept D [--username U] [--invite | --no-mail]
                            asks for the password, or reads it from standard input; --invite mails a link instead
  disable-user USERNAME
  import-users FILE.csv [--invite]
                            columns name, email, dept and optionally username; may be run again at any time`;

const OPERATOR: RequestContext = { client: { ip: null, browser: null }, locale: "en", requestId: null };

/** @returns the exit code. */
export async function userCommand(deps: Deps, command: string, args: readonly string[]): Promise<number> {
  switch (command) {
    case "create-user":
      return await create(deps, args);
    case "disable-user": {
      const [username] = args;
      if (!username) throw new InvalidInput("Give a username.");
      const { username: disabled } = await disableUser(deps, null, username, OPERATOR);
      process.stdout.write(`disabled ${disabled}: its sessions and links have ended\n`);
      return 0;
    }
    case "import-users":
      return await importFile(deps, args);
    default:
      throw new InvalidInput(`Usage:\n${USER_USAGE}`);
  }
}

async function create(deps: Deps, args: readonly string[]): Promise<number> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      name: { type: "string" },
      email: { type: "string" },
      dept: { type: "string" },
      username: { type: "string" },
      invite: { type: "boolean", default: false },
      "no-mail": { type: "boolean", default: false },
    },
  });
  const { name, email, dept, username } = values;
  if (!name || !email || !dept) throw new InvalidInput(`Give --name, --email and --dept.\n${USER_USAGE}`);
  const password = values.invite ? undefined : await readPassword();
  const created = await createUser(deps, null, { name, email, dept, username, password }, OPERATOR, {
    quiet: values["no-mail"],
  });
  process.stdout.write(`created ${created.username}\n`);
  return 0;
}

/** Streams the file, so that its size does not matter. */
async function importFile(deps: Deps, args: readonly string[]): Promise<number> {
  const { values, positionals } = parseArgs({
    args: [...args],
    options: { invite: { type: "boolean", default: false } },
    allowPositionals: true,
  });
  const [path] = positionals;
  if (!path) throw new InvalidInput("Give a CSV file.");
  if (!(await Bun.file(path).exists())) throw new InvalidInput(`There is no file ${path}.`);
  const parser = createReadStream(path).pipe(
    parse({ columns: true, bom: true, trim: true, skip_empty_lines: true, info: true }),
  );
  const bar = progressBar(Bun.file(path).size);
  const result = await importUsers(
    deps,
    rowsOf(parser),
    { invite: values.invite, context: OPERATOR },
    ({ created, skipped }) => bar.show(parser.info.bytes, created + skipped),
  );
  bar.clear();
  for (const { line, problem } of result.problems) process.stderr.write(`line ${line}: ${problem}\n`);
  const invited = values.invite ? "created and invited" : "created";
  process.stdout.write(
    `${result.created} ${invited}, ${result.skipped} had an account, ${result.problems.length} refused\n`,
  );
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
