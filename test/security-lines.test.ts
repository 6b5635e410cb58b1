import { expect, test } from "bun:test";
import { LINES } from "./support/security-lines.ts";

test("every line of the security requirements is named by a test, and none of those is skipped", async () => {
  const files = await Array.fromAsync(new Bun.Glob("**/*.test.ts").scan(import.meta.dirname));
  const sources = await Promise.all(files.map((file) => Bun.file(`${import.meta.dirname}/${file}`).text()));
  const names = sources.flatMap(
    (source) => source.match(/\b(?:test|describe)(?:\.\w+)*\(\s*(["'`])(?:(?!\1).)*\1/g) ?? [],
  );
  expect(LINES.filter((line) => !names.some((name) => new RegExp(`\\b${line}\\b`).test(name)))).toEqual([]);
  expect(names.filter((name) => /^test\.(skip|todo|only)/.test(name))).toEqual([]);
});
