/** One TCP connection to an SMTP server: commands out, replies in, each step within its time. */
import { connect as connectTcp, isIP, type Socket } from "node:net";
import { connect as connectTls, TLSSocket } from "node:tls";
import type { SmtpServer } from "../../../config/smtp-server.ts";
import type { SmtpTimeouts } from "../../../config/smtp-timeouts.ts";
import type { Phase } from "../../../db/states.ts";
import { socketsRead } from "../event-loop.ts";
import { ReplyReader, type Reply } from "./reply.ts";
import { describeTlsError } from "./tls-errors.ts";

/** A conversation that did not come to its end: the server refused, said something else, or said nothing. */
export class SmtpFault extends Error {
  override readonly name = "SmtpFault";
  readonly phase: Phase;
  /** The server's reply code; null: it gave none, and `message` is ours. */
  readonly code: number | null;
  /** Whether the connection ended although there was time left. */
  readonly closed: boolean;

  constructor(phase: Phase, message: string, { code = null, closed = false, cause }: FaultDetails = {}) {
    super(message, cause === undefined ? undefined : { cause });
    this.phase = phase;
    this.code = code;
    this.closed = closed;
  }
}

interface FaultDetails {
  readonly code?: number | null;
  readonly closed?: boolean;
  readonly cause?: unknown;
}

export interface TlsOptions {
  /** Whether the certificate must be signed by a known authority and name the host. */
  readonly verify: boolean;
  /** Authorities in PEM, in place of the system's; null: the system's. */
  readonly ca: string | null;
}

const ignore = (): void => {};

export class SmtpConnection {
  /** Called once when the connection has ended, by either side. */
  onClose: () => void = ignore;
  readonly #server: SmtpServer;
  readonly #timeouts: SmtpTimeouts;
  #socket: Socket;
  #replies = new ReplyReader();
  #closed = false;
  /** Wakes what waits for a reply. */
  #notify: () => void = ignore;
  /** Wakes what waits for the system to take a body. */
  #flushed: () => void = ignore;

  private constructor(server: SmtpServer, timeouts: SmtpTimeouts, socket: Socket) {
    this.#server = server;
    this.#timeouts = timeouts;
    this.#socket = socket;
    this.#listen();
  }

  /** @throws {SmtpFault} of the phase `connect`. */
  static async open(server: SmtpServer, tls: TlsOptions, timeouts: SmtpTimeouts, signal: AbortSignal) {
    const { host, port, implicitTls } = server;
    const socket = implicitTls ? connectTls({ host, port, ...tlsOptions(host, tls) }) : connectTcp({ host, port });
    await connected(socket, implicitTls ? "secureConnect" : "connect", "connect", timeouts.connect, host, signal);
    return new SmtpConnection(server, timeouts, socket);
  }

  get encrypted(): boolean {
    return this.#socket instanceof TLSSocket;
  }

  get closed(): boolean {
    return this.#closed;
  }

