/** An SMTP session: opened, encrypted and authenticated once, then used for one email after the other. */
import type { Phase } from "../../../db/states.ts";
import { socketsRead } from "../event-loop.ts";
import { type SmtpConnection, SmtpFault } from "./connection.ts";
import { refusalSubject, type Reply } from "./reply.ts";

export interface Envelope {
  readonly from: string;
  readonly to: string;
}

/** A session that was idle for longer is asked whether the server still hears, before an email is entrusted to it. */
const TRUSTED_IDLE_MS = 1_000;
/** Any server answers RSET at once: when this one does not, the connection is dead without a sign of it. */
const RESET_SECONDS = 5;
/** Real servers answer "452 Too many messages" to a session that does not end. */
const MAX_EMAILS = 100;

export class SmtpSession {
  /** How many emails were tried in this session. A failure in a used session may be due to the session's age. */
  emails = 0;
  /** What the server offers, by keyword, in upper case, with its parameters. */
  readonly extensions: ReadonlyMap<string, readonly string[]>;
  readonly #connection: SmtpConnection;
  readonly #pipelining: boolean;
  #needsReset = false;
  #usedAt = performance.now();
  #spent = false;

  constructor(connection: SmtpConnection, extensions: ReadonlyMap<string, readonly string[]>) {
    this.#connection = connection;
    this.extensions = extensions;
    this.#pipelining = extensions.has("PIPELINING");
  }

  get encrypted(): boolean {
    return this.#connection.encrypted;
  }

  /** Whether another email may be sent in this session. */
  get usable(): boolean {
    return !this.#spent && !this.#connection.closed && !this.#connection.unexpected && this.emails < MAX_EMAILS;
  }

  /** Called once when the session has ended, at once if it has already. */
  set onClose(listener: () => void) {
    if (this.#connection.closed) listener();
    else this.#connection.onClose = listener;
  }

  /**
   * Sends one email to one recipient.
   * @param body with CRLF line ends, without the final dot.
   * @param replySeconds how long to wait for the reply to it, at most.
   * @param handedOver called when the body begins to leave: from then on the server may have the email.
   * @returns the reply that accepted it. @throws {SmtpFault} where it was not accepted, or no reply came.
   */
  async send(
    { from, to }: Envelope,
    body: Buffer,
    { replySeconds, handedOver, signal }: { replySeconds?: number; handedOver: () => void; signal: AbortSignal },
  ): Promise<Reply> {
    const breakOff = (): void => this.#connection.destroy();
    signal.addEventListener("abort", breakOff, { once: true });
    if (signal.aborted) breakOff();
    this.emails += 1;
    try {
      if (this.#needsReset || performance.now() - this.#usedAt > TRUSTED_IDLE_MS) await this.#reset();
      this.#needsReset = true;
      const steps = [
        ["mail", `MAIL FROM:<${from}>`],
        ["rcpt", `RCPT TO:<${to}>`],
        ["data", "DATA"],
      ] as const;
      if (this.#pipelining) await this.#together(steps);
      else for (const [phase, command] of steps) await this.#command(phase, command);
      await this.#expectReadiness();
      handedOver();
      const reply = await this.#body(body, replySeconds);
      this.#needsReset = false;
      return reply;
    } catch (error) {
      // A refusal that is not about the recipient may be about this session, as postscreen's after its tests: the
      // next attempt begins a new one.
      if (!(error instanceof SmtpFault) || error.code === null || refusalSubject(error.message) !== "recipient") {
        this.#spent = true;
      }
      throw error;
    } finally {
      this.#usedAt = performance.now();
      signal.removeEventListener("abort", breakOff);
    }
  }

  quit(): void {
    this.#connection.quit();
  }

  /** @throws {SmtpFault} as if the connection had ended: an email in a new session is none the worse for it. */
  async #reset(): Promise<void> {
    try {
      await this.#command("mail", "RSET", RESET_SECONDS);
      this.#expectNoSurplus("mail");
    } catch (cause) {
      throw new SmtpFault("mail", "the session could not be reset", { closed: true, cause });
    }
  }

  /**
   * Checks, before the email may leave, that the connection has not ended with the reply to DATA, and that no surplus
   * reply waits that would be taken for the reply to the email.
   * @throws {SmtpFault}
   */
  async #expectReadiness(): Promise<void> {
    await socketsRead();
    if (this.#connection.closed) throw new SmtpFault("data", "the server closed the connection", { closed: true });
    this.#expectNoSurplus("data");
  }

  /** @throws {SmtpFault} as if the connection had ended: every later reply would be taken for that of another command. */
  #expectNoSurplus(phase: Phase): void {
    if (!this.#connection.unexpected) return;
    throw new SmtpFault(phase, "the server sent more replies than there were commands", { closed: true });
  }

  async #command(phase: Phase, command: string, seconds?: number): Promise<void> {
    this.#connection.write(`${command}\r\n`);
    accepted(phase, await this.#connection.reply(phase, seconds));
  }

  /** One packet and one wait in place of three (RFC 2920). */
  async #together(steps: readonly (readonly [Phase, string])[]): Promise<void> {
    this.#connection.write(steps.map(([, command]) => `${command}\r\n`).join(""));
    let fault: SmtpFault | null = null;
    for (const [phase] of steps) {
      try {
        const reply = await this.#connection.reply(phase);
        // The server waits for an email after all: it gets none, and the session is over.
        if (fault && phase === "data" && reply.code === 354) this.#connection.destroy();
        accepted(phase, reply);
      } catch (error) {
        fault ??= error as SmtpFault;
        if (this.#connection.closed) break;
      }
    }
    if (fault) throw fault;
  }

  async #body(body: Buffer, replySeconds: number | undefined): Promise<Reply> {
    await this.#connection.flush(Buffer.concat([stuffed(body), END_OF_EMAIL]));
    return accepted("reply", await this.#connection.reply("reply", replySeconds));
  }
}

const END_OF_EMAIL = Buffer.from(".\r\n");

/** RFC 5321 §4.5.2: a dot that begins a line is doubled. */
function stuffed(body: Buffer): Buffer {
  if (!body.includes("\r\n.")) return body;
  return Buffer.from(body.toString("latin1").replaceAll("\r\n.", "\r\n.."), "latin1");
}

/** Only a 354 asks for the email, and some servers say 250 there. @throws {SmtpFault} */
function accepted(phase: Phase, reply: Reply): Reply {
  const { code, text } = reply;
  if (code !== null && (code < 300 || (phase === "data" && code < 400))) return reply;
  throw new SmtpFault(phase, text, { code: code !== null && code >= 400 ? code : null });
}
