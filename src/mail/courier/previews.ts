/** Previews that the main thread has asked the courier thread for, by ticket. */
import { Unavailable } from "../../errors.ts";
import type { PreviewedEmail } from "./protocol.ts";

const TIMEOUT_MS = 5_000;

export class Previews {
  readonly #waiting = new Map<number, (email: PreviewedEmail | null) => void>();
  #tickets = 0;

  /**
   * @param ask posts the request with its ticket to the thread.
   * @throws {Unavailable} when the thread does not answer in time.
   */
  request(ask: (ticket: number) => void): Promise<PreviewedEmail | null> {
    const ticket = (this.#tickets += 1);
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#waiting.delete(ticket);
        reject(new Unavailable("The courier does not answer just now.", 5));
      }, TIMEOUT_MS);
      this.#waiting.set(ticket, (email) => {
        clearTimeout(timer);
        resolve(email);
      });
      ask(ticket);
    });
  }

  answer(ticket: number, email: PreviewedEmail | null): void {
    this.#waiting.get(ticket)?.(email);
    this.#waiting.delete(ticket);
  }
}
