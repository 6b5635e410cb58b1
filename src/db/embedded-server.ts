/** The server process of an embedded cluster: started, watched through `postmaster.pid`, stopped. */
import { open, readFile, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { ConfigError } from "../errors.ts";
import type { Place, ServerUser } from "./embedded-place.ts";

/** What `postmaster.pid` says, which the server writes when it starts and removes when it ends. */
export interface Postmaster {
  readonly pid: number;
  readonly port: number;
  /** It takes connections; before that it starts or recovers, after that it stops. */
  readonly ready: boolean;
}

/** Recovery after a crash may replay much; a server that takes longer than this is stuck. */
export const START_TIMEOUT_MS = 60_000;
const STOP_TIMEOUT_MS = 30_000;
const KILL_TIMEOUT_MS = 5_000;
const WATCH_MS = 1_000;
const POLL_MS = 10;

/**
 * Small, because it shares a developer's machine. Given on the command line, so that a cluster made by an older
 * version runs with today's.
 */
const SETTINGS = {
  listen_addresses: "127.0.0.1",
  // TCP only: a socket's path may be 107 bytes long at most, and a checkout's is not ours to choose.
  unix_socket_directories: "",
  max_connections: "60",
  shared_buffers: "128MB",
  timezone: "UTC",
  log_timezone: "UTC",
  log_checkpoints: "off",
  // The log has no DETAIL lines, because those quote rows, and with them people's addresses.
  log_error_verbosity: "terse",
} as const;

/** Those that this process started or adopted and has not stopped: the home of each by its pid. */
const owned = new Map<number, string>();

/** From now on `killServers` ends it, too. */
export const ownServer = (pid: number, home: string): void => void owned.set(pid, home);

/**
 * For a process that must end at once: its servers end without ceremony, which loses nothing that was committed.
 * Resolves when they are gone, or after 5 s.
 */
export async function killServers(): Promise<void> {
  const deadline = performance.now() + KILL_TIMEOUT_MS;
  for (const [pid, home] of owned) if (await isPostmaster(pid, home)) process.kill(pid, "SIGQUIT");
  for (const [pid, home] of owned) {
    while ((await isPostmaster(pid, home)) && performance.now() < deadline) await Bun.sleep(POLL_MS);
  }
}

/**
 * Null: it ended at once, and `lastWords` tells why.
 * @throws the reason of `signal`, when it is aborted; the server is gone then.
 */
export async function startServer(
  { home, user }: Place,
  binaries: string,
  signal?: AbortSignal,
): Promise<Postmaster | null> {
  const settings = Object.entries({ ...SETTINGS, port: findFreePort() });
  const server = await spawnAs(
    user,
    [
      join(binaries, "postgres"),
      "-D",
      join(home, "data"),
      ...settings.flatMap(([key, value]) => ["-c", `${key}=${value}`]),
    ],
    home,
  );
  // It outlives us when we are killed, and must not keep us alive when we are done.
  server.unref();
  ownServer(server.pid, home);
  const deadline = performance.now() + START_TIMEOUT_MS;
  while (server.exitCode === null && server.signalCode === null) {
    const postmaster = await readPostmaster(home);
    if (postmaster?.pid === server.pid && postmaster.ready) return postmaster;
    if (performance.now() > deadline || signal?.aborted) {
      server.kill("SIGQUIT");
      break;
    }
    await Bun.sleep(POLL_MS);
  }
  await server.exited;
  owned.delete(server.pid);
  signal?.throwIfAborted();
  return null;
}

/** Resolves when the server is gone. */
export async function stopServer(home: string, pid: number): Promise<void> {
  // SIGINT, the "fast" shutdown: roll back what is open, disconnect all clients, write a checkpoint. SIGQUIT leaves
  // the rest to recovery at the next start, which loses nothing that was committed.
  for (const signal of ["SIGINT", "SIGQUIT"] as const) {
    const deadline = performance.now() + STOP_TIMEOUT_MS;
    if (await isPostmaster(pid, home)) process.kill(pid, signal);
    while (await isPostmaster(pid, home)) {
      if (performance.now() > deadline) break;
      await Bun.sleep(POLL_MS);
    }
  }
  owned.delete(pid);
}

/** Resolves when the server was not there twice in a row, or when `signal` ends the wait. */
export async function serverGone(pid: number, home: string, signal: AbortSignal): Promise<void> {
  for (let misses = 0; misses < 2 && !signal.aborted;) {
    misses = (await isPostmaster(pid, home)) ? 0 : misses + 1;
    await Bun.sleep(WATCH_MS);
  }
}

export async function readPostmaster(home: string): Promise<Postmaster | null> {
  const text = await readFile(join(home, "data", "postmaster.pid"), "utf8").catch(() => "");
  const [pid, , , port, , , , state] = text.split("\n");
  return pid && port ? { pid: Number(pid), port: Number(port), ready: state?.trim() === "ready" } : null;
}

/** Checks the command line, because after a restart of the machine or container another process soon has the number. */
export async function isPostmaster(pid: number, home: string): Promise<boolean> {
  const command =
    process.platform === "linux"
      ? await readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "")
      : await new Response(Bun.spawn(["ps", "-ww", "-o", "command=", "-p", String(pid)]).stdout).text();
  // A zombie, which may have no parent that reaps it, has no command line any more.
  return command.includes(join(home, "data"));
}

/**
 * PostgreSQL sees by itself that the process in `postmaster.pid` is dead, but not that it is alive and a stranger's:
 * then it refuses to start. What is left of a killed server it knows by its shared memory, without this file.
 */
export async function removeStalePidFile(home: string): Promise<void> {
  const named = await readPostmaster(home);
  if (named && !(await isPostmaster(named.pid, home))) await rm(join(home, "data", "postmaster.pid"), { force: true });
}

export async function lastWords(home: string): Promise<string> {
  const text = await readFile(join(home, "log"), "utf8").catch(() => "");
  return text.trim().split("\n").slice(-5).join("\n");
}

/**
 * Starts a program of PostgreSQL, its output in `log`; the log before it is kept as `log.previous`.
 * Not with our environment: `SECRET_KEY` is not the server's to know, nor `PGOPTIONS` and its like to obey.
 * In `/`, because a directory of root's may be one that the server's user cannot be in. In a session of its own:
 * Ctrl-C reaches every process of a terminal's group, and the database is to stop last.
 */
export async function spawnAs(user: ServerUser | null, command: string[], home: string): Promise<Bun.Subprocess> {
  await rename(join(home, "log"), join(home, "log.previous")).catch(() => undefined);
  const log = await open(join(home, "log"), "a", 0o600);
  const env = { PATH: process.env["PATH"] ?? "", LC_ALL: "C" };
  try {
    return Bun.spawn(command, { ...user, cwd: "/", env, stdout: log.fd, stderr: log.fd, detached: true });
  } catch (cause) {
    throw new ConfigError([`the embedded PostgreSQL cannot run on this machine (${cause}): set DATABASE_URL`]);
  } finally {
    await log.close();
  }
}

function findFreePort(): number {
  const listener = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data: () => undefined } });
  listener.stop(true);
  return listener.port;
}
