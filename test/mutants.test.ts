import { expect, test } from "bun:test";
import { mutate } from "./mutants/mutant.ts";
import { MUTANTS } from "./mutants/mutants.ts";

const read = (path: string): Promise<string> => Bun.file(new URL(path, import.meta.url)).text();

test("each text of the table of mutants is found exactly once", async () => {
  const faults: unknown[] = [];
  for (const mutant of MUTANTS) {
    try {
      mutate(mutant, await read(`../${mutant.file}`));
    } catch (error) {
      faults.push({ promise: mutant.promise, error });
    }
  }
  expect(faults).toEqual([]);
});

test("each test that the table of mutants names is there", async () => {
  const missing: unknown[] = [];
  for (const { promise, test: file, name } of MUTANTS) {
    // A placeholder of `test.each` is in no name of a test that runs.
    const placeholder = /%[sdifjop]|\$\{|\$[a-z]/.test(name);
    if (placeholder || !(await read(file)).includes(name)) missing.push({ promise, file, name });
  }
  expect(missing).toEqual([]);
});

test("no promise stands in the table of mutants twice", () => {
  expect(MUTANTS.map(({ promise }) => promise)).toEqual([...new Set(MUTANTS.map(({ promise }) => promise))]);
});

test("each line of docs/security.md has a mutant", async () => {
  const page = await read("../docs/security.md");
  const lines = [...page.matchAll(/^\| (R\d+) \|/gm)].map(([, line]) => line);
  expect(lines.length).toBeGreaterThan(60);
  const numbers = new Set(MUTANTS.flatMap(({ promise }) => promise.match(/\bR\d+\b/g) ?? []));
  expect(lines.filter((line) => !numbers.has(line ?? ""))).toEqual([]);
});
