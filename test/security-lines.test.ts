import { expect, test } from "bun:test";

test("docs/security.md has a row for each line, in order", async () => {
  const rows = await readRows();
  expect(rows.length).toBeGreaterThanOrEqual(60);
  expect(rows.map(({ line }) => line)).toEqual(rows.map((_, index) => `R${index + 1}`));
});

test("every file that a row names holds a test that carries the line, and none of those is skipped", async () => {
  for (const { line, files } of await readRows()) {
    expect([line, files.length > 0]).toEqual([line, true]);
    for (const file of files) {
      const names = await namesOfTests(file);
      expect([line, file, names.some((name) => new RegExp(`\\b${line}\\b`).test(name))]).toEqual([line, file, true]);
    }
  }
});

/** The rows of the page's tables: `| R18 | threat | promise | test files |`. */
async function readRows(): Promise<{ line: string; files: string[] }[]> {
  const page = await Bun.file(new URL("../docs/security.md", import.meta.url)).text();
  return [...page.matchAll(/^\| (R\d+) \|.*\|([^|]*)\|$/gm)].map(([, line = "", tests = ""]) => ({
    line,
    files: [...tests.matchAll(/`([^`]+)`/g)].map(([, file = ""]) => file),
  }));
}

/** The strings of a file that begin with a line's number: only names of tests and of groups do. */
async function namesOfTests(file: string): Promise<string[]> {
  const source = await Bun.file(new URL(file, import.meta.url)).text();
  expect([file, /\b(?:test|describe)\.(?:skip|todo|only)\b/.test(source)]).toEqual([file, false]);
  return source.match(/["'`]R\d+\b[^"'`]*/g) ?? [];
}
