/** The bench as a person runs it. */
import { expect, test } from "bun:test";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { comesTrue } from "./support/waiting.ts";

const BENCH = fileURLToPath(new URL("../bench/bench.ts", import.meta.url));

// Processes are found in /proc.
test.skipIf(process.platform !== "linux")(
  "Ctrl-C in the bench leaves no process and no file",
  async () => {
    const directory = await mkdtemp(join(tmpdir(), "dundie-bench-test-"));
    const bench = Bun.spawn(
      [process.execPath, BENCH, "--quick", "--only", "accept-off", "--out", join(directory, "out")],
      {
        env: { ...process.env, TMPDIR: directory },
        stdout: "ignore",
        stderr: "ignore",
        stdin: "ignore",
      },
    );
    try {
      const serves = async (): Promise<boolean> =>
        (await processesOf(directory)).some((command) => command.includes("src/cli.ts serve"));
      while (!(await serves())) {
        expect(bench.exitCode).toBeNull();
        await Bun.sleep(50);
      }
      bench.kill("SIGINT");
      expect(await bench.exited).toBe(130);
      const left = async (): Promise<string[]> => [
        ...(await processesOf(directory)),
        ...(await readdir(directory)).filter((name) => name !== "out"),
      ];
      await comesTrue(async () => (await left()).length === 0, { timeoutMs: 15_000 });
      expect(await left()).toEqual([]);
    } finally {
      bench.kill("SIGKILL");
      await bench.exited;
      await rm(directory, { recursive: true, force: true });
    }
  },
  60_000,
);

/** The command lines of processes that name the directory, or that were started with it as their temporary one. */
async function processesOf(directory: string): Promise<string[]> {
  const pids = (await readdir("/proc")).filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid);
  const found = await Promise.all(
    pids.map(async (pid) => {
      const read = (name: string): Promise<string> => readFile(`/proc/${pid}/${name}`, "utf8").catch(() => "");
      const [command, environment] = await Promise.all([read("cmdline"), read("environ")]);
      return `${command}${environment}`.includes(directory) ? [command.replaceAll("\0", " ")] : [];
    }),
  );
  return found.flat();
}
