import { faultOf, isDataError } from "../db/errors.ts";
import { Unavailable } from "../errors.ts";

export interface GroupCommitOptions<T> {
  /**
   * Writes one batch in one statement; resolves when it is committed, to the items that it had to leave out because
   * another session has locked their rows: those are rejected with `RowLocked`.
   */
  write(batch: readonly T[]): Promise<readonly T[]>;
  /** Rows a statement. */
  readonly maxBatch: number;
  /** Rows that may wait for their turn before the next is refused. */
  readonly maxWaiting: number;
  /** How long one caller waits for its commit, in milliseconds. */
  readonly timeoutMs: number;
  /**
   * Between the starts of two writes at least, in milliseconds: for callers that no request waits for, fewer and larger
   * writes cost less. The first after a pause starts at once all the same. @default 0
   */
  readonly spacingMs?: number;
  /**
   * Writes in flight at most. With a second one this process reads requests and builds its statement while the database
   * works on the first. Writes that must keep their order have one. @default 1
   */
  readonly maxInFlight?: number;
  /** A write beside another has this many rows or more: a shared commit costs less than two. @default 1 */
  readonly minBeside?: number;
}

interface Entry<T> {
  readonly item: T;
  readonly done: PromiseWithResolvers<void>;
  readonly acceptedAt: number;
}

/**
 * Callers that come in one tick, or while writes are under way, share the next write: one commit serves them all.
 * Few writes are in flight at a time, so a batch grows with the load, and a lone caller waits for no other.
 *
 * @returns a function that resolves when its item is committed.
 * @throws {Unavailable} when too many wait, or the commit takes longer than `timeoutMs`. Its outcome is then unknown:
 *   the row may still be committed.
 */
export function groupCommit<T>(options: GroupCommitOptions<T>): (item: T) => Promise<void> {
  const { maxInFlight = 1, minBeside = 1 } = options;
  let waiting: Entry<T>[] = [];
  const inFlight = new Set<Entry<T>[]>();
  let scheduled = false;
  let lastWriteAt = Number.NEGATIVE_INFINITY;
  let reaper: ReturnType<typeof setInterval> | undefined;

  const flush = async (): Promise<void> => {
    scheduled = false;
    if (!mayWrite()) return;
    const batch = waiting.length <= options.maxBatch ? waiting : waiting.slice(0, options.maxBatch);
    waiting = waiting.length <= options.maxBatch ? [] : waiting.slice(options.maxBatch);
    lastWriteAt = performance.now();
    inFlight.add(batch);
    try {
      await writeEntries(options, batch);
    } catch (error) {
      await settleOneByOne(options, batch, error);
    }
    inFlight.delete(batch);
    schedule();
  };

  const mayWrite = (): boolean =>
    inFlight.size === 0 ? waiting.length > 0 : inFlight.size < maxInFlight && waiting.length >= minBeside;

  const schedule = (): void => {
    if (scheduled || !mayWrite()) return;
    scheduled = true;
    const wait = (options.spacingMs ?? 0) - (performance.now() - lastWriteAt);
    if (wait > 0) setTimeout(() => void flush(), wait);
    // After the I/O of this turn: every request that was read in it joins the batch.
    else setImmediate(() => void flush());
  };

  // One timer for all callers instead of one each; its step is what a time-out may be late by.
  const reap = (): void => {
    const oldest = performance.now() - options.timeoutMs;
    const late = (entry: Entry<T>): boolean => entry.acceptedAt < oldest;
    for (const entry of [...[...inFlight].flat(), ...waiting].filter(late)) {
      entry.done.reject(new Unavailable("The database does not answer in time.", 5));
    }
    waiting = waiting.filter((entry) => !late(entry));
    if (waiting.length + inFlight.size === 0) {
      clearInterval(reaper);
      reaper = undefined;
    }
  };

  return (item) => {
    if (waiting.length >= options.maxWaiting) {
      return Promise.reject(new Unavailable("Too many requests are waiting for the database.", 1));
    }
    const entry: Entry<T> = { item, done: Promise.withResolvers(), acceptedAt: performance.now() };
    waiting.push(entry);
    schedule();
    if (Number.isFinite(options.timeoutMs)) reaper ??= setInterval(reap, 250);
    return entry.done.promise;
  };
}

async function writeEntries<T>(options: GroupCommitOptions<T>, entries: readonly Entry<T>[]): Promise<void> {
  const locked = new Set(await options.write(entries.map((entry) => entry.item)));
  for (const { item, done } of entries) {
    if (locked.has(item)) done.reject(new RowLocked());
    else done.resolve();
  }
}

/** Another session has locked the item's rows: try again later. The others of its batch are written. */
export class RowLocked extends Error {
  override readonly name = "RowLocked";
  constructor() {
    super("Another session has locked the row.");
  }
}

/** A batch that fails for what may be the fault of one row is written row by row, so that a bad row fails alone. */
async function settleOneByOne<T>(options: GroupCommitOptions<T>, entries: Entry<T>[], cause: unknown): Promise<void> {
  if (entries.length === 1 || faultOf(cause) === "database") {
    for (const entry of entries) entry.done.reject(asUnavailable(cause));
    return;
  }
  for (const entry of entries) {
    try {
      await writeEntries(options, [entry]);
    } catch (error) {
      entry.done.reject(asUnavailable(error));
    }
  }
}

const asUnavailable = (error: unknown): unknown =>
  isDataError(error) ? error : new Unavailable("The database does not answer.", 5, { cause: error });
