/** Real processes of dundie, each known by its pid; none outlives the certifier. */
import { openSync, closeSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

export interface Dundie {
  readonly pid: number;
  /** Where its API listens; null for a worker. */
  readonly url: string | null;
  /** Of `Bun.Subprocess`: null when a signal ended it. */
  readonly exited: Promise<number | null>;
  signal(name: NodeJS.Signals): void;
  /** How many events of this name are in its log. */
  logged(event: string): number;
}

export interface DundieOptions {
  readonly command: "serve" | "worker";
  readonly environment: Readonly<Record<string, string>>;
  readonly logFile: string;
  /** Another entry than `src/cli.ts`. */
  readonly entry?: string;
}

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
/** A start takes a second on an idle machine. */
const START_TIMEOUT_MS = 60_000;

/** Resolves when the API listens, or the worker works. */
export async function startDundie({ command, environment, logFile, entry }: DundieOptions): Promise<Dundie> {
  const log = openSync(logFile, "a");
  const child = Bun.spawn([process.execPath, entry ?? "src/cli.ts", command], {
    cwd: ROOT,
    // As if started by a package runner: it then stops by itself when the certifier is killed. See `src/launcher.ts`.
    env: { ...inherited(), npm_lifecycle_event: "certify", ...environment },
    stdin: "ignore",
    stdout: log,
    stderr: log,
  });
  closeSync(log);
  children.add(child);
  void child.exited.then(() => children.delete(child));

  const events = (): Record<string, unknown>[] => readEvents(logFile).filter(({ pid }) => pid === child.pid);
  const ready = command === "serve" ? "listening" : "working";
  const deadline = performance.now() + START_TIMEOUT_MS;
  let started: Record<string, unknown> | undefined;
  while (!(started = events().find(({ event }) => event === ready))) {
    if (child.exitCode !== null || child.signalCode !== null || performance.now() > deadline) {
      child.kill("SIGKILL");
      throw new Error(`dundie ${command} did not start:\n${readFileSync(logFile, "utf8").slice(-2_000)}`);
    }
    await Bun.sleep(25);
  }
  return {
    pid: child.pid,
    url: typeof started["url"] === "string" ? started["url"].replace("localhost", "127.0.0.1") : null,
    exited: child.exited.then(() => child.exitCode),
    signal: (name) => child.kill(name),
    logged: (name) => events().filter(({ event }) => event === name).length,
  };
}

function readEvents(logFile: string): Record<string, unknown>[] {
  return readFileSync(logFile, "utf8")
    .split("\n")
    .flatMap((line) => {
      try {
        return line.startsWith("{") ? [JSON.parse(line) as Record<string, unknown>] : [];
      } catch {
        // Half a line: it is being written, or its process was killed.
        return [];
      }
    });
}

/** One command of the command line, to its end. @returns what it printed. @throws when it fails. */
export async function runDundie(
  args: readonly string[],
  environment: Readonly<Record<string, string>>,
): Promise<string> {
  const child = Bun.spawn([process.execPath, "src/cli.ts", ...args], {
    cwd: ROOT,
    env: { ...inherited(), ...environment },
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  });
  children.add(child);
  const [printed, complaints, code] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ]);
  children.delete(child);
  if (code !== 0) throw new Error(`dundie ${args[0]} ended with ${code}: ${complaints.slice(-2_000)}`);
  return printed;
}

/** What a process needs of this one's environment, and nothing that would configure it. */
function inherited(): Record<string, string> {
  const names = ["PATH", "HOME", "TMPDIR"];
  return Object.fromEntries(names.flatMap((name) => (process.env[name] ? [[name, process.env[name]]] : [])));
}

const children = new Set<Bun.Subprocess>();

/** However the certifier ends, by a last line or by Ctrl-C. */
process.on("exit", () => {
  for (const child of children) child.kill("SIGKILL");
});
