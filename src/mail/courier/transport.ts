/**
 * SMTP by nodemailer's pool, and the one place where a conversation becomes an `Outcome`.
 * Reply classes: RFC 5321 §4.2.1 (4yz: try again, 5yz: do not); who may be at fault depends on the phase.
 */
import type { Writable } from "node:stream";
import SMTPPool from "nodemailer/lib/smtp-pool";
import { isLoopback } from "../../config/hosts.ts";
import { parseSmtpUrl } from "../../config/smtp-server.ts";
import { buildMime, type Mail } from "./mime.ts";
import { redactReply, type Outcome, type Phase, type SmtpReply } from "../outcome.ts";

/** One email to one recipient. */
export type OutgoingMail = Omit<Mail, "from" | "messageIdHost">;

export interface Transport {
  /** @param signal aborts the conversation: the lease is lost, or we shut down. Never rejects. */
  send(mail: OutgoingMail, signal: AbortSignal): Promise<Outcome>;
  close(): void;
}

export interface TransportOptions {
  readonly smtpUrl: string;
  readonly pool: number;
  readonly from: { readonly name: string; readonly address: string };
  /** The host part of Message-IDs. */
  readonly messageIdHost: string;
}

/** Until the body is handed over, connecting included. */
const BODY_DEADLINE_MS = 30_000;
/**
 * From the handing over to the reply; an email fits the socket's buffer. RFC 5321 §4.5.3.2.6 asks a client to wait 10 minutes, so that the reply of a slow
 * server is not lost; but one of our few slots would be held that long by every silent server, and the copy that a
 * lost reply may cause is the same email. Two minutes is where we draw the line.
 */
const REPLY_DEADLINE_MS = 120_000;

/** How far one conversation came: what an error without a reply code means depends on it. */
interface Progress {
  /** The session is open and authenticated: MAIL FROM comes next. */
  opened: boolean;
  /** The server said 354 and the body was handed over: it may have the email. */
  bodyTaken: boolean;
}

export function createSmtpTransport(options: TransportOptions): Transport {
  const { host, port, implicitTls, login } = parseSmtpUrl(options.smtpUrl);
  const loopback = isLoopback(host);
  const pool = new SMTPPool({
    host,
    port,
    secure: implicitTls,
    // Verified TLS for anything that leaves the machine (R60); on loopback there is nobody to hide from.
    requireTLS: !implicitTls && !loopback,
    ignoreTLS: !implicitTls && loopback,
    ...(login ? { auth: { user: login.user, pass: login.password } } : {}),
    maxConnections: options.pool,
    // Real servers answer "452 Too many messages" to an endless connection.
    maxMessages: 100,
    // Trying again is the outbox's decision, with an attempt row for each.
    maxRequeues: 0,
    connectionTimeout: 10_000,
    greetingTimeout: 10_000,
    socketTimeout: REPLY_DEADLINE_MS,
  });
  // A broken connection is told to the email that was on it; without a listener it would end the thread as well.
  pool.on("error", () => {});

  return {
    async send(mail, signal) {
      const progress: Progress = { opened: false, bodyTaken: false };
      const deadline = new AbortController();
      let timer = setTimeout(() => deadline.abort(), BODY_DEADLINE_MS);
      const handedOver = (): void => {
        clearTimeout(timer);
        timer = setTimeout(() => deadline.abort(), REPLY_DEADLINE_MS);
      };
      const body = buildMime({ ...mail, from: options.from, messageIdHost: options.messageIdHost });
      try {
        const envelope = { from: options.from.address, to: [mail.to.address] };
        const response = await sendThrough(pool, {
          data: { signal: AbortSignal.any([signal, deadline.signal]) },
          message: {
            getEnvelope: () => ({ ...envelope }),
            messageId: () => mail.id,
            getHeader: () => "",
            createReadStream: () => handOver(body, progress, handedOver),
          },
        });
        return { type: "sent", ...replyOf("reply", response) };
      } catch (error) {
        return outcomeOf(toSmtpError(error), progress);
      } finally {
        clearTimeout(timer);
      }
    },
    close: () => pool.close(),
  };
}

