/**
 * Finds connections that have gone silent: the network drops their packets, or a proxy between is frozen. Neither is an
 * error to a socket, and the server's own time-outs do not help a client that their message does not reach.
 *
 * A query that has waited for `SILENCE_MS` without one byte from the server is looked up on the server, over a new
 * connection. While the server works on it, it is slow, not lost, and is left to its statement time-out. Otherwise its
 * connection is destroyed, which rejects the query, and so is each idle connection that the server has not been heard
 * from on since: the next query then finds a new one.
 */
import { log } from "../log.ts";
import type { SessionRow } from "./session.ts";

/** A connection of the patched driver. */
export interface WatchedConnection {
  /** How long a query has waited since the last byte from the server, in milliseconds; 0 without a query. */
  readonly silence: number;
  /** When the server was last heard from, `performance.now()`. */
  readonly heardAt: number;
  readonly session: SessionRow | null;
  /** Set while a transaction has the connection, also between two of its queries. */
  readonly reserved?: unknown;
  destroy(error: Error): void;
}

export interface SilenceOptions {
  connections(): readonly WatchedConnection[];
  /** `application_name` of the pool, for the log. */
  readonly name: string;
  /** After this long a query is lost even when the server cannot be asked, in milliseconds. */
  readonly limitMs: number;
  /**
   * Which of these server processes work on a query; null when the server answers and cannot tell. Rejects when it does
   * not answer.
   */
  working(pids: readonly number[]): Promise<ReadonlySet<number> | null>;
  /** Asks something on the connection that notifications come over, which has no query of its own. Must not reject. */
  pingListener(): Promise<unknown>;
}

/**
 * Together with one attempt to connect (at most 4 s) this leaves room for a second attempt of the query within the 10 s
 * in which everything is to go on. A healthy server answers most queries within a hundredth of it.
 */
const SILENCE_MS = 3_000;
const LOOK_MS = 500;
/** A connection for notifications that goes silent right after an answer is found after this and `SILENCE_MS`. */
const PING_MS = 5_000;

/** @returns what stops the watch. */
export function watchSilence(options: SilenceOptions): () => void {
  let looking = false;
  const timer = setInterval(() => {
    if (looking) return;
    const silent = options.connections().filter(({ silence }) => silence > SILENCE_MS);
    if (silent.length === 0) return;
    looking = true;
    void destroyLost(options, silent).finally(() => (looking = false));
  }, LOOK_MS);
  timer.unref();
  const ping = setInterval(() => void options.pingListener(), PING_MS);
  ping.unref();
  return () => {
    clearInterval(timer);
    clearInterval(ping);
  };
}

async function destroyLost(options: SilenceOptions, silent: readonly WatchedConnection[]): Promise<void> {
  const pids = silent.flatMap(({ session }) => (session ? [session.pid] : []));
  const working = pids.length === 0 ? new Set<number>() : await options.working(pids).catch(() => new Set<number>());
  for (const connection of silent) {
    const { silence, session } = connection;
    // It was heard from meanwhile.
    if (silence <= SILENCE_MS) continue;
    const alive = working === null || (session !== null && working.has(session.pid));
    if (alive && silence < options.limitMs) continue;
    const silentMs = Math.round(silence);
    log.error({ event: "connection_silent", pool: options.name, silentMs }, "a silent database connection was closed");
    const askedAt = performance.now() - silence;
    connection.destroy(new SilentConnection(silentMs));
    for (const idle of options.connections()) {
      if (idle.silence === 0 && idle.heardAt < askedAt) idle.destroy(new SilentConnection(silentMs));
    }
  }
}

/** Whether the query was carried out is not known. */
class SilentConnection extends Error {
  override readonly name = "SilentConnection";
  readonly code = "CONNECTION_SILENT";
  constructor(silentMs: number) {
    super(`the database connection was silent for ${silentMs} ms`);
  }
}
