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
}

interface Entry<T> {
  readonly item: T;
  readonly done: PromiseWithResolvers<void>;
  readonly acceptedAt: number;
}

/**
 * Callers that come in one tick, or while a write is under way, share the next write: one commit serves them all.
 * One write is in flight at a time, so a batch grows with the load, and a lone caller waits for no other.
 *
 * @returns a function that resolves when its item is committed.
 * @throws {Unavailable} when too many wait, or the commit takes longer than `timeoutMs`. Its outcome is then unknown:
 *   the row may still be committed.
 */
export function groupCommit<T>(options: GroupCommitOptions<T>): (item: T) => Promise<void> {
  let waiting: Entry<T>[] = [];
  let inFlight: Entry<T>[] = [];
  let scheduled = false;
  let lastWriteAt = Number.NEGATIVE_INFINITY;
  let reaper: ReturnType<typeof setInterval> | undefined;

  const flush = async (): Promise<void> => {
    scheduled = false;
    if (inFlight.length > 0 || waiting.length === 0) return;
    inFlight = waiting.length <= options.maxBatch ? waiting : waiting.slice(0, options.maxBatch);
    waiting = waiting.length <= options.maxBatch ? [] : waiting.slice(options.maxBatch);
    lastWriteAt = performance.now();
    try {
      await writeEntries(options, inFlight);
    } catch (error) {
      await settleOneByOne(options, inFlight, error);
    }
    inFlight = [];
    if (waiting.length > 0) schedule();
  };

  const schedule = (): void => {
    if (scheduled || inFlight.length > 0) return;
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
    for (const entry of [...inFlight, ...waiting].filter(late)) {
      entry.done.reject(new Unavailable("The database does not answer in time.", 5));
    }
    waiting = waiting.filter((entry) => !late(entry));
    if (waiting.length + inFlight.length === 0) {
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