/** What the pool asks of a mail; nodemailer's own would parse our addresses and walk our finished email again. */
interface PooledMail {
  readonly data: { readonly signal: AbortSignal };
  readonly message: {
    getEnvelope(): { from: string; to: string[] };
    messageId(): string;
    getHeader(): string;
    /** Called once the session is open. */
    createReadStream(): Body;
  };
}

/** As much of a stream as the pool uses. */
interface Body {
  /** Whether any of it may have left: the pool looks, too. */
  readonly readableDidRead: boolean;
  /** Called when the server said 354. */
  pipe(connection: Writable): void;
}

function handOver(body: Buffer, progress: Progress, handedOver: () => void): Body {
  progress.opened = true;
  return {
    get readableDidRead() {
      return progress.bodyTaken;
    },
    pipe(connection) {
      progress.bodyTaken = true;
      connection.end(body);
      handedOver();
    },
  };
}

/** @returns the server's reply. @throws the pool's error. */
const sendThrough = (pool: SMTPPool, mail: PooledMail): Promise<string> =>
  new Promise((resolve, reject) => {
    pool.send(mail as unknown as Parameters<SMTPPool["send"]>[0], (error, info) => {
      if (error) reject(error);
      else resolve(info?.response ?? "");
    });
  });

/** What nodemailer's errors say, as plain data. */
interface SmtpError {
  readonly message: string;
  readonly command: string;
  readonly responseCode: number | null;
  readonly response: string | null;
  readonly aborted: boolean;
}

/**
 * The table of the design: who is at fault, and may a copy be out?
 *
 * `command` is where a reply came; without a reply only `progress` tells, because the error of a drop before the
 * banner and of one after the final dot look the same.
 */
function outcomeOf(error: SmtpError, progress: Progress): Outcome {
  const code = error.responseCode;
  const phase = phaseOf(error, progress);
  const reply = replyOf(phase, error.response ?? (error.aborted ? "no reply in time" : error.message), code);
  if (code === null) {
    if (progress.bodyTaken) return { type: "unknown", ...reply };
    return { type: progress.opened ? "deferred" : "transport_down", ...reply };
  }
  // "Authenticate first" is said to us, not to the recipient, wherever it comes (RFC 4954 §6).
  if (code === 530 || code === 535 || code === 538) return { type: "transport_down", ...reply };
  const aboutTheLetter = phase === "rcpt" || phase === "data" || phase === "reply";
  if (aboutTheLetter) return { type: code >= 500 ? "rejected" : "deferred", ...reply };
  if (phase === "mail" && code < 500 && code !== 421) return { type: "deferred", ...reply };
  return { type: "transport_down", ...reply };
}

function phaseOf(error: SmtpError, progress: Progress): Phase {
  const { command } = error;
  if (progress.bodyTaken) return "reply";
  if (command === "RCPT TO") return "rcpt";
  if (command === "DATA") return "data";
  if (command === "MAIL FROM") return "mail";
  if (command.startsWith("AUTH")) return "auth";
  if (command === "STARTTLS") return "starttls";
  if (command === "EHLO" || command === "HELO" || command === "LHLO") return "ehlo";
  if (progress.opened) return "mail";
  return error.responseCode === null ? "connect" : "greeting";
}

function replyOf(phase: Phase, words: string, code: number | null = Number.parseInt(words, 10) || null): SmtpReply {
  return { phase, code, reply: redactReply(words) };
}

function toSmtpError(error: unknown): SmtpError {
  const fields = (error instanceof Error ? error : new Error(String(error))) as Error & Record<string, unknown>;
  const text = (name: string): string | null => (typeof fields[name] === "string" ? fields[name] : null);
  return {
    message: fields.message,
    command: text("command") ?? "",
    responseCode: typeof fields["responseCode"] === "number" ? fields["responseCode"] : null,
    response: text("response"),
    aborted: text("code") === "EABORT" || fields.name === "AbortError",
  };
}
