/** Finds the command, reads its arguments, and only then starts anything. */
import packageJson from "../../package.json" with { type: "json" };
import { helpOf, overviewOf, usageOf, UsageError, write, type Action, type Command } from "./command.ts";
import { doctorCommand } from "./doctor.ts";
import { healthCommand } from "./health.ts";
import { MAIL_COMMANDS } from "./mail.ts";
import { migrateCommand } from "./migrate.ts";
import { serveCommand, workerCommand } from "./serve.ts";
import { USER_COMMANDS } from "./users.ts";
import type { Environment } from "../config.ts";
import { DomainError } from "../errors.ts";
import { PROGRAM } from "../executable.ts";
import { log, logToStandardError } from "../log.ts";

const COMMANDS: readonly Command[] = [
  ...[serveCommand, workerCommand, healthCommand, doctorCommand, migrateCommand],
  ...USER_COMMANDS,
  ...MAIL_COMMANDS,
];

/** sysexits.h, EX_USAGE: the command was called wrongly. */
const EXIT_USAGE = 64;

/** @returns what to do, or the exit code of what is done already. */
function readCommandLine(args: readonly string[]): Action | number {
  const [first, second] = args;
  if (first === "--version" || first === "-V" || first === "version") return answer(`${packageJson.version}\n`);
  if (first === "help" || first === "--help" || first === "-h") return helpAbout(args.slice(1));
  if (first === undefined) return refuse("", overviewOf(COMMANDS));
  const command =
    COMMANDS.find(({ name }) => name === `${first} ${second}`) ?? COMMANDS.find(({ name }) => name === first);
  if (!command) {
    const ofGroup = COMMANDS.filter(({ name }) => name.startsWith(`${first} `));
    if (ofGroup.length > 0 && asksForHelp([second ?? ""])) return answer(overviewOf(ofGroup));
    const typed = ofGroup.length > 0 && second ? `${first} ${second}` : first;
    return refuse(
      ofGroup.length > 0 && !second ? `${first} needs a subcommand.` : `There is no command '${typed}'.`,
      overviewOf(ofGroup.length > 0 ? ofGroup : COMMANDS),
    );
  }
  const rest = args.slice(command.name.split(" ").length);
  if (asksForHelp(rest)) return answer(helpOf(command));
  try {
    return command.read(rest);
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    return refuse(error.message, `${usageOf(command)}${PROGRAM} ${command.name} --help explains this command.\n`);
  }
}

function helpAbout(words: readonly string[]): number {
  const commands = COMMANDS.filter(({ name }) => `${name} `.startsWith(`${words.join(" ")} `));
  const [command] = commands;
  if (words.length === 0) return answer(overviewOf(COMMANDS));
  if (!command) return refuse(`There is no command '${words.join(" ")}'.`, overviewOf(COMMANDS));
  return answer(commands.length === 1 ? helpOf(command) : overviewOf(commands));
}

function asksForHelp(args: readonly string[]): boolean {
  const end = args.indexOf("--");
  return args.slice(0, end === -1 ? undefined : end).some((arg) => arg === "--help" || arg === "-h");
}

function answer(text: string): number {
  write(1, text);
  return 0;
}

function refuse(sentence: string, usage: string): number {
  write(2, sentence ? `${sentence}\n${usage}` : usage);
  return EXIT_USAGE;
}

/** @returns the exit code. */
export async function main(args: readonly string[], env: Environment): Promise<number> {
  try {
    const action = readCommandLine(args);
    return typeof action === "number" ? action : await action(env);
  } catch (error) {
    if (error instanceof DomainError) write(2, `${error.message}\n`);
    else {
      logToStandardError();
      log.fatal({ event: "failed", err: error });
    }
    return 1;
  }
}
