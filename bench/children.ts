/** Processes that the bench starts beside dundie's own, each known by its pid; none outlives it. */
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("..", import.meta.url));

export interface Child {
  readonly pid: number;
  /** Resolves with the next message that the process sends, after `message` was sent to it. */
  ask<T>(message: unknown): Promise<T>;
  tell(message: unknown): void;
  /** Resolves when it is gone. */
  stop(): Promise<void>;
  readonly exited: Promise<unknown>;
}

/** Ports are found by listening on them: two calls may name the same one only after the first has let go of it. */
export function findFreePort(): number {
  const listener = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data: () => undefined } });
  listener.stop(true);
  return listener.port;
}

/** A script of ours, told and asked by IPC; its first message says that it is ready. */
export async function startScript(
  script: string,
  environment: Readonly<Record<string, string>> = {},
): Promise<{ child: Child; ready: unknown }> {
  const waiting: PromiseWithResolvers<any>[] = [Promise.withResolvers()];
  const first = waiting[0];
  const process = Bun.spawn([globalThis.process.execPath, fileURLToPath(new URL(script, import.meta.url))], {
    cwd: ROOT,
    env: { ...inherited(), ...environment },
    stdin: "ignore",
    stdout: "ignore",
    stderr: "inherit",
    ipc: (message) => waiting.shift()?.resolve(message),
  });
  const child = childOf(keep(process));
  void process.exited.then((code) => {
    for (const { reject } of waiting) reject(new Error(`${script} ended (${code}) before it answered.`));
  });
  return {
    child: {
      ...child,
      tell: (message) => process.send(message),
      ask(message) {
        const answer = Promise.withResolvers<any>();
        waiting.push(answer);
        process.send(message);
        return answer.promise;
      },
    },
    ready: await first?.promise,
  };
}

/** A server that is told by its environment and arguments where to listen; ready when `url` answers anything. */
export async function startServer(
  command: readonly string[],
  environment: Readonly<Record<string, string>>,
  url: string,
): Promise<Child> {
  const process = spawnQuietly(command, environment);
  const deadline = performance.now() + 30_000;
  for (;;) {
    const answer = await fetch(url).catch(() => null);
    await answer?.arrayBuffer();
    if (answer) return childOf(process);
    if (process.exitCode !== null || performance.now() > deadline) {
      process.kill("SIGKILL");
      throw new Error(`This server does not start: ${command.join(" ")}`);
    }
    await Bun.sleep(20);
  }
}

/** Runs a command to its end. @returns what it printed. @throws {Error} when it fails. */
export async function spawnForOutput(command: readonly string[]): Promise<string> {
  const process = Bun.spawn([...command], { cwd: ROOT, env: inherited(), stdin: "ignore", stderr: "inherit" });
  keep(process);
  const printed = await new Response(process.stdout).text();
  if ((await process.exited) !== 0) throw new Error(`${command[0]} ended with ${process.exitCode}: ${printed}`);
  return printed;
}

/** Its standard output goes to /dev/null. */
export function spawnQuietly(
  command: readonly string[],
  environment: Readonly<Record<string, string>>,
): Bun.Subprocess {
  return keep(
    Bun.spawn([...command], {
      cwd: ROOT,
      env: { ...inherited(), ...environment },
      stdin: "ignore",
      stdout: "ignore",
      stderr: "inherit",
    }),
  );
}

function keep<P extends Bun.Subprocess>(process: P): P {
  running.add(process);
  void process.exited.then(() => running.delete(process));
  return process;
}

function childOf(process: Bun.Subprocess): Child {
  const silent = (): never => {
    throw new TypeError("This process cannot be talked to.");
  };
  return {
    pid: process.pid,
    ask: silent,
    tell: silent,
    exited: process.exited,
    async stop() {
      process.kill("SIGKILL");
      await process.exited;
    },
  };
}

function inherited(): Record<string, string> {
  return Object.fromEntries(
    ["PATH", "HOME", "TMPDIR"].flatMap((name) => {
      const value = globalThis.process.env[name];
      return value ? [[name, value]] : [];
    }),
  );
}

const running = new Set<Bun.Subprocess>();

/** However the bench ends, by a last line or by Ctrl-C. */
process.on("exit", () => {
  for (const child of running) child.kill("SIGKILL");
});
