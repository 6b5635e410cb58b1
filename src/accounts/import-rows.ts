/** The rows of an import, and what makes one acceptable. */
import { InvalidInput } from "../errors.ts";
import { LOCALES, localeOf, type Locale } from "../mail/kinds.ts";
import { type Address, requireAddress } from "../addresses.ts";
import { IMPORT_REASONS, type ImportProblem } from "./import-problems.ts";
import { refusalOfHash } from "./password-hashes.ts";
import { requireUsername, usernameFor } from "./usernames.ts";

export interface ImportRow {
  /** The line of the file, for the report. */
  readonly line: number;
  readonly name: string;
  readonly email: string;
  readonly dept: string;
  /** Absent: made of the name. */
  readonly username?: string | undefined;
  readonly locale?: string | undefined;
  /** A hash from another system: bcrypt or argon2. It is replaced by one of ours at the first login. */
  readonly passwordHash?: string | undefined;
}

const MAX_NAME = 100;
const MAX_DEPT = 64;

/** A row that can become an account. */
export interface Candidate {
  readonly line: number;
  readonly name: string;
  readonly email: Address;
  readonly dept: string;
  readonly username: string;
  /** The file asks for this username: it is taken as it is, or reported. */
  readonly asked: boolean;
  readonly locale: Locale | null;
  readonly passwordHash: string | null;
}

/** @param asked the usernames that earlier rows of the file asked for. */
export async function checkRow(row: ImportRow, asked: ReadonlySet<string>): Promise<Candidate | ImportProblem> {
  try {
    const name = textOf(row.name, "name", MAX_NAME);
    const username = row.username?.trim() ? requireUsername(row.username.trim()) : await usernameFor(name);
    if (row.username && asked.has(username)) {
      const problem = `username: The username "${username}" is in the file twice.`;
      return { line: row.line, reason: "repeated_username", problem };
    }
    return {
      line: row.line,
      name,
      email: requireAddress(row.email),
      dept: textOf(row.dept, "dept", MAX_DEPT),
      username,
      asked: Boolean(row.username?.trim()),
      locale: localeIn(row.locale),
      passwordHash: hashOf(row.passwordHash),
    };
  } catch (error) {
    if (!(error instanceof InvalidInput)) throw error;
    const reason = IMPORT_REASONS.find((one) => one === `invalid_${error.field}`);
    if (!reason) throw error;
    return { line: row.line, reason, problem: `${error.field}: ${error.message}` };
  }
}

/** @throws {InvalidInput} */
function textOf(value: string, field: string, max: number): string {
  const text = value.trim();
  if (!text || text.length > max || /\p{Cc}/u.test(text)) {
    throw new InvalidInput(`Give 1 to ${max} characters on one line.`, field);
  }
  return text;
}

/** @throws {InvalidInput} */
function localeIn(text: string | undefined): Locale | null {
  if (!text?.trim()) return null;
  const locale = localeOf(text);
  if (!locale) throw new InvalidInput(`Give one of ${LOCALES.join(", ")}.`, "locale");
  return locale;
}

/** @throws {InvalidInput} */
function hashOf(text: string | undefined): string | null {
  const hash = text?.trim();
  if (!hash) return null;
  const refusal = refusalOfHash(hash);
  if (refusal) throw new InvalidInput(refusal, "password_hash");
  return hash;
}
