/** One owner per cluster: the process that starts its server and stops it. */
import { Database } from "bun:sqlite";
import { chmod, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { ConfigError } from "../errors.ts";

export interface OwnerLock {
  release(): void;
}

/** A process that was killed a moment ago may not be quite dead: restarts right after `kill -9` are not refused. */
const GRACE_MS = 500;

/** A lock that is garbage collected is closed, which lets go of it. */
const held = new Set<Database>();

/**
 * Holds `home` until it is released or this process dies, however it dies.
 *
 * It is the kernel's lock on a file, by way of an SQLite transaction that never ends: Bun has no flock. A pid file
 * would survive its process and name a stranger once the pid is used again; an advisory lock in PostgreSQL would only
 * exist once the server runs, and is lost when the server restarts. This one also covers initdb and the start, so
 * nothing in them has to reckon with a second process.
 * @throws {ConfigError} naming the process that holds it.
 */
export async function lockHome(home: string, dataDir: string): Promise<OwnerLock> {
  const lockFile = join(home, "lock");
  const database = new Database(lockFile, { create: true });
  // Even a reader's lock would refuse us. By name: to open and close the file once more would let go of our own lock.
  await chmod(lockFile, 0o600);
  const ownerFile = join(home, "owner");
  const deadline = performance.now() + GRACE_MS;
  while (!tryLock(database)) {
    if (performance.now() > deadline) {
      database.close();
      const owner = await readFile(ownerFile, "utf8").catch(() => "unknown");
      throw new ConfigError([
        `DATA_DIR ${dataDir} is in use by the process with pid ${owner}: stop that one, or set another DATA_DIR`,
      ]);
    }
    await Bun.sleep(20);
  }
  held.add(database);
  // Only a process that the lock refuses reads this file, so a stale one does no harm.
  await writeFile(ownerFile, String(process.pid), { mode: 0o600 });
  return {
    release() {
      held.delete(database);
      database.close();
    },
  };
}

function tryLock(database: Database): boolean {
  try {
    database.run("begin exclusive");
    return true;
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "SQLITE_BUSY") return false;
    throw error;
  }
}
