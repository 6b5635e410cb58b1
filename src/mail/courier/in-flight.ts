/** The messages that this courier holds under its leases, each from its claim until its outcome is recorded. */
import { LANES } from "../kinds.ts";
import type { LeasedMessage } from "../transitions/queued.ts";

/**
 * - `waiting`: claimed, and waits for a connection.
 * - `sending`: rendered and sent; holds a connection.
 * - `slow`: still being sent, and the SMTP server keeps it waiting. It holds no slot, so that others are sent meanwhile.
 * - `recording`: its outcome is known and is being recorded. It holds no slot any more.
 */
export type Phase = "waiting" | "sending" | "slow" | "recording";

export interface InFlightMessage extends LeasedMessage {
  readonly abort: AbortController;
  /** When the lease was last known to be ours, `performance.now()`. The dispatcher's `renew` moves it. */
  renewedAt: number;
  /** Moved by `InFlight` alone. */
  readonly phase: Phase;
}

export class InFlight {
  readonly #messages = new Map<string, InFlightMessage>();
  /** Oldest first. What has left this phase otherwise than by `startNext` is skipped there. */
  readonly #queue: InFlightMessage[] = [];
  readonly #counts: Record<Phase, number> = { waiting: 0, sending: 0, slow: 0, recording: 0 };
  #bulk = 0;
  #whenEmpty = Promise.withResolvers<void>();

  get size(): number {
    return this.#messages.size;
  }

  /** How many messages are in each phase. */
  get counts(): Readonly<Record<Phase, number>> {
    return this.#counts;
  }

  /** Bulk messages that wait, or are being sent; slow ones count, so that bulk mail does not use up their number. */
  get bulk(): number {
    return this.#bulk;
  }

  [Symbol.iterator](): Iterator<InFlightMessage> {
    return this.#messages.values();
  }

  has(id: string): boolean {
    return this.#messages.has(id);
  }

  /** @param renewedAt when the lease began at the earliest, `performance.now()`. */
  admit(leased: LeasedMessage, renewedAt: number): void {
    const message: InFlightMessage = { ...leased, abort: new AbortController(), renewedAt, phase: "waiting" };
    this.#messages.set(message.id, message);
    this.#queue.push(message);
    this.#counts.waiting += 1;
    if (isBulk(message)) this.#bulk += 1;
  }

  /** Moves the message that has waited longest to `sending`. @returns it, or null when none waits. */
  startNext(): InFlightMessage | null {
    const message = this.#queue.shift();
    if (!message) return null;
    this.#move(message, "sending");
    return message;
  }

  /** Moves a message that is being sent to `slow`. */
  slow(message: InFlightMessage): void {
    if (message.phase === "sending") this.#move(message, "slow");
  }

  /** Moves a message whose outcome is known to `recording`. */
  recording(message: InFlightMessage): void {
    if (isBulk(message)) this.#bulk -= 1;
    this.#move(message, "recording");
  }

  /** Moves every waiting message to `recording`. @returns them. */
  withdrawWaiting(): readonly InFlightMessage[] {
    const withdrawn = this.#queue.splice(0);
    for (const message of withdrawn) this.recording(message);
    return withdrawn;
  }

  /** The outcome has been recorded, or recording it was given up. */
  remove(message: InFlightMessage): void {
    this.#counts[message.phase] -= 1;
    // When an outcome was recorded but the reply of that commit was lost, the message may have been claimed again.
    if (this.#messages.get(message.id) === message) this.#messages.delete(message.id);
    if (this.#messages.size > 0) return;
    this.#whenEmpty.resolve();
    this.#whenEmpty = Promise.withResolvers();
  }

  /** Resolves when nothing is in flight. */
  async empty(): Promise<void> {
    if (this.#messages.size > 0) await this.#whenEmpty.promise;
  }

  #move(message: InFlightMessage, phase: Phase): void {
    this.#counts[message.phase] -= 1;
    this.#counts[phase] += 1;
    (message as { phase: Phase }).phase = phase;
  }
}

const isBulk = ({ lane }: InFlightMessage): boolean => lane === LANES.bulk;
