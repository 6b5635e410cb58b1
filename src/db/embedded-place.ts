/** Where the embedded cluster lies, and as whom its server runs. */
import { chmod, lstat, mkdir, readFile, readlink, realpath, rmdir, stat, symlink } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { ConfigError } from "../errors.ts";
import { makeDataDirectory } from "../secrets.ts";

export interface ServerUser {
  readonly uid: number;
  readonly gid: number;
}

export interface Place {
  /** Absolute, without links: holds `data/`, `password`, `log` and the owner's lock. */
  readonly home: string;
  /** Null: the server runs as we do. */
  readonly user: ServerUser | null;
}

/** Holds the clusters of root whose server cannot reach their `DATA_DIR`. Unlike /var/tmp, nothing ever tidies it. */
const FALLBACK_PARENT = "/var/lib/dundie";

/** The place of `dataDir`, made on the first call; `dataDir/postgres` is the directory, or a link that leads to it. */
export async function makePlace(dataDir: string): Promise<Place> {
  await makeDataDirectory(dataDir);
  const root = process.getuid?.() === 0;
  const home = await makeHome(dataDir, root ? await findNobody() : null);
  await chmod(home, root ? 0o711 : 0o700);
  return { home, user: root ? await ownerOf(join(home, "data")) : null };
}

/** Null: no server was ever started on `dataDir`. */
export async function findHome(dataDir: string): Promise<string | null> {
  return realpath(join(dataDir, "postgres")).catch(() => null);
}

/** True when `user` may pass through every directory above `path`, and through or into `path` itself. */
export async function canReach(path: string, user: ServerUser): Promise<boolean> {
  for (let at = await realpath(path); ; at = dirname(at)) {
    const { mode, uid, gid } = await stat(at);
    const bits = uid === user.uid ? mode >> 6 : gid === user.gid ? mode >> 3 : mode;
    if ((bits & 1) === 0) return false;
    if (at === dirname(at)) return true;
  }
}

async function makeHome(dataDir: string, user: ServerUser | null): Promise<string> {
  const entry = join(resolve(dataDir), "postgres");
  const target = await readlink(entry).catch(() => null);
  // What a link leads to may be gone with a container's disk: then it is made anew, in the same place.
  if (target !== null) await makeFallback(target);
  else if ((await exists(entry)) || user === null || (await canReach(dataDir, user))) {
    await mkdir(entry, { recursive: true });
  } else await linkToFallback(entry);
  return realpath(entry);
}

/**
 * A `DATA_DIR` such as /root/dundie/.dundie: no other user can pass through root's home, and PostgreSQL
 * refuses to run as root.
 * Opening root's home is not ours to do, so the cluster lies outside and `DATA_DIR` keeps a link. Its name is random:
 * a clone that was moved finds it by its link, and a new one in the old path does not take it over.
 */
async function linkToFallback(entry: string): Promise<void> {
  const target = join(FALLBACK_PARENT, crypto.randomUUID());
  await makeFallback(target);
  try {
    await symlink(target, entry);
  } catch (error) {
    await rmdir(target);
    // Another process was first: its link is as good as ours.
    if (!(error instanceof Error && "code" in error && error.code === "EEXIST")) throw error;
  }
}

async function makeFallback(target: string): Promise<void> {
  await mkdir(target, { recursive: true });
  // The server's user can pass through it and only root can list it, independent of the umask.
  if (dirname(target) === FALLBACK_PARENT) await chmod(FALLBACK_PARENT, 0o711);
}

/** As root, an existing cluster's server runs as the cluster's owner: `sudo` in another user's clone changes no owner. */
async function ownerOf(cluster: string): Promise<ServerUser> {
  const found = await stat(cluster).catch(() => null);
  return found && found.uid !== 0 ? { uid: found.uid, gid: found.gid } : findNobody();
}

/** The user is looked up by name, because its number differs between systems, and initdb wants a user with a name. */
async function findNobody(): Promise<ServerUser> {
  const users = await readFile("/etc/passwd", "utf8").catch(() => "");
  const [, uid, gid] = /^nobody:[^:]*:(-?\d+):(-?\d+):/m.exec(users) ?? [];
  if (!uid || !gid) {
    throw new ConfigError(['PostgreSQL refuses to run as root, and there is no user "nobody": set DATABASE_URL']);
  }
  // Unsigned: macOS writes -2.
  return { uid: Number(uid) >>> 0, gid: Number(gid) >>> 0 };
}

const exists = (path: string): Promise<boolean> =>
  lstat(path).then(
    () => true,
    () => false,
  );
