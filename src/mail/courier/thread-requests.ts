/** What the main thread has asked the courier thread for, by ticket. */
import { Unavailable } from "../../errors.ts";

const TIMEOUT_MS = 5_000;

export class ThreadRequests<T> {
  readonly #waiting = new Map<number, (answer: T) => void>();
  #tickets = 0;

  /**
   * @param ask posts the request with its ticket to the thread.
   * @throws {Unavailable} when the thread does not answer in time.
   */
  request(ask: (ticket: number) => void, timeoutMs = TIMEOUT_MS): Promise<T> {
    const ticket = (this.#tickets += 1);
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#waiting.delete(ticket);
        reject(new Unavailable("The courier does not answer just now.", 5));
      }, timeoutMs);
      this.#waiting.set(ticket, (answer) => {
        clearTimeout(timer);
        resolve(answer);
      });
      ask(ticket);
    });
  }

  answer(ticket: number, answer: T): void {
    this.#waiting.get(ticket)?.(answer);
    this.#waiting.delete(ticket);
  }
}
