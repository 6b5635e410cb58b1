/** `dundie …` as a process, for tests of what a person at a shell sees. */
import { constants, closeSync, openSync, readSync } from "node:fs";
import { join } from "node:path";

export const ROOT = join(import.meta.dirname, "../..");

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
}

const TIMEOUT_MS = 60_000;

/** Nothing of this process's own configuration is passed on. */
const inherited = (): Record<string, string> => ({
  PATH: process.env["PATH"] ?? "",
  HOME: process.env["HOME"] ?? "/",
  // No load balancer is to notice that it stops.
  SHUTDOWN_DELAY_SECONDS: "0",
});

export function spawnCli(args: readonly string[], options: CliOptions = {}): CliProcess {
  const preload = options.preload === undefined ? [] : ["--preload", options.preload];
  const child = Bun.spawn([process.execPath, ...preload, join(options.root ?? ROOT, "src/cli.ts"), ...args], {
    cwd: options.cwd ?? ROOT,
    env: { ...inherited(), ...options.env },
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
      const deadline = performance.now() + TIMEOUT_MS;
      while (!condition(cli)) {
        if (child.exitCode !== null || child.signalCode !== null || performance.now() > deadline) {
          await Promise.race([collected, Bun.sleep(1_000)]);
          if (condition(cli)) return;
          throw new Error(
            `the condition did not come true; exit code ${child.exitCode}:\n${output.stdout}${output.stderr}`,
          );
        }
        await Bun.sleep(20);
      }
    },
    async [Symbol.asyncDispose]() {
      child.kill("SIGKILL");
      await child.exited;
      await collected;
    },
  };
  return cli;
}

/** Where a `serve` listens, by the log in `text`; undefined until it does. */
export const listeningUrl = (text: string): string | undefined => /"listening","url":"([^"]+)"/.exec(text)?.[1];

/** A pipe whose reader reads only when it is told to. */
export function openPipe(path: string): { readonly writer: number; read(): string; close(): void } {
  const made = Bun.spawnSync(["mkfifo", path]);
  if (!made.success) throw new Error(made.stderr.toString());
  const reader = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  const writer = openSync(path, constants.O_WRONLY | constants.O_NONBLOCK);
  const decoder = new TextDecoder();
  const buffer = new Uint8Array(65_536);
  return {
    writer,
    read() {
      let text = "";
      for (;;) {
        let length = 0;
        try {
          length = readSync(reader, buffer);
        } catch (error) {
          if (!(error instanceof Error && "code" in error && error.code === "EAGAIN")) throw error;
        }
        if (length === 0) return text;
        text += decoder.decode(buffer.subarray(0, length), { stream: true });
      }
    },
    close() {
      closeSync(reader);
      closeSync(writer);
    },
  };
}
