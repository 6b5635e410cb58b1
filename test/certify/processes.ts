/** Real processes of dundie, each known by its pid. None of them outlives the certificate. */
import { openSync, closeSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { askHealth } from "./http-client.ts";

/** The checkout that this file is part of. */
export const THIS_CHECKOUT = fileURLToPath(new URL("../..", import.meta.url));

export interface Dundie {
  readonly pid: number;
  /** Where its API listens; null for a worker. */
  readonly url: string | null;
  /** The exit code; null when a signal ended the process. */
  readonly exited: Promise<number | null>;
  running(): boolean;
  signal(name: NodeJS.Signals): void;
  /** The lines of its log, as far as they are JSON. */
  log(): LogLine[];
  /** How many lines of its log have this event. */
  logged(event: string): number;
}

export type LogLine = Readonly<Record<string, unknown>>;

export interface DundieOptions {
  readonly command: "serve" | "worker";
  readonly environment: Readonly<Record<string, string>>;
  readonly logFile: string;
  /** The directory of the checkout to run. @default this one */
  readonly product?: string;
  /** Where its log goes instead of the log file. The process is ready when `/health` answers then. */
  readonly output?: { readonly fd: number; readonly port: number };
  /** Another entry than `src/cli.ts`, relative to the checkout. */
  readonly entry?: string;
}

/** A start takes a second on an idle machine. */
const START_TIMEOUT_MS = 60_000;

/** Resolves when the API listens, or when the worker works. */
export async function startDundie(options: DundieOptions): Promise<Dundie> {
  const { command, environment, logFile, product = THIS_CHECKOUT, entry = "src/cli.ts", output } = options;
  const log = openSync(logFile, "a");
  const child = Bun.spawn([process.execPath, entry, command], {
    cwd: product,
    // With this name dundie stops by itself when the package runner above it is killed. See `src/launcher.ts`.
    env: { ...inherited(), npm_lifecycle_event: "certify", ...environment },
    stdin: "ignore",
    stdout: output?.fd ?? log,
    stderr: output?.fd ?? log,
  });
  closeSync(log);
  children.add(child);
  void child.exited.then(() => children.delete(child));

  const lines = (): LogLine[] => readLines(logFile).filter(({ pid }) => pid === child.pid);
  const ready = command === "serve" ? "listening" : "working";
  const deadline = performance.now() + START_TIMEOUT_MS;
  const isReady = async (): Promise<LogLine | undefined> => {
    if (!output) return lines().find(({ event }) => event === ready);
    const url = `http://localhost:${output.port}`;
    return (await askHealth(url)).status > 0 ? { url } : undefined;
  };
  let started: LogLine | undefined;
  while (!(started = await isReady())) {
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
    running: () => child.exitCode === null && child.signalCode === null,
    signal: (name) => child.kill(name),
    log: lines,
    logged: (name) => lines().filter(({ event }) => event === name).length,
  };
}

function readLines(logFile: string): LogLine[] {
  return readFileSync(logFile, "utf8")
    .split("\n")
    .flatMap((line) => {
      try {
        return line.startsWith("{") ? [JSON.parse(line) as LogLine] : [];
      } catch {
        // The line is being written, or its process was killed while writing it.
        return [];
      }
    });
}

/** Runs one command of the command line to its end. @returns what it printed. @throws when it fails. */
export async function runDundie(
  product: string,
  args: readonly string[],
  environment: Readonly<Record<string, string>>,
): Promise<string> {
  const child = Bun.spawn([process.execPath, "src/cli.ts", ...args], {
    cwd: product,
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
  if (code !== 0) throw new Error(`dundie ${args[0]} ended with ${code}: ${(complaints + printed).slice(-2_000)}`);
  return printed;
}

/** The part of this process's environment that a process needs and that does not configure dundie. */
function inherited(): Record<string, string> {
  const names = ["PATH", "HOME", "TMPDIR"];
  return Object.fromEntries(names.flatMap((name) => (process.env[name] ? [[name, process.env[name]]] : [])));
}

const children = new Set<Bun.Subprocess>();

// This runs however the certificate ends, by its last line or by Ctrl-C.
process.on("exit", () => {
  for (const child of children) child.kill("SIGKILL");
});
