/** One attempt at one email, over as many sessions as turn out to be dead before they have it. */
import { SmtpFault } from "./smtp/connection.ts";
import type { SmtpPool } from "./smtp/pool.ts";
import type { SmtpSession } from "./smtp/session.ts";

/** An email takes well under a second; what takes longer than this holds no slot that the next one could use. */
const SLOW_MS = 3_000;
/**
 * A session that takes longer than this to be opened is given up for another one, once an email that was begun later has
 * been accepted: then it is this connection that is dead, and not the server.
 */
const STALE_OPENING_MS = 30_000;

interface ConversationEvents {
  /** Called once, when the server has kept it waiting for a while. */
  onSlow(): void;
  /** Called when the session has been opened for so long that it may be stale. */
  onLongOpening(): void;
}

export class Conversation {
  readonly signal: AbortSignal;
  /** A session is open and authenticated. */
  opened = false;
  /** The server asked for the email, and may have it from now on. */
  handedOver = false;
  slow = false;
  /** When it last took a session or began to open one, `performance.now()`. */
  begunAt = Number.POSITIVE_INFINITY;
  readonly #events: ConversationEvents;
  readonly #abort = new AbortController();
  #opening = new AbortController();
  #slowTimer: ReturnType<typeof setTimeout> | undefined;
  #openingTimer: ReturnType<typeof setTimeout> | undefined;

  /** @param signal breaks it off. */
  constructor(signal: AbortSignal, events: ConversationEvents) {
    this.signal = AbortSignal.any([signal, this.#abort.signal]);
    this.#events = events;
  }

  /** @param work is called again with another session when the first one has ended before it took the email. */
  async run<T>(pool: SmtpPool, work: (session: SmtpSession) => Promise<T>): Promise<T> {
    for (;;) {
      const session = await this.#open(pool);
      if (!session) continue;
      this.opened = true;
      try {
        return await work(session);
      } catch (error) {
        if (this.handedOver || this.signal.aborted || session.emails === 1 || !sessionEnded(error)) throw error;
        // The server had closed a session that was kept for another email: that says nothing about this one.
        this.opened = false;
      } finally {
        pool.release(session);
      }
    }
  }

  /** @throws {SmtpFault} unless it is allowed, after which the conversation is over. */
  handOver(allowed: boolean): void {
    if (!allowed) {
      this.breakOff();
      throw new SmtpFault("data", "the email may be another courier's");
    }
    this.handedOver = true;
  }

  /**
   * Gives a session up that has been opened for long, for another one.
   * @param provenAt when the youngest email that was accepted had been begun.
   */
  reopenIfStale(provenAt: number): void {
    const stale = !this.opened && this.begunAt < provenAt && performance.now() - this.begunAt >= STALE_OPENING_MS;
    if (stale) this.#opening.abort();
  }

  /** Unless the server may have the email: then its reply is waited for. */
  breakOff(): void {
    if (!this.handedOver) this.#abort.abort();
  }

  end(): void {
    clearTimeout(this.#slowTimer);
    clearTimeout(this.#openingTimer);
  }

  /** @returns null when it was given up as stale. */
  async #open(pool: SmtpPool): Promise<SmtpSession | null> {
    const opening = new AbortController();
    this.#opening = opening;
    this.begunAt = Number.POSITIVE_INFINITY;
    try {
      return await pool.acquire(AbortSignal.any([this.signal, opening.signal]), () => this.#begin());
    } catch (error) {
      if (opening.signal.aborted && !this.signal.aborted) return null;
      throw error;
    }
  }

  #begin(): void {
    this.begunAt = performance.now();
    clearTimeout(this.#openingTimer);
    this.#openingTimer = setTimeout(() => this.#events.onLongOpening(), STALE_OPENING_MS);
    this.#slowTimer ??= setTimeout(() => {
      this.slow = true;
      this.#events.onSlow();
    }, SLOW_MS);
  }
}

const sessionEnded = (error: unknown): boolean => error instanceof SmtpFault && (error.closed || error.code === 421);
