/** The variables of an environment, each parsed by the table in `variables.ts`. */
import { readFileSync } from "node:fs";
import type { Environment } from "../config.ts";
import { Invalid } from "./parsers.ts";
import { VARIABLES, type Values, type Variable, type VariableName } from "./variables.ts";

const NOT_EMBEDDED =
  "must be set: this executable holds no PostgreSQL. A clone of the sources has one, for development";

/** `values` is only whole when there are no `problems`: what is in `bad` is null. */
export function readVariables<Name extends VariableName>(env: Environment, names: readonly Name[]) {
  const problems: string[] = [];
  const bad = new Set<string>();
  const read = (name: Name): [Name, unknown] => {
    const variable: Variable<unknown> = VARIABLES[name];
    try {
      const text = readText(env, name, variable) ?? variable.fallback;
      if (text === null && name === "DATABASE_URL" && Bun.isStandaloneExecutable) throw new Invalid(NOT_EMBEDDED);
      return [name, text === null ? null : variable.parse(text)];
    } catch (error) {
      if (!(error instanceof Invalid)) throw error;
      problems.push(`${name} ${error.message}`);
      bad.add(name);
      return [name, null];
    }
  };
  return { values: Object.fromEntries(names.map(read)) as unknown as Pick<Values, Name>, problems, bad };
}

/** From the environment, or from the file that `NAME_FILE` names. Null: neither is set. */
function readText(env: Environment, name: string, { fromFile }: Variable<unknown>): string | null {
  const text = env[name] || null;
  const path = fromFile && env[`${name}_FILE`];
  if (!path) return text;
  if (text !== null) throw new Invalid(`and ${name}_FILE are both set: set one of them`);
  let content: string;
  try {
    content = new TextDecoder("utf-8", { fatal: true }).decode(readFileSync(path));
  } catch (cause) {
    throw new Invalid(`cannot be read from ${name}_FILE: ${cause instanceof Error ? cause.message : String(cause)}`);
  }
  // Editors and `echo` end a file with a line break, which is not part of the secret.
  const value = content.replace(/\r?\n$/, "");
  if (value === "") throw new Invalid(`cannot be read from ${name}_FILE: ${path} is empty`);
  return value;
}