  write(text: string): void {
    if (!this.#closed) this.#socket.write(text);
  }

  /**
   * Writes an email's body, and resolves when the system has taken all of it or the connection is gone.
   * @throws {SmtpFault} when that takes too long.
   */
  async flush(body: Buffer): Promise<void> {
    const seconds = this.#timeouts.body;
    const taken = Promise.withResolvers<boolean>();
    const timer = setTimeout(() => taken.resolve(false), seconds * 1_000);
    this.#flushed = () => taken.resolve(true);
    if (this.#closed) this.#flushed();
    else this.#socket.write(body, this.#flushed);
    const inTime = await taken.promise;
    clearTimeout(timer);
    if (inTime) return;
    this.destroy();
    throw new SmtpFault("reply", `the email was not taken within ${seconds} s`);
  }

  /**
   * Waits for the next reply, a refusal included.
   * @param seconds @default what the settings give to this phase
   * @throws {SmtpFault} without a code when there is none in time.
   */
  async reply(phase: Phase, seconds: number = this.#timeouts[phase]): Promise<Reply> {
    const deadline = performance.now() + seconds * 1_000;
    for (let late = false; ;) {
      const reply = this.#replies.next() ?? (this.#closed ? this.#replies.end() : null);
      if (reply) {
        // 421 says that the server is about to hang up (RFC 5321 §3.8).
        if (reply.cut || reply.code === 421) this.destroy();
        return reply;
      }
      if (this.#closed) throw new SmtpFault(phase, "the server closed the connection", { closed: true });
      if (late) {
        this.destroy();
        throw new SmtpFault(phase, `no reply within ${seconds} s`);
      }
      late = await this.#timeUp(deadline - performance.now());
      // The reply may have come in time, to a process that was suspended.
      if (late) await socketsRead();
    }
  }

  /** Encrypts what follows. What came before is forgotten (RFC 3207 §6). @throws {SmtpFault} */
  async startTls(tls: TlsOptions, signal: AbortSignal): Promise<void> {
    const { host } = this.#server;
    const plain = this.#socket;
    this.#unlisten();
    this.#replies = new ReplyReader();
    this.#socket = connectTls({ socket: plain, host, ...tlsOptions(host, tls) });
    try {
      await connected(this.#socket, "secureConnect", "starttls", this.#timeouts.starttls, host, signal);
    } catch (error) {
      plain.destroy();
      this.#gone();
      throw error;
    }
    this.#listen();
  }

  /** Says goodbye without waiting for the answer. */
  quit(): void {
    if (this.#closed) return;
    this.#socket.end("QUIT\r\n");
    const socket = this.#socket;
    setTimeout(() => socket.destroy(), QUIT_MS).unref();
    this.#gone();
  }

  destroy(): void {
    this.#socket.destroy();
    this.#gone();
  }

  /** True when the server has said something that was not asked for, such as 421 before it hangs up. */
  get unexpected(): boolean {
    return this.#replies.pending;
  }

  #listen(): void {
    this.#socket.setNoDelay(true);
    // A host that is gone without a word is noticed within minutes, however long a step may take.
    this.#socket.setKeepAlive(true, KEEPALIVE_MS);
    this.#socket.on("data", this.#received);
    for (const event of ["error", "end", "close"]) this.#socket.on(event, this.#gone);
  }

  #unlisten(): void {
    this.#socket.on("error", ignore);
    this.#socket.off("data", this.#received);
    for (const event of ["error", "end", "close"]) this.#socket.off(event, this.#gone);
  }

  readonly #received = (chunk: Buffer): void => {
    this.#replies.push(chunk);
    this.#notify();
  };

  readonly #gone = (): void => {
    if (this.#closed) return;
    this.#closed = true;
    this.#notify();
    this.#flushed();
    this.onClose();
  };

  /** Resolves when something has come, or the connection is gone. @returns true when nothing did in time. */
  #timeUp(ms: number): Promise<boolean> {
    return new Promise((resolve) => {
      const timer = setTimeout(() => resolve(true), Math.max(0, ms));
      this.#notify = () => {
        clearTimeout(timer);
        resolve(false);
      };
    });
  }
}

const QUIT_MS = 5_000;
const KEEPALIVE_MS = 30_000;

const tlsOptions = (host: string, { verify, ca }: TlsOptions) => ({
  // A name only: RFC 6066 §3 has no addresses in SNI.
  ...(isIP(host) === 0 ? { servername: host } : {}),
  rejectUnauthorized: verify,
  ...(ca === null ? {} : { ca }),
});

function connected(
  socket: Socket,
  event: "connect" | "secureConnect",
  phase: Phase,
  seconds: number,
  host: string,
  signal: AbortSignal,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const done = (fault?: SmtpFault): void => {
      clearTimeout(timer);
      signal.removeEventListener("abort", abort);
      socket.off(event, ready).off("close", closed).on("error", ignore).off("error", failed);
      if (!fault) return resolve();
      socket.destroy();
      reject(fault);
    };
    const ready = (): void => done();
    const abort = (): void => done(new SmtpFault(phase, "broken off"));
    const closed = (): void => done(new SmtpFault(phase, "the server closed the connection", { closed: true }));
    const failed = (cause: Error): void =>
      done(new SmtpFault(phase, describeTlsError(cause, host) ?? cause.message, { closed: true, cause }));
    const timer = setTimeout(() => done(new SmtpFault(phase, `no connection within ${seconds} s`)), seconds * 1_000);
    socket.on(event, ready).on("close", closed).on("error", failed);
    signal.addEventListener("abort", abort, { once: true });
    if (signal.aborted) abort();
  });
}
