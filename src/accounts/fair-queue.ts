/**
 * A queue for work that takes a core for a while. It is fair between clients: they take turns, each with its oldest place,
 * so that a client with many places delays another by one of them. It is short: what would wait for too long is refused at
 * once, and the client with the most places is refused first.
 */
import { Unavailable } from "../errors.ts";

export interface FairQueueOptions {
  /** Tasks at a time. */
  readonly concurrency: number;
  /** No place is held for longer before its task begins. */
  readonly maxWaitMs: number;
}

/** A place in the queue. It is taken before what has to be done ahead of the task, so that a full queue costs little. */
export interface Place extends Disposable {
  /** Runs the task when it is its turn. Call it once. @throws {Unavailable} when the task was not begun. */
  run<T>(task: () => Promise<T>): Promise<T>;
}

interface Held {
  readonly client: string;
  readonly timer: Timer;
  /** Begins the task; undefined while it is not ready. */
  begin?: () => void;
  /** Tells the task that is ready. */
  refuse?: () => void;
  /** Its place went to another client, or its time is over. */
  refused: boolean;
}

/** The length of a task before one was measured. */
const FIRST_GUESS_MS = 50;
/** The weight of the newest task in the average. */
const SMOOTHING = 0.1;

export class FairQueue {
  readonly #options: FairQueueOptions;
  /** The places of each client whose task has not begun, oldest first. The client whose turn is next comes first. */
  readonly #lines = new Map<string, Held[]>();
  #held = 0;
  #running = 0;
  #averageMs = FIRST_GUESS_MS;

  constructor(options: FairQueueOptions) {
    this.#options = options;
  }

  /** @throws {Unavailable} when the queue is full and no other client has more places than this one. */
  enter(client: string): Place {
    const { concurrency, maxWaitMs } = this.#options;
    const room = Math.max(1, Math.floor((maxWaitMs * concurrency) / this.#averageMs)) + concurrency - this.#running;
    if (this.#held >= room && !this.#makeRoom(client)) throw this.#refusal();
    const held: Held = { client, refused: false, timer: setTimeout(() => this.#refuse(held), maxWaitMs) };
    const line = this.#lines.get(client);
    if (line) line.push(held);
    else this.#lines.set(client, [held]);
    this.#held += 1;
    return { run: (task) => this.#run(held, task), [Symbol.dispose]: () => this.#remove(held) };
  }

  load(): { readonly running: number; readonly waiting: number } {
    return { running: this.#running, waiting: this.#held };
  }

  async #run<T>(held: Held, task: () => Promise<T>): Promise<T> {
    if (held.refused) throw this.#refusal();
    await new Promise<void>((resolve, reject) => {
      held.begin = resolve;
      held.refuse = () => reject(this.#refusal());
      this.#beginNext();
    });
    const begunAt = performance.now();
    try {
      return await task();
    } finally {
      this.#averageMs += SMOOTHING * (performance.now() - begunAt - this.#averageMs);
      this.#running -= 1;
      this.#beginNext();
    }
  }

  #beginNext(): void {
    while (this.#running < this.#options.concurrency) {
      const ready = [...this.#lines.values()].flatMap((line) => line.find(({ begin }) => begin) ?? [])[0];
      if (!ready) return;
      this.#remove(ready);
      // Its client goes to the end.
      const rest = this.#lines.get(ready.client);
      if (rest && this.#lines.delete(ready.client)) this.#lines.set(ready.client, rest);
      this.#running += 1;
      ready.begin?.();
    }
  }

  /** Refuses the newest place of the client that has the most. @returns false when this client would have as many. */
  #makeRoom(client: string): boolean {
    const most = [...this.#lines.values()].reduce(
      (longest, line) => (line.length > longest.length ? line : longest),
      [],
    );
    if (most.length <= (this.#lines.get(client)?.length ?? 0) + 1) return false;
    this.#refuse(most.at(-1)!);
    return true;
  }

  #refuse(held: Held): void {
    this.#remove(held);
    held.refused = true;
    held.refuse?.();
  }

  #remove(held: Held): void {
    clearTimeout(held.timer);
    const line = this.#lines.get(held.client);
    const index = line?.indexOf(held) ?? -1;
    if (!line || index === -1) return;
    line.splice(index, 1);
    if (line.length === 0) this.#lines.delete(held.client);
    this.#held -= 1;
  }

  #refusal(): Unavailable {
    const seconds = Math.ceil(this.#options.maxWaitMs / 1_000);
    return new Unavailable(`Too many logins at once: try again in ${seconds} s.`, seconds);
  }
}
