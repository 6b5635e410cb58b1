/** The SMTP sessions of a courier: kept for the next email, and no more of them than the server takes at a time. */
import { SmtpFault } from "./connection.ts";
import type { SmtpSession } from "./session.ts";

export interface SmtpPoolOptions {
  readonly open: (signal: AbortSignal) => Promise<SmtpSession>;
  /** @default 30 000 */
  readonly idleMs?: number;
  /** @default 300 000 */
  readonly limitMs?: number;
}

/** A session is kept open for this long after an email, not longer: couriers may share a server's few connections. */
const IDLE_MS = 30_000;
/** A limit that the server showed is tried again after this long. */
const LIMIT_MS = 300_000;

export class SmtpPool {
  readonly #options: SmtpPoolOptions;
  readonly #idle = new Map<SmtpSession, ReturnType<typeof setTimeout>>();
  readonly #waiting: PromiseWithResolvers<void>[] = [];
  /** Sessions that are open, idle or in use. */
  #established = 0;
  #opening = 0;
  /** How many sessions the server takes at a time, as far as it has shown. */
  #limit = Number.POSITIVE_INFINITY;
  #limitEndsAt = 0;
  #closing = false;

  constructor(options: SmtpPoolOptions) {
    this.#options = options;
  }

  /**
   * Gives the caller a session of its own, to be given back with {@link release}. Where the server refuses another
   * connection while it has some of ours, the call waits for one of those.
   * @param began called when an open session is there or a connection is tried: not while it waits for its turn.
   * @throws {SmtpFault} when no session can be opened.
   */
  async acquire(signal: AbortSignal, began: () => void): Promise<SmtpSession> {
    for (;;) {
      if (signal.aborted) throw new SmtpFault("connect", "broken off");
      const idle = this.#takeIdle();
      if (idle ?? this.#mayOpen()) began();
      if (idle) return idle;
      if (this.#mayOpen()) {
        const session = await this.#open(signal);
        if (session) return session;
      } else await this.#turn(signal);
    }
  }

  /** The session is kept for the next email where it can be used again. */
  release(session: SmtpSession): void {
    if (session.usable && !this.#closing) {
      const timer = setTimeout(() => this.#idle.delete(session) && session.quit(), this.#options.idleMs ?? IDLE_MS);
      this.#idle.set(session, timer);
    } else session.quit();
    this.#waiting.shift()?.resolve();
  }

  /** Idle sessions end, and those in use when they are given back. */
  close(): void {
    this.#closing = true;
    for (const [session, timer] of this.#idle) {
      clearTimeout(timer);
      session.quit();
    }
    this.#idle.clear();
  }

  #takeIdle(): SmtpSession | null {
    for (const [session, timer] of [...this.#idle].toReversed()) {
      clearTimeout(timer);
      this.#idle.delete(session);
      if (session.usable) return session;
      session.quit();
    }
    return null;
  }

  #mayOpen(): boolean {
    if (performance.now() > this.#limitEndsAt) this.#limit = Number.POSITIVE_INFINITY;
    return this.#established + this.#opening < this.#limit;
  }

  /**
   * @returns null: the server takes no more than it has of ours.
   * @throws {SmtpFault} when it has none. What waits for a session then fails for the same reason.
   */
  async #open(signal: AbortSignal): Promise<SmtpSession | null> {
    this.#opening += 1;
    try {
      const session = await this.#options.open(signal);
      this.#established += 1;
      session.onClose = () => this.#closed(session);
      return session;
    } catch (error) {
      const others = this.#established + this.#opening - 1;
      if (!mayBeLimit(error) || signal.aborted) throw error;
      this.#limit = others === 0 ? Number.POSITIVE_INFINITY : others;
      this.#limitEndsAt = performance.now() + (this.#options.limitMs ?? LIMIT_MS);
      if (others > 0) return null;
      for (const waiting of this.#waiting.splice(0)) waiting.reject(error);
      throw error;
    } finally {
      this.#opening -= 1;
      this.#waiting.shift()?.resolve();
    }
  }

  #closed(session: SmtpSession): void {
    this.#established -= 1;
    clearTimeout(this.#idle.get(session));
    this.#idle.delete(session);
    this.#waiting.shift()?.resolve();
  }

  /** Resolves when a session may be free, or the caller need not wait any more. @throws {SmtpFault} */
  async #turn(signal: AbortSignal): Promise<void> {
    const turn = Promise.withResolvers<void>();
    const leave = (): void => {
      const at = this.#waiting.indexOf(turn);
      if (at >= 0) this.#waiting.splice(at, 1);
      turn.resolve();
    };
    this.#waiting.push(turn);
    // Sessions may be in use for longer than the limit is believed.
    const timer = setTimeout(leave, Math.max(0, this.#limitEndsAt - performance.now()) + 1);
    signal.addEventListener("abort", leave, { once: true });
    try {
      await turn.promise;
    } finally {
      clearTimeout(timer);
      signal.removeEventListener("abort", leave);
    }
  }
}

/** 421 and its like before anything was asked, or a connection that was refused: servers do both beyond a limit. */
const mayBeLimit = (error: unknown): boolean =>
  error instanceof SmtpFault &&
  (error.phase === "connect" || error.phase === "greeting" || error.phase === "ehlo") &&
  (error.code !== null || error.closed);
