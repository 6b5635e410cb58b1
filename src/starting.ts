/** A process that starts as a whole or not at all, and how it is undone. */
import { log } from "./log.ts";

/** What must be undone at the end: the last that was begun is undone first. */
export class Closing {
  #steps: (() => Promise<void>)[] = [];

  first(step: () => Promise<void>): void {
    this.#steps.unshift(step);
  }

  /** A step that fails does not keep the next one from running: the database would be left behind. */
  async run(): Promise<void> {
    for (const step of this.#steps.splice(0)) {
      await step().catch((error: unknown) => log.error({ event: "shutdown_step_failed", err: error }));
    }
  }
}

/** A process that is being started. */
export interface Start {
  readonly signal: AbortSignal;
  readonly closing: Closing;
  /** Waits for a part of the start, or for the signal that ends it. */
  readonly step: <T>(part: Promise<T>) => Promise<T>;
  /** Makes `broken` resolve: a part that the process needs has ended. */
  readonly breakDown: (sentence: string) => void;
  /** What is the same for every process that runs. */
  readonly running: Stoppable;
}

export interface Stoppable {
  /** Resolves with a sentence when this process cannot go on: it is to be stopped. */
  readonly broken: Promise<string>;
  /** Undoes the start. Resolves when nothing of it is left. */
  readonly stop: () => Promise<void>;
}

/**
 * A start that fails, or that `signal` ends, leaves nothing running.
 * @throws the reason of `signal`, when it is aborted.
 */
export async function startWhole<T>(run: (start: Start) => Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  const ending = signal ?? new AbortController().signal;
  const closing = new Closing();
  const broken = Promise.withResolvers<string>();
  const ended = Promise.withResolvers<never>();
  ended.promise.catch(() => {});
  ending.addEventListener("abort", () => ended.reject(ending.reason));
  try {
    ending.throwIfAborted();
    const running = await run({
      signal: ending,
      closing,
      step: (part) => Promise.race([part, ended.promise]),
      breakDown: broken.resolve,
      running: { broken: broken.promise, stop: () => closing.run() },
    });
    ending.throwIfAborted();
    return running;
  } catch (error) {
    await closing.run();
    throw error;
  }
}
