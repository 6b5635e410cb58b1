/** `dundie import-users`: accounts from a CSV file. */
import { statSync } from "node:fs";
import type { Deps } from "../accounts/deps.ts";
import { importUsers } from "../accounts/import-users.ts";
import { readUserCsv } from "../accounts/user-csv.ts";
import { InvalidInput } from "../errors.ts";
import { defineCommand, print, write } from "./command.ts";
import { connected, OPERATOR } from "./connected.ts";

interface Flags {
  readonly invite: boolean;
  readonly dryRun: boolean;
}

export const importUsersCommand = defineCommand({
  name: "import-users",
  synopsis: "FILE.csv [--invite] [--dry-run]",
  summary: "Create accounts from a CSV file with the columns name, email and dept.",
  details: `
The columns username, locale and password_hash are optional. The file is UTF-8, separated by commas, semicolons or tabs.
It may be imported again at any time: rows whose address has an account are skipped. Invalid rows are skipped and
reported by line number, and make the exit code 1.

A password_hash comes from another system: bcrypt ($2a$, $2b$, $2y$) or argon2 ($argon2id$, $argon2i$, $argon2d$).

  --invite   email each new account without a password a link for choosing one
  --dry-run  report what would happen, and change nothing`,
  options: {
    invite: { type: "boolean", default: false },
    "dry-run": { type: "boolean", default: false },
  },
  takes: ["FILE.csv"],
  read({ invite, "dry-run": dryRun }, [path = ""]) {
    if (!statSync(path, { throwIfNoEntry: false })?.isFile()) throw new InvalidInput(`There is no file ${path}.`);
    return connected((deps) => importFile(deps, path, { invite, dryRun }));
  },
});

async function importFile(deps: Deps, path: string, { invite, dryRun }: Flags): Promise<number> {
  const { lineCount, ignoredColumns, rows } = readUserCsv(await Bun.file(path).bytes());
  if (ignoredColumns.length > 0) write(2, `These columns are ignored: ${ignoredColumns.join(", ")}.\n`);
  const bar = progressBar(lineCount);
  const result = await importUsers(
    deps,
    rows,
    { invite, dryRun, context: OPERATOR },
    ({ created, skipped, problems }) => {
      bar.show(created + skipped + problems.length);
    },
  );
  bar.clear();
  for (const { line, problem } of result.problems) write(2, `line ${line}: ${problem}\n`);
  const created = `${dryRun ? "would be " : ""}created${invite ? " and invited" : ""}`;
  const end = dryRun ? "; nothing was changed" : "";
  print(`${result.created} ${created}, ${result.skipped} had an account, ${result.problems.length} refused${end}`);
  return result.problems.length === 0 ? 0 : 1;
}

const BAR_WIDTH = 24;

/** Shows progress on standard error when that is a terminal. Standard output holds the result alone. */
function progressBar(lineCount: number): { show(rows: number): void; clear(): void } {
  if (!process.stderr.isTTY) return { show: () => {}, clear: () => {} };
  const startedAt = performance.now();
  return {
    show(rows) {
      const part = Math.min(1, rows / Math.max(1, lineCount));
      const bar = "█".repeat(Math.round(part * BAR_WIDTH)).padEnd(BAR_WIDTH, "░");
      const rate = Math.round(rows / ((performance.now() - startedAt) / 1_000));
      process.stderr.write(`\r${bar} ${Math.round(part * 100)} %, ${rows} rows, ${rate}/s `);
    },
    clear: () => void process.stderr.write("\r\u001b[K"),
  };
}
