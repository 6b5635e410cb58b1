/**
 * `npx bun start` is npm -> sh -> bun -> this process, and a SIGTERM to npx stops none of the others: without a watch
 * the server would stay behind.
 */
import { readFile } from "node:fs/promises";

const CHECK_INTERVAL_MS = 500;

/**
 * Calls back once when a package runner that launched this process is gone. Does nothing for a process that was
 * started directly, so that `nohup bun src/cli.ts serve &` outlives its shell.
 */
export function watchLauncher(onGone: () => void): void {
  if (!process.env["npm_lifecycle_event"]) return;
  void launchers().then((pids) => {
    if (pids.length === 0) return;
    const timer = setInterval(() => {
      if (pids.every(isAlive) && process.ppid === pids[0]) return;
      clearInterval(timer);
      onGone();
    }, CHECK_INTERVAL_MS);
    timer.unref();
  });
}

/** Our ancestors, nearest first, as far as they are package runners or the shells between them. */
async function launchers(): Promise<number[]> {
  const pids: number[] = [];
  let pid = process.ppid;
  let lastRunner = 0;
  while (pid > 1 && pids.length < 8) {
    const parent = await describe(pid);
    if (!parent || !/^(bun|bunx|npm|npx|node|sh|dash|bash)\b/.test(parent.name)) break;
    pids.push(pid);
    if (!/^(sh|dash|bash)\b/.test(parent.name)) lastRunner = pids.length;
    pid = parent.ppid;
  }
  // A shell above the last runner is the person's own.
  return pids.slice(0, lastRunner);
}

async function describe(pid: number): Promise<{ name: string; ppid: number } | null> {
  try {
    // "pid (name) state ppid …", where the name may hold anything, parentheses included.
    const stat = await readFile(`/proc/${pid}/stat`, "utf8");
    const end = stat.lastIndexOf(")");
    return { name: stat.slice(stat.indexOf("(") + 1, end), ppid: Number(stat.slice(end + 2).split(" ")[1]) };
  } catch {
    return await describeByPs(pid);
  }
}

/** Asks `ps` where there is no /proc, as on macOS. */
async function describeByPs(pid: number): Promise<{ name: string; ppid: number } | null> {
  try {
    const output = await new Response(Bun.spawn(["ps", "-o", "ppid=,comm=", "-p", String(pid)]).stdout).text();
    const [, ppid, path] = /^\s*(\d+)\s+(.+?)\s*$/.exec(output) ?? [];
    return ppid && path ? { name: path.split("/").at(-1) ?? "", ppid: Number(ppid) } : null;
  } catch {
    return null;
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
