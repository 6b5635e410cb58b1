/** dundie as a process. None that was started here outlives this one. */
import { closeSync, openSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { until } from "./waiting.ts";

export const ROOT = join(import.meta.dirname, "../..");

/** A start takes a second on an idle machine. */
const TIMEOUT_MS = 60_000;

export interface CliProcess extends AsyncDisposable {
  readonly pid: number;
  readonly process: Bun.Subprocess;
  /** What was written so far. */
  readonly stdout: string;
  readonly stderr: string;
  /** @returns the exit code, or the name of the signal that ended it. */
  readonly ended: Promise<number | string>;
  /** Polls until `condition` holds. @throws with all output when the process ends first, or after 60 s. */
  until(condition: (cli: CliProcess) => boolean): Promise<void>;
}

export interface CliOptions {
  readonly env?: Readonly<Record<string, string>>;
  /** Text for standard input, which then ends. */
  readonly stdin?: string;
  /** Its standard output goes there instead, and `stdout` stays empty. */
  readonly stdoutFd?: number;
  readonly cwd?: string;
  /** Another checkout. @default this one */
  readonly root?: string;
  /** A module that is loaded first. */
  readonly preload?: string;
  /** Another command in place of Bun and `src/cli.ts`. It inherits no environment, neither PATH nor HOME. */
  readonly program?: readonly string[];
}

/** Starts `dundie …`, as a person at a shell does, and keeps what it prints. */
export function spawnCli(args: readonly string[], options: CliOptions = {}): CliProcess {
  const preload = options.preload === undefined ? [] : ["--preload", options.preload];
  const program = options.program ?? [process.execPath, ...preload, join(options.root ?? ROOT, "src/cli.ts")];
  const child = spawn([...program, ...args], {
    cwd: options.cwd ?? ROOT,
    env: { ...(options.program === undefined ? inherited() : {}), ...options.env },
    stdin: options.stdin === undefined ? "ignore" : new Blob([options.stdin]),
    stdout: options.stdoutFd ?? "pipe",
    stderr: "pipe",
  });
  const output = { stdout: "", stderr: "" };
  const collect = async (name: "stdout" | "stderr"): Promise<void> => {
    const stream = child[name];
    if (!(stream instanceof ReadableStream)) return;
    const decoder = new TextDecoder();
    for await (const part of stream) output[name] += decoder.decode(part, { stream: true });
  };
  // The streams of a process that was killed may end by ECONNRESET: what was read before counts.
  const collected = Promise.allSettled([collect("stdout"), collect("stderr")]);
  const cli: CliProcess = {
    pid: child.pid,
    process: child,
    get stdout() {
      return output.stdout;
    },
    get stderr() {
      return output.stderr;
    },
    ended: child.exited.then(async () => {
      await collected;
      return child.signalCode ?? child.exitCode ?? "unknown";
    }),
    async until(condition) {
      const seen = (): string => `exit code ${child.exitCode}:\n${output.stdout}${output.stderr}`;
      const holds = await until(() => (condition(cli) ? "holds" : hasEnded(child)), { timeoutMs: TIMEOUT_MS, seen });
      if (holds === "holds") return;
      await Promise.race([collected, Bun.sleep(1_000)]);
      if (!condition(cli)) throw new Error(`The process ended before the condition held; ${seen()}`);
    },
    async [Symbol.asyncDispose]() {
      child.kill("SIGKILL");
      await child.exited;
      await collected;
    },
  };
  return cli;
}

/** Runs `dundie …` to its end. @returns what it printed. @throws when it fails. */
export async function runCli(args: readonly string[], options: CliOptions = {}): Promise<string> {
  await using cli = spawnCli(args, options);
  const ended = await cli.ended;
  if (ended === 0) return cli.stdout;
  throw new Error(`dundie ${args[0]} ended with ${ended}: ${(cli.stderr + cli.stdout).slice(-2_000)}`);
}

/** Where a `serve` listens, by the log in `text`; undefined until it does. */
export const listeningUrl = (text: string): string | undefined => /"listening","url":"([^"]+)"/.exec(text)?.[1];

/** A server or a worker that is ready. Its log is a file, so that reading it costs this process nothing meanwhile. */
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
  /** An executable in place of Bun and a checkout. */
  readonly executable?: string;
}

/** Resolves when the API listens, or when the worker works. */
export async function startDundie(options: DundieOptions): Promise<Dundie> {
  const { command, environment, logFile, product = ROOT, entry = "src/cli.ts", output, executable } = options;
  const log = openSync(logFile, "a");
  // With this name dundie stops by itself when the package runner above it is killed. See `src/launcher.ts`.
  const child = spawn([...(executable === undefined ? [process.execPath, entry] : [executable]), command], {
    cwd: product,
    env: { ...inherited(), npm_lifecycle_event: "test", ...environment },
    stdin: "ignore",
    stdout: output?.fd ?? log,
    stderr: output?.fd ?? log,
  });
  closeSync(log);

  const lines = (): LogLine[] => readLines(logFile).filter(({ pid }) => pid === child.pid);
  const ready = command === "serve" ? "listening" : "working";
  const url = `http://127.0.0.1:${output?.port}`;
  const isReady = async (): Promise<LogLine | boolean | undefined> => {
    if (hasEnded(child)) return true;
    if (!output) return lines().find(({ event }) => event === ready);
    return (await answersAt(url)) && { url };
  };
  const started = await until(isReady, { timeoutMs: TIMEOUT_MS, everyMs: 25 }).catch(() => true as const);
  if (started === true) {
    child.kill("SIGKILL");
    throw new Error(`dundie ${command} did not start:\n${readFileSync(logFile, "utf8").slice(-2_000)}`);
  }
  return {
    pid: child.pid,
    url: typeof started["url"] === "string" ? started["url"].replace("localhost", "127.0.0.1") : null,
    exited: child.exited.then(() => child.exitCode),
    running: () => !hasEnded(child),
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

const answersAt = (url: string): Promise<boolean> =>
  fetch(`${url}/health`, { signal: AbortSignal.timeout(5_000) }).then(
    async (answer) => (await answer.arrayBuffer(), true),
    () => false,
  );

const hasEnded = (child: Bun.Subprocess): boolean => child.exitCode !== null || child.signalCode !== null;

/** PATH and the like: nothing of this process's own configuration is passed on. */
function inherited(): Record<string, string> {
  const names = ["PATH", "HOME", "TMPDIR"];
  const present = names.flatMap((name) => (process.env[name] ? [[name, process.env[name]]] : []));
  // No load balancer is to notice that it stops.
  return { ...Object.fromEntries(present), SHUTDOWN_DELAY_SECONDS: "0" };
}

function spawn(
  command: readonly string[],
  options: Bun.SpawnOptions.OptionsObject<
    Bun.SpawnOptions.Writable,
    Bun.SpawnOptions.Readable,
    Bun.SpawnOptions.Readable
  >,
): Bun.Subprocess {
  const child = Bun.spawn([...command], options);
  children.add(child);
  void child.exited.then(() => children.delete(child));
  return child;
}

const children = new Set<Bun.Subprocess>();

// This runs however this process ends, by its last line or by Ctrl-C.
process.on("exit", () => {
  for (const child of children) child.kill("SIGKILL");
});
