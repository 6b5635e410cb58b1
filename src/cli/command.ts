/** What a command is, and how its arguments are read before anything is connected to. */
import { writeSync } from "node:fs";
import { parseArgs, type ParseArgsOptionsConfig } from "node:util";
import type { Environment } from "../config.ts";
import { PROGRAM } from "../executable.ts";

/** Reads the configuration, connects, does its work and leaves. @returns the exit code. */
export type Action = (env: Environment) => Promise<number>;

export interface Command {
  /** One or two words: "serve", "mail list". */
  readonly name: string;
  /** The arguments, as usage shows them; may be empty. */
  readonly synopsis: string;
  /** One line for the list of commands. */
  readonly summary: string;
  /** Lines for its own help, below the summary; may be empty. */
  readonly details: string;
  /** @throws {UsageError} */
  readonly read: (args: readonly string[]) => Action;
}

type Values<Options extends ParseArgsOptionsConfig> = ReturnType<
  typeof parseArgs<{ options: Options; allowPositionals: true }>
>["values"];

export interface CommandDefinition<Options extends ParseArgsOptionsConfig> extends Omit<Command, "read" | "details"> {
  readonly details?: string;
  readonly options?: Options;
  /** Names of its arguments. A last one that ends in "…" takes all that is left, or nothing. @default none */
  readonly takes?: readonly string[];
  /** Checks what can be checked without a database. @throws {UsageError} */
  readonly read: (values: Values<Options>, args: readonly string[]) => Action;
}

/** The command was called wrongly; the message says how, in a sentence. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

export function defineCommand<const Options extends ParseArgsOptionsConfig>(
  definition: CommandDefinition<Options>,
): Command {
  const { name, synopsis, summary, details = "", options, takes = [], read } = definition;
  return {
    ...{ name, synopsis, summary, details },
    read(args) {
      const parsed = parse(args, options);
      requireArguments(parsed.positionals, takes);
      return read(parsed.values as Values<Options>, parsed.positionals);
    },
  };
}

function parse(args: readonly string[], options: ParseArgsOptionsConfig | undefined) {
  try {
    return parseArgs({ args: [...args], options: options ?? {}, allowPositionals: true, strict: true });
  } catch (error) {
    // "Unknown option '--nmae'. To specify a positional argument …": the first sentence is enough.
    throw new UsageError(error instanceof Error ? error.message.replace(/\. .*$/s, ".").replace(/([^.])$/, "$1.") : "");
  }
}

function requireArguments(given: readonly string[], takes: readonly string[]): void {
  const open = takes.at(-1)?.endsWith("…") ?? false;
  const needed = open ? takes.slice(0, -1) : takes;
  const missing = needed[given.length];
  if (missing) throw new UsageError(`${missing} is missing.`);
  const extra = given[takes.length];
  if (extra !== undefined && !open) throw new UsageError(`Unexpected argument '${extra}'.`);
}

export const usageOf = ({ name, synopsis }: Command): string => `Usage: ${PROGRAM} ${`${name} ${synopsis}`.trim()}\n`;

export function helpOf(command: Command): string {
  const details = command.details && `\n${command.details.replace(/^\n|\n\s*$/g, "")}\n`;
  return `${usageOf(command)}\n${command.summary}\n${details}`;
}

export function overviewOf(commands: readonly Command[]): string {
  const width = Math.max(...commands.map(({ name }) => name.length));
  const lines = commands.map(({ name, summary }) => `  ${name.padEnd(width)}  ${summary}`);
  return `Usage: ${PROGRAM} COMMAND [ARGUMENTS]\n\n${lines.join("\n")}\n\n${PROGRAM} COMMAND --help explains one command. --version prints the version.\nThe configuration is read from environment variables: see docs/configuration.md.\n`;
}

/** Columns as wide as their widest cell, two blanks apart. */
export function columns(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, index) => Math.max(...rows.map((row) => Bun.stringWidth(row[index] ?? ""))));
  const pad = (cell: string, index: number): string => cell + " ".repeat((widths[index] ?? 0) - Bun.stringWidth(cell));
  return rows.map((row) => row.map(pad).join("  ").trimEnd()).join("\n");
}

/** Makes a text safe as one line on a terminal, because what an account's owner or a server wrote must not steer it. */
export const oneLine = (text: string): string => text.replaceAll(/[\p{Cc}\p{Bidi_Control}\u2028\u2029]/gu, "\uFFFD");

/**
 * Waits until all is written: an exit would cut off what a slow reader of a pipe has not taken yet. A reader that is
 * gone, such as `head`, has read enough.
 */
export function write(fd: 1 | 2, text: string): void {
  for (let rest = Buffer.from(text); rest.byteLength > 0;) {
    try {
      rest = rest.subarray(writeSync(fd, rest));
    } catch (error) {
      const code = error instanceof Error && "code" in error ? error.code : undefined;
      if (code === "EPIPE") return;
      if (code !== "EAGAIN") throw error;
      Bun.sleepSync(5);
    }
  }
}

/** @returns the exit code of success. */
export function print(text: string): number {
  write(1, `${text}\n`);
  return 0;
}
