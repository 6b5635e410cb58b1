/**
 * `bun run security-lines`: runs the tests and writes `test/README.md`, which lists for each line R1–R60 of the security
 * requirements the tests that name it, and how they went.
 */
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

export const LINES = Array.from({ length: 60 }, (_, index) => `R${index + 1}`);

const ENTITIES: Readonly<Record<string, string>> = { quot: '"', apos: "'", lt: "<", gt: ">", amp: "&" };

interface Result {
  /** Of the groups that the test is in. */
  readonly group: string;
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
  return [...xml.matchAll(/<testcase ([^>]*?)(\/>|>([\s\S]*?)<\/testcase>)/g)].map(
    ([, attributes = "", , inner = ""]) => {
      const read = (name: string): string => plain(new RegExp(`\\b${name}="([^"]*)"`).exec(attributes)?.[1] ?? "");
      const file = read("file");
      const group = read("classname");
      return {
        group: group === file ? "" : group,
        name: read("name"),
        file,
        passed: !/<(failure|skipped)/.test(inner),
      };
    },
  );
}

function plain(xml: string): string {
  return xml.replace(/&(?:#(\d+)|#x([\da-f]+)|(\w+));/gi, (all, decimal?: string, hex?: string, name = "") =>
    decimal || hex ? String.fromCodePoint(parseInt(decimal ?? hex ?? "", decimal ? 10 : 16)) : (ENTITIES[name] ?? all),
  );
}

function testsOf(line: string, results: readonly Result[]): Result[] {
  return results.filter(({ group, name }) => names(line, group) || names(line, name));
}

function names(line: string, text: string): boolean {
  return new RegExp(`\\b${line}\\b`).test(text);
}

/** A row a test that names the line, and one for a whole group that does. */
function tableOf(results: readonly Result[]): string {
  const rows = LINES.flatMap((line) => {
    const tests = testsOf(line, results);
    if (tests.length === 0) return [`| ${line} | – | no test |`];
    const labelOf = ({ group, name, file }: Result) =>
      `${names(line, name) ? name : group} (\`${file.split("/").at(-1)}\`)`;
    return [...Map.groupBy(tests, labelOf)].map(([label, same]) => {
      const count = same.length === 1 ? "" : ` × ${same.length}`;
      const words = label.replaceAll("|", "\\|");
      return `| ${line} | ${words}${count} | ${same.every(({ passed }) => passed) ? "passed" : "FAILED"} |`;
    });
  });
  return `# Tests

\`bun run test\` runs them on a real PostgreSQL and a real SMTP server; \`bun run test:browser\` those that need Chromium; \`bun run certify\` injects faults into whole processes; \`bun run attack\` draws 20,000 requests from the OpenAPI document, valid and hostile, in every role (\`--seed\`, \`--requests\`, \`--path\`).

The security requirements R1–R60 and the tests that name them. Made by \`bun run security-lines\`; the figures of R2, R41 and R43 come from \`bun run bench:timing\`.

| line | test | result |
|---|---|---|
${rows.join("\n")}
`;
}
