/** `dundie serve` in a real terminal, below a package runner, as a person at a desk starts and stops it. */
import { afterAll, beforeAll, expect, test, setDefaultTimeout } from "bun:test";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { temporaryDirectory, type TemporaryDirectory } from "./support/database.ts";
import { ROOT } from "./support/process.ts";
import { until } from "./support/waiting.ts";

/** Each test starts processes, which takes many times longer on a busy machine. */
setDefaultTimeout(120_000);

const tmuxPath = Bun.which("tmux");
if (tmuxPath === null) console.warn("terminal.test.ts: there is no tmux, so Ctrl-C in a terminal is NOT tested");

let directory: TemporaryDirectory;

beforeAll(async () => {
  directory = await temporaryDirectory();
});

afterAll(async () => {
  await directory.remove();
});

interface Terminal extends AsyncDisposable {
  type(...keys: string[]): void;
  /** What is on it, and what has scrolled away. */
  text(): string;
  until(condition: (text: string) => boolean): Promise<void>;
  /** As when its window is closed, or its connection is lost. */
  close(): void;
}

function openTerminal(env: Readonly<Record<string, string>>): Terminal {
  const socket = join(directory.path, `tmux-${crypto.randomUUID().slice(0, 8)}`);
  const tmux = (...args: string[]): string =>
    Bun.spawnSync([tmuxPath ?? "tmux", "-S", socket, "-f", "/dev/null", ...args], {
      cwd: ROOT,
      env: { PATH: process.env["PATH"] ?? "", HOME: process.env["HOME"] ?? "/", TERM: "xterm", ...env },
    }).stdout.toString();
  tmux("new-session", "-d", "-s", "one", "-x", "160", "-y", "50", "sh");
  const terminal: Terminal = {
    type: (...keys) => void tmux("send-keys", "-t", "one", ...keys),
    text: () => tmux("capture-pane", "-p", "-S", "-", "-t", "one"),
    async until(condition) {
      await until(() => condition(terminal.text()), { timeoutMs: 60_000, everyMs: 50, seen: terminal.text });
    },
    close: () => void tmux("kill-session", "-t", "one"),
    // oxlint-disable-next-line require-await -- the interface asks for a promise.
    async [Symbol.asyncDispose]() {
      tmux("kill-server");
    },
  };
  return terminal;
}

const hasEnded = async (pid: number): Promise<boolean> =>
  (await readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "")) === "";

/** @returns the pids of dundie and of its PostgreSQL. */
async function serve(terminal: Terminal): Promise<number[]> {
  // The shell and the two runners between the terminal and dundie deliver its signals a second time.
  terminal.type("bun run dundie serve", "Enter");
  await terminal.until((text) => text.includes("Ctrl-C stops it"));
  const postmaster = await readFile(join(directory.path, "data/postgres/data/postmaster.pid"), "utf8");
  return [Number(/is up \(pid (\d+)\)/.exec(terminal.text())?.[1]), Number(postmaster.split("\n")[0])];
}

async function expectEnded(pids: readonly number[]): Promise<void> {
  expect(pids).toHaveLength(2);
  for (const pid of pids) {
    expect(pid).toBeGreaterThan(1);
    await until(() => hasEnded(pid), { seen: () => `the process with pid ${pid} is still there` });
  }
}

test.skipIf(tmuxPath === null)("Ctrl-C and a closed terminal leave no process, and the log can be read", async () => {
  const env = { DATA_DIR: join(directory.path, "data"), PORT: "0" };
  for (const way of ["Ctrl-C", "closed", "Ctrl-C", "closed", "Ctrl-C twice"]) {
    await using terminal = openTerminal(env);
    const pids = await serve(terminal);
    expect(terminal.text()).toMatch(/\[\d\d:\d\d:\d\d\] INFO: listening/);
    if (way === "closed") terminal.close();
    else terminal.type("C-c", ...(way === "Ctrl-C twice" ? ["C-c"] : []));
    await expectEnded(pids);
  }
});

test.skipIf(tmuxPath === null)(
  "create-user asks for the password, does not show it, and Ctrl-C leaves the prompt",
  async () => {
    const env = { DATA_DIR: join(directory.path, "data"), PORT: "0" };
    await using server = openTerminal(env);
    const pids = await serve(server);
    const url = /http:\/\/localhost:\d+/.exec(server.text())?.[0] ?? "";
    const create = "bun src/cli.ts create-user --dept sales --no-mail";
    const password = "seven kites above a pier";

    for (const key of ["C-c", "C-d"]) {
      await using terminal = openTerminal(env);
      terminal.type(`${create} --name Ann --email ann@dm.com; echo "code $?"`, "Enter");
      await terminal.until((text) => text.includes("Password (not shown):"));
      terminal.type(key);
      await terminal.until((text) => text.includes("No password was given.\ncode 1"));
    }

    await using terminal = openTerminal(env);
    terminal.type(`${create} --name Bob --email bob@dm.com; echo "code $?"`, "Enter");
    await terminal.until((text) => text.includes("Password (not shown):"));
    terminal.type(`${password}!`, "BSpace", "Enter");
    await terminal.until((text) => text.includes("created bob\ncode 0"));
    expect(terminal.text()).not.toContain("kites");
    const login = await fetch(`${url}/token`, {
      method: "POST",
      body: new URLSearchParams({ username: "bob", password }),
    });
    expect(login.status).toBe(200);
    server.type("C-c");
    await expectEnded(pids);
  },
);

test.skipIf(tmuxPath === null)("a terminal that Ctrl-S has stopped holds up no request", async () => {
  await using terminal = openTerminal({ DATA_DIR: join(directory.path, "data"), PORT: "0" });
  const pids = await serve(terminal);
  const url = /http:\/\/localhost:\d+/.exec(terminal.text())?.[0] ?? "";
  terminal.type("C-s");
  for (let times = 0; times < 300; times += 1) {
    const answer = await fetch(`${url}/nothing-here`, { signal: AbortSignal.timeout(10_000) });
    expect(answer.status).toBe(404);
  }
  terminal.type("C-q", "C-c");
  await expectEnded(pids);
});
