/**
 * The executable as a container runs it, without a container engine: it sees a read-only file system of its own that
 * holds it, glibc, /proc and /dev, and nothing else. It runs as a user and a group that no file names, with no other
 * groups, without HOME and without a way to new privileges.
 */
import { chmod, cp, mkdir, mkdtemp, realpath, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { ROOT } from "../support/process.ts";

export interface Confined extends AsyncDisposable {
  /** The start of a command; the arguments of `dundie` follow. */
  readonly program: readonly string[];
  /** The directory that the program is started in and sees as `/`, and cannot write to. */
  readonly directory: string;
  /** How the program calls a path that begins with `directory`. */
  inside(path: string): string;
  /** Bytes of the executable. */
  readonly size: number;
}

const USER = 12_345;
const PROGRAM = "/usr/local/bin/dundie";

/** As `bun run build` does. */
export async function buildExecutable(path: string): Promise<void> {
  await run(process.execPath, join(ROOT, "ops/build.ts"), "--outfile", path);
}

/** Builds the executable and puts it into a directory that holds nothing else of dundie. */
export async function buildConfined(): Promise<Confined> {
  const root = await mkdtemp(join(tmpdir(), "dundie-executable-"));
  await using cleanUp = new AsyncDisposableStack();
  cleanUp.defer(() => rm(root, { recursive: true }));
  await chmod(root, 0o755);
  await Promise.all(["proc", "dev"].map((name) => mkdir(join(root, name))));

  const executable = join(root, PROGRAM);
  await buildExecutable(executable);
  for (const library of librariesOf(await run("ldd", executable))) {
    await mkdir(dirname(join(root, library)), { recursive: true });
    await cp(await realpath(library), join(root, library));
  }
  const confined = canConfine();
  const steps = cleanUp.move();
  return {
    program: confined ? confine(root) : [executable],
    directory: root,
    inside: (path) => (confined ? path.slice(root.length) : path),
    size: Bun.file(executable).size,
    [Symbol.asyncDispose]: () => steps.disposeAsync(),
  };
}

/** In a mount namespace of its own, so that the mounts end with the process. */
const confine = (root: string): string[] => {
  const script = `
    set -e
    mount --bind "$0" "$0"
    mount --bind /proc "$0/proc"
    mount --bind /dev "$0/dev"
    mount -o remount,ro,bind "$0"
    exec setpriv --no-new-privs chroot --userspec=${USER}:${USER} --groups= "$0" ${PROGRAM} "$@"`;
  return ["/usr/bin/env", `PATH=${PATH}`, "unshare", "--mount", "--propagation", "private", "sh", "-c", script, root];
};

const PATH = "/usr/sbin:/usr/bin:/sbin:/bin";

/** False, after saying so, where only root could confine it or the system does not let root do so. */
function canConfine(): boolean {
  const tried = Bun.spawnSync(["unshare", "--mount", "--propagation", "private", "true"], { env: { PATH } });
  if (process.getuid?.() === 0 && tried.success) return true;
  console.warn(
    "\n*** The executable is tested UNCONFINED, with your files and as your user: confining it takes root. ***\n",
  );
  return false;
}

/** Paths in the output of ldd: `libc.so.6 => /lib/libc.so.6 (0x…)` and `/lib64/ld-linux-x86-64.so.2 (0x…)`. */
const librariesOf = (output: string): string[] => output.match(/\/\S+(?= \()/g) ?? [];

async function run(...command: string[]): Promise<string> {
  const child = Bun.spawn(command, { stdin: "ignore", stdout: "pipe", stderr: "pipe" });
  const [output, errors, code] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited]);
  if (code !== 0) throw new Error(`${command.join(" ")} ended with ${code}:\n${errors}`);
  return output;
}
