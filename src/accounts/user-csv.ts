/**
 * A CSV file of accounts, as spreadsheets save it: any of the usual separators, columns in any order and case, quoted
 * fields that may hold line breaks. A line that is not well-formed is reported and costs no other line.
 */
import { CsvError, parse } from "csv-parse/sync";
import { InvalidInput } from "../errors.ts";
import type { ImportProblem } from "./import-problems.ts";
import type { ImportRow } from "./import-rows.ts";

const REQUIRED = ["name", "email", "dept"] as const;
const COLUMNS = [...REQUIRED, "username", "locale", "password_hash"] as const;
type Column = (typeof COLUMNS)[number];

/** Excel writes `;` where the comma separates decimals, and a tab for "Unicode text". */
const SEPARATORS = [",", ";", "\t"] as const;

/** A field with line breaks ends within as many lines, or its quote counts as not closed. */
const MAX_FIELD_LINES = 50;

export interface UserCsv {
  /** Lines of the file, the first one and empty ones included. */
  readonly lineCount: number;
  /** Columns that are in the file and not read. */
  readonly ignoredColumns: readonly string[];
  readonly rows: Iterable<ImportRow | ImportProblem>;
}

/** @throws {InvalidInput} when the file is not UTF-8, or its first line does not name the columns. */
export function readUserCsv(bytes: Uint8Array): UserCsv {
  const lines = textOf(bytes).split(/\r\n|\n|\r/);
  // Excel reads the separator from such a line.
  const start = lines.findIndex((line) => line.trim() !== "" && !/^"?sep=.?"?$/i.test(line.trim()));
  const { separator, columns, ignored } = headerOf(lines[start] ?? "", start + 1);
  return { lineCount: lines.length, ignoredColumns: ignored, rows: rowsOf(lines, start + 1, separator, columns) };
}

/** Replaced bytes would become other names, so that the file is refused whole (RFC 3629 §3). */
function textOf(bytes: Uint8Array): string {
  if ((bytes[0] === 0xff && bytes[1] === 0xfe) || (bytes[0] === 0xfe && bytes[1] === 0xff)) {
    throw new InvalidInput("The file is UTF-16. Save it as UTF-8, in Excel as “CSV UTF-8”.");
  }
  try {
    return decode(bytes);
  } catch {
    throw new InvalidInput(
      `Line ${wrongLineOf(bytes)} is not UTF-8. Nothing was imported. Save the file as UTF-8, in Excel as “CSV UTF-8”.`,
    );
  }
}

const decode = (bytes: Uint8Array): string => new TextDecoder("utf-8", { fatal: true }).decode(bytes);

/** No byte of a longer character of UTF-8 is a line break, so that each line can be decoded alone. */
function wrongLineOf(bytes: Uint8Array): number {
  let number = 1;
  for (let start = 0; start < bytes.length; number += 1) {
    const found = bytes.indexOf(0x0a, start);
    const end = found < 0 ? bytes.length : found;
    try {
      decode(bytes.subarray(start, end));
    } catch {
      break;
    }
    start = end + 1;
  }
  return number;
}

/** @throws {InvalidInput} */
function headerOf(line: string, number: number) {
  const [best] = SEPARATORS.map((separator) => {
    const names = (recordOf(line, separator) ?? []).map((name) => name.toLowerCase().replace(/[\s-]+/g, "_"));
    return { separator, names, known: names.filter((name) => isColumn(name)).length };
  }).toSorted((a, b) => b.known - a.known);
  const { separator, names } = best!;
  const missing = REQUIRED.filter((column) => !names.includes(column));
  if (missing.length > 0) {
    throw new InvalidInput(
      `Line ${Math.max(number, 1)} must name the columns: ${REQUIRED.join(", ")}, and optionally ` +
        `${COLUMNS.slice(REQUIRED.length).join(", ")}. It does not name ${missing.join(" and ")}.`,
    );
  }
  const twice = COLUMNS.find((column) => names.filter((name) => name === column).length > 1);
  if (twice) throw new InvalidInput(`Line ${number} names the column ${twice} twice.`);
  return { separator, columns: names, ignored: names.filter((name) => !isColumn(name)) };
}

