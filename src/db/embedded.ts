/**
 * The PostgreSQL that comes with `bun install`: a real one, on loopback, its data under `DATA_DIR`.
 * Who starts it holds the owner's lock and stops it; a server whose owner was killed runs on, and the next adopts it.
 */
import { ConfigError } from "../errors.ts";
import { dataDirectoryFault } from "../secrets.ts";
import { findBinaries } from "./embedded-binaries.ts";
import { makeCluster, makeDatabase, probe, urlOf } from "./embedded-cluster.ts";
import { lockHome } from "./embedded-lock.ts";
import { findHome, makePlace, type Place } from "./embedded-place.ts";
import {
  isPostmaster,
  lastWords,
  ownServer,
  type Postmaster,
  readPostmaster,
  removeStalePidFile,
  serverGone,
  START_TIMEOUT_MS,
  startServer,
  stopServer,
} from "./embedded-server.ts";

export interface EmbeddedPostgres {
  readonly url: string;
  /** False when the server of an owner that was killed was still running and was adopted. */
  readonly started: boolean;
  /** The process id of the server. */
  readonly pid: number;
  /** Resolves when the server ends without being stopped. */
  readonly lost: Promise<void>;
  /** Disconnects all clients, writes a checkpoint, ends the server and lets go of the data directory. */
  stop(): Promise<void>;
}

/** A port may be taken between our look and the server's, and the children of a killed server may linger. */
const START_TRIES = 5;

/**
 * Starts the server of `dataDir`, or adopts the one that runs; makes the cluster on the first call.
 * fsync, full_page_writes and synchronous_commit are on, as PostgreSQL has them: what is committed stays.
 * @param signal ends the start: nothing is left running then.
 * @throws {ConfigError} when another process owns `dataDir`, or this machine cannot run it.
 */
export async function startEmbedded(dataDir: string, signal?: AbortSignal): Promise<EmbeddedPostgres> {
  try {
    return await start(dataDir, signal);
  } catch (error) {
    throw dataDirectoryFault(dataDir, error);
  }
}

async function start(dataDir: string, signal: AbortSignal | undefined): Promise<EmbeddedPostgres> {
  const place = await makePlace(dataDir);
  const lock = await lockHome(place.home, dataDir);
  let postmaster: Postmaster | null = null;
  try {
    postmaster = await findRunning(place.home, signal);
    const started = postmaster === null;
    postmaster ??= await launch(place, signal);
    const { pid, port } = postmaster;
    ownServer(pid, place.home);
    await makeDatabase(place.home, port);
    const url = await urlOf(place.home, port);
    signal?.throwIfAborted();
    let stopping: Promise<void> | undefined;
    const stopped = new AbortController();
    const lost = Promise.withResolvers<void>();
    void serverGone(pid, place.home, stopped.signal).then(() => {
      if (!stopped.signal.aborted) lost.resolve();
    });
    const stop = async (): Promise<void> => {
      stopped.abort();
      await stopServer(place.home, pid).finally(() => lock.release());
    };
    return { url, started, pid, lost: lost.promise, stop: () => (stopping ??= stop()) };
  } catch (error) {
    if (postmaster) await stopServer(place.home, postmaster.pid);
    lock.release();
    throw error;
  }
}

/**
 * The URL of the server that runs on `dataDir`, for processes that only connect.
 * @throws {ConfigError} when none runs.
 */
export async function connectEmbedded(dataDir: string): Promise<string> {
  const home = await findHome(dataDir);
  const postmaster = home === null ? null : await findRunning(home);
  if (home === null || postmaster === null) {
    throw new ConfigError([
      `no embedded PostgreSQL runs on DATA_DIR ${dataDir}: start it with "bun run dundie serve", or set DATABASE_URL`,
    ]);
  }
  return urlOf(home, postmaster.port);
}

/** Null when `postmaster.pid` is absent or left over; else the server, once it takes our password. */
async function findRunning(home: string, signal?: AbortSignal): Promise<Postmaster | null> {
  const deadline = performance.now() + START_TIMEOUT_MS;
  for (;;) {
    signal?.throwIfAborted();
    const postmaster = await readPostmaster(home);
    if (!postmaster || !(await isPostmaster(postmaster.pid, home))) return null;
    try {
      await probe(home, postmaster.port);
      return postmaster;
    } catch (cause) {
      // Starting, recovering or stopping: it will answer, or go. What lasts is for a person to see.
      if (performance.now() > deadline) {
        throw new ConfigError([`PostgreSQL runs in ${home} (pid ${postmaster.pid}) and does not answer: ${cause}`]);
      }
    }
    await Bun.sleep(50);
  }
}

async function launch(place: Place, signal?: AbortSignal): Promise<Postmaster> {
  const binaries = await findBinaries(place);
  await makeCluster(place, binaries, signal);
  await removeStalePidFile(place.home);
  for (let tries = 1; tries <= START_TRIES; tries += 1) {
    // It also ends at once when the owner before us was killed between its server's birth and its pid file.
    const postmaster = (await startServer(place, binaries, signal)) ?? (await findRunning(place.home, signal));
    if (postmaster) return postmaster;
    await Bun.sleep(100 * tries);
  }
  throw new ConfigError([`the embedded PostgreSQL does not start:\n${await lastWords(place.home)}`]);
}
