/** An import in parts: a request creates the accounts of so many rows, and says where the next part begins. */
import { SUPERUSER_DEPT } from "./caller.ts";
import type { Deps } from "./deps.ts";
import { requireFreshProof } from "./fresh-proof.ts";
import type { ImportProblem } from "./import-problems.ts";
import type { ImportRow } from "./import-rows.ts";
import { importUsers, type ImportOptions, type ImportResult } from "./import-users.ts";
import { readUserCsv } from "./user-csv.ts";

/** About 20,000 rows. A larger file is for `dundie import-users`. */
export const MAX_IMPORT_BYTES = 2 * 1024 * 1024;
/** The rows of one part: they take less than a second. */
export const PART_ROWS = 500;

export interface ImportReport extends ImportResult {
  readonly lines: number;
  readonly ignoredColumns: readonly string[];
  /** Null: all is done. */
  readonly nextLine: number | null;
}

/**
 * A dry run looks at the whole file at once, because a row may be wrong for what stands far above it.
 * @throws {InvalidInput} for a file whose first line does not name the columns.
 * @throws {InvalidInput} {Forbidden} {TooManyRequests} without a fresh proof, where a row makes a superuser.
 */
export async function importText(
  deps: Deps,
  file: { readonly csv: string; readonly fromLine: number; readonly currentPassword?: string | undefined },
  options: ImportOptions,
): Promise<ImportReport> {
  const { lineCount, ignoredColumns, rows } = readUserCsv(new TextEncoder().encode(file.csv));
  const left = [...rows].filter(({ line }) => line >= file.fromLine);
  const part = options.dryRun ? left : left.slice(0, PART_ROWS);
  if (!options.dryRun && part.some(makesSuperuser)) {
    await requireFreshProof(deps, options.caller ?? null, file.currentPassword);
  }
  const result = await importUsers(deps, part, { ...options, listRows: true });
  return { ...result, lines: lineCount, ignoredColumns, nextLine: left[part.length]?.line ?? null };
}

const makesSuperuser = (row: ImportRow | ImportProblem): boolean => "dept" in row && row.dept.trim() === SUPERUSER_DEPT;
