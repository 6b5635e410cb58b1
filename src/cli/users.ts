/** `dundie create-user`, and its siblings: accounts from the command line. */
import { createInterface } from "node:readline/promises";
import { parseArgs } from "node:util";
import type { Origin } from "../accounts/caller.ts";
import type { Deps } from "../accounts/deps.ts";
import { createUser } from "../accounts/users.ts";
import { Unacceptable } from "../errors.ts";

export const USER_USAGE = `  create-user --name N --email A --dept D [--username U] [--invite | --no-mail]
                            asks for the password, or reads it from standard input; --invite mails a link instead`;

const OPERATOR: Origin = { client: { ip: null, browser: null }, locale: "en", requestId: null };

/** @returns the exit code. */
export async function userCommand(deps: Deps, command: string, args: readonly string[]): Promise<number> {
  switch (command) {
    case "create-user":
      return await create(deps, args);
    default:
      throw new Unacceptable(`Usage:\n${USER_USAGE}`);
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
  if (!name || !email || !dept) throw new Unacceptable(`Give --name, --email and --dept.\n${USER_USAGE}`);
  const password = values.invite ? undefined : await readPassword();
  const created = await createUser(deps, null, { name, email, dept, username, password }, OPERATOR, {
    quiet: values["no-mail"],
  });
  process.stdout.write(`created ${created.username}\n`);
  return 0;
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