const isColumn = (name: string): name is Column => COLUMNS.some((column) => column === name);

function* rowsOf(
  lines: readonly string[],
  start: number,
  separator: string,
  columns: readonly string[],
): Generator<ImportRow | ImportProblem> {
  for (let index = start; index < lines.length;) {
    const read = readRecord(lines, index, separator, columns.length);
    if (typeof read.record === "string") yield { line: index + 1, reason: "malformed_line", problem: read.record };
    else if (read.record.some((value) => value !== "")) yield rowOf(index + 1, columns, read.record);
    index += read.lines;
  }
}

function rowOf(line: number, columns: readonly string[], record: readonly string[]): ImportRow {
  const value = (column: Column): string => record[columns.indexOf(column)] ?? "";
  return {
    line,
    name: value("name"),
    email: value("email"),
    dept: value("dept"),
    username: value("username") || undefined,
    locale: value("locale") || undefined,
    passwordHash: value("password_hash") || undefined,
  };
}

/**
 * Reads one record, which has more lines only while a quote is open. When no good record comes of them, the first line
 * alone is wrong, and the others are read again: a stray quote must not swallow the lines after it.
 *
 * @returns the fields, or what is wrong; and how many lines were read.
 */
function readRecord(
  lines: readonly string[],
  index: number,
  separator: string,
  width: number,
): { readonly record: readonly string[] | string; readonly lines: number } {
  const first = lines[index] ?? "";
  const alone = tryRecord(first, separator);
  if (alone.fields) {
    const { fields } = alone;
    const isRight = fields.length === width || fields.every((field) => field === "");
    return {
      record: isRight ? fields : `The line has ${fields.length} fields, but the first line names ${width} columns.`,
      lines: 1,
    };
  }
  if (alone.code !== "CSV_QUOTE_NOT_CLOSED") return { record: wordsOf(alone.code), lines: 1 };
  let text = first;
  for (let count = 2; count <= MAX_FIELD_LINES && index + count <= lines.length; count += 1) {
    const next = lines[index + count - 1] ?? "";
    text += `\n${next}`;
    // It closes nothing: to parse the text after each line took 12 s for a file of 1 MB.
    if (!next.includes('"')) continue;
    const { fields, code } = tryRecord(text, separator);
    if (fields?.length === width) return { record: fields, lines: count };
    if (fields || code !== "CSV_QUOTE_NOT_CLOSED") break;
  }
  return { record: wordsOf(alone.code), lines: 1 };
}

function wordsOf(code: string): string {
  switch (code) {
    case "CSV_QUOTE_NOT_CLOSED":
      return "The line opens a quote that is not closed.";
    case "INVALID_OPENING_QUOTE":
      return 'The line has a quote within a field. Quote the whole field and write the quote twice: "a ""quoted"" word".';
    case "CSV_INVALID_CLOSING_QUOTE":
    case "CSV_NON_TRIMABLE_CHAR_AFTER_CLOSING_QUOTE":
      return "The line has a character after a closing quote.";
    default:
      return `The line is not well-formed (${code}).`;
  }
}

const recordOf = (text: string, separator: string): string[] | null => tryRecord(text, separator).fields;

/** @returns the fields of the one record of a text; none for an empty text. */
function tryRecord(
  text: string,
  separator: string,
): { readonly fields: string[]; readonly code?: never } | { readonly fields: null; readonly code: string } {
  // Without a quote there is nothing to parse, and 100,000 lines are read in less than 1 s instead of 11 s.
  if (!text.includes('"')) return { fields: text.split(separator).map((field) => field.trim()) };
  try {
    const [fields = []] = parse(text, { delimiter: separator, trim: true, relax_column_count: true });
    return { fields };
  } catch (error) {
    if (error instanceof CsvError) return { fields: null, code: error.code };
    throw error;
  }
}
