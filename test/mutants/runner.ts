/** Runs one test file at a time in a copy of the tree, and says what became of its tests. */
import { cp, mkdir, readFile, rm, symlink } from "node:fs/promises";
import { join, relative } from "node:path";
import { startEmbedded } from "../../src/db/embedded.ts";
import { temporaryDirectory } from "../support/database.ts";

const ROOT = join(import.meta.dirname, "../..");

/** What is not copied: what is built, installed or made by running, and secrets. */
const LEFT_OUT = new Set(["node_modules", ".git", ".env", ".dundie", ".react-email", "screenshots", "tmp"]);

/** As in the ordinary suite. */
const TEST_TIMEOUT_MS = 30_000;

/** A copy of the tree, and a PostgreSQL that its tests share with no other runner's. */
export interface Runner {
  /** The root of the copy. */
  readonly copy: string;
  readonly databaseUrl: string;
  stop(): Promise<void>;
}

/**
 * Copies the tree as it stands, uncommitted changes included; its packages are those of the original. All of it lies in a
 * directory that is removed however this process ends.
 */
export async function startRunner(): Promise<Runner> {
  const directory = await temporaryDirectory();
  const copy = join(directory.path, "copy");
  await mkdir(copy);
  await cp(ROOT, copy, { recursive: true, filter: (path) => !LEFT_OUT.has(relative(ROOT, path)) });
  await symlink(join(ROOT, "node_modules"), join(copy, "node_modules"));
  const database = await startEmbedded(directory.path);
  return {
    copy,
    databaseUrl: database.url,
    async stop() {
      await database.stop();
      await directory.remove();
    },
  };
}

export interface TestRun {
  /** Full names of tests. Those that were filtered out are in neither list. */
  readonly passed: readonly string[];
  /** The name of a test that waited in vain ends in "(time-out)". */
  readonly failed: readonly string[];
  readonly timedOut: boolean;
  /** No test was red, but the run was: a file or a hook before the tests failed. */
  readonly broken: boolean;
  readonly output: string;
  readonly seconds: number;
}

const running = new Set<Bun.Subprocess>();

/** Ends the test runs that are left, with what they started. */
export function killRuns(): void {
  for (const child of running) killGroup(child);
}

export interface RunOptions {
  /** Under `test/`. */
  readonly file: string;
  /** Parts of names of tests. */
  readonly names: readonly string[];
  readonly timeoutSeconds: number;
}

export async function runTests(
  { copy, databaseUrl }: Runner,
  { file, names, timeoutSeconds }: RunOptions,
): Promise<TestRun> {
  const report = `${copy}.xml`;
  await rm(report, { force: true });
  const startedAt = performance.now();
  const pattern = names.map((name) => RegExp.escape(name)).join("|");
  const options = ["--timeout", String(TEST_TIMEOUT_MS), "--reporter=junit", `--reporter-outfile=${report}`];
  const child = Bun.spawn([process.execPath, "test", ...options, "-t", pattern, `./test/${file}`], {
    cwd: copy,
    env: { ...process.env, TEST_DATABASE_URL: databaseUrl, NO_COLOR: "1" },
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
    // A group of its own, so that what a mutant has started ends with it.
    detached: true,
  });
  running.add(child);
  let timedOut = false;
  const timer = setTimeout(() => {
    timedOut = true;
    killGroup(child);
  }, timeoutSeconds * 1_000);
  const [stdout, stderr] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited]);
  clearTimeout(timer);
  killGroup(child);
  running.delete(child);
  const tests = testsOf(await readFile(report, "utf8").catch(() => ""));
  const failed = tests.filter(({ red }) => red).map(({ name }) => name);
  return {
    passed: tests.filter(({ red }) => !red).map(({ name }) => name),
    failed,
    timedOut,
    broken: !timedOut && failed.length === 0 && child.exitCode !== 0,
    output: stdout + stderr,
    seconds: (performance.now() - startedAt) / 1_000,
  };
}

function killGroup({ pid }: Bun.Subprocess): void {
  try {
    process.kill(-pid, "SIGKILL");
  } catch (error) {
    // Nothing of the group is left.
    if (!(error instanceof Error && "code" in error && error.code === "ESRCH")) throw error;
  }
}

/** The tests of a JUnit report that were run. Bun names a failed `beforeAll` "(unnamed)", which is no test. */
function testsOf(xml: string): { name: string; red: boolean }[] {
  const cases = xml.matchAll(/<testcase name="([^"]*)" classname="([^"]*)"[^>]*?(?:\/>|>(.*?)<\/testcase>)/gs);
  return [...cases].flatMap(([, name = "", groups = "", result = ""]) => {
    if (name === "(unnamed)" || result.includes("<skipped")) return [];
    // The innermost group stands first.
    const path = [...unescape(groups).split(" > ").toReversed(), unescape(name)];
    if (result.includes('type="TimeoutError"')) path.push("(time-out)");
    return { name: path.join(" ").trim(), red: result.includes("<failure") };
  });
}

const ENTITIES: Readonly<Record<string, string>> = { lt: "<", gt: ">", quot: '"', apos: "'", amp: "&" };
const unescape = (text: string): string => text.replace(/&(\w+);/g, (entity, name: string) => ENTITIES[name] ?? entity);
