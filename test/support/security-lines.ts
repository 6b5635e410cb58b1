/**
 * `bun run security-lines`: runs the tests and writes `test/README.md`, which lists for each line R1–R60 of the security
 * requirements the tests that name it, and how they went.
 */
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

export const LINES = Array.from({ length: 60 }, (_, index) => `R${index + 1}`);

interface Result {
  readonly name: string;
  readonly file: string;
  readonly passed: boolean;
}

if (import.meta.main) {
  const directory = await mkdtemp(join(tmpdir(), "dundie-lines-"));
  try {
    const report = join(directory, "junit.xml");
    const ignore = "--path-ignore-patterns=test/browser/**";
    const run = Bun.spawn(
      ["bun", "test", "--timeout", "30000", ignore, "--reporter=junit", `--reporter-outfile=${report}`, "./test"],
      { stdout: "ignore", stderr: "ignore", env: { ...process.env, LOG_LEVEL: "warn" } },
    );
    await run.exited;
    const results = readResults(await readFile(report, "utf8"));
    await Bun.write(new URL("../README.md", import.meta.url), tableOf(results));
    const bad = LINES.filter((line) => !testsOf(line, results).length || testsOf(line, results).some((r) => !r.passed));
    process.stdout.write(bad.length === 0 ? "60 lines, all green\n" : `not green: ${bad.join(" ")}\n`);
    process.exitCode = bad.length === 0 ? 0 : 1;
  } finally {
    await rm(directory, { recursive: true });
  }
}

function readResults(xml: string): Result[] {
  return [...xml.matchAll(/<testcase name="([^"]*)"[^>]*?file="([^"]*)"[^>]*?(\/>|>([\s\S]*?)<\/testcase>)/g)].map(
    ([, name = "", file = "", , inner = ""]) => ({
      name: name
        .replaceAll("&quot;", '"')
        .replaceAll("&apos;", "'")
        .replaceAll("&lt;", "<")
        .replaceAll("&gt;", ">")
        .replaceAll("&amp;", "&"),
      file,
      passed: !/<(failure|skipped)/.test(inner),
    }),
  );
}

const testsOf = (line: string, results: readonly Result[]): Result[] =>
  results.filter(({ name }) => new RegExp(`\\b${line}\\b`).test(name));

function tableOf(results: readonly Result[]): string {
  const rows = LINES.flatMap((line) => {
    const tests = testsOf(line, results);
    if (tests.length === 0) return [`| ${line} | – | no test |`];
    return tests.map(
      ({ name, file, passed }) =>
        `| ${line} | ${name.replaceAll("|", "\\|")} (\`${file.split("/").at(-1)}\`) | ${passed ? "passed" : "FAILED"} |`,
    );
  });
  return `# Tests

\`bun run test\` runs them on a real PostgreSQL and a real SMTP server; \`bun run test:browser\` those that need Chromium; \`bun run certify\` injects faults into whole processes.

The security requirements R1–R60 and the tests that name them. Made by \`bun run security-lines\`; the figures of R2, R41 and R43 come from \`bun run bench:timing\`.

| line | test | result |
|---|---|---|
${rows.join("\n")}
`;
}
