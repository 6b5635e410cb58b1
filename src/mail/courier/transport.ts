/**
 * Sends emails over SMTP, and turns each conversation into an `Outcome`.
 * Reply classes: RFC 5321 §4.2.1 (4yz: try again, 5yz: do not); what a refusal is about depends on its phase.
 */
import type { Phase } from "../../db/states.ts";
import { redactReply, type Outcome } from "../outcome.ts";
import { Conversation } from "./conversation.ts";
import { buildMime, type Mail } from "./mime.ts";
import { SmtpFault } from "./smtp/connection.ts";
import { SmtpPool } from "./smtp/pool.ts";
import { asksForLogin } from "./smtp/reply.ts";
import { openSession } from "./smtp/open-session.ts";
import type { SmtpSettings } from "./smtp/settings.ts";

/** One email to one recipient. */
export interface OutgoingMail extends Omit<Mail, "from" | "messageIdHost"> {
  /** How long the link in it lives; null: it has none. */
  readonly linkLifetimeSeconds: number | null;
}

export interface Transport {
  /**
   * @param signal breaks the conversation off: the lease is lost, or the process stops.
   * @throws when the email cannot be built, before a connection is made. All else is an outcome.
   */
  send(mail: OutgoingMail, signal: AbortSignal, events?: SendEvents): Promise<Outcome>;
  /** From now on a slow conversation ends as `released`, as long as the server cannot have the email. */
  drain(): void;
  close(): void;
}

export interface SendEvents {
  /** Called when a session is open: the email is next. */
  onOpen?(): void;
  /** Called once when the server keeps the conversation waiting: another may be begun beside it. */
  onSlow?(): void;
  /** Called when the server asks for the email. @returns whether it may have it; if not, the attempt is `released`. */
  onHandOver?(): boolean;
}

export interface TransportOptions {
  readonly smtp: SmtpSettings;
  /** Its domain is the host part of Message-IDs. */
  readonly from: { readonly name: string; readonly address: string };
}

/**
 * An unanswered email may be sent once more while its link is good: the wait for the reply is at most a fifth of the
 * link's lifetime, and no less than two minutes.
 */
const REPLY_SHARE_OF_LINK = 1 / 5;
const MIN_REPLY_SECONDS = 120;

export function createSmtpTransport({ smtp, from }: TransportOptions): Transport {
  const messageIdHost = from.address.slice(from.address.lastIndexOf("@") + 1);
  const pool = new SmtpPool({ open: (signal) => openSession(smtp, signal) });
  const conversations = new Set<Conversation>();
  /** When the youngest email that was accepted had been begun, `performance.now()`. */
  let provenAt = Number.NEGATIVE_INFINITY;
  let draining = false;

  const accepted = ({ begunAt }: Conversation): void => {
    provenAt = Math.max(provenAt, begunAt);
    for (const conversation of conversations) conversation.reopenIfStale(provenAt);
  };

  return {
    async send(mail, signal, events = {}) {
      const envelope = { from: from.address, to: mail.to.address };
      if (!isPlainAddress(envelope.to)) {
        return { type: "rejected", phase: "rcpt", code: null, reply: "invalid address: SMTP cannot carry it" };
      }
      const body = buildMime({ ...mail, from, messageIdHost });
      const replySeconds = replySecondsOf(mail.linkLifetimeSeconds, smtp.timeouts.reply);
      const conversation = new Conversation(signal, {
        onSlow() {
          if (draining) conversation.breakOff();
          else events.onSlow?.();
        },
        onLongOpening: () => conversation.reopenIfStale(provenAt),
      });
      conversations.add(conversation);
      try {
        const reply = await conversation.run(pool, (session) => {
          events.onOpen?.();
          return session.send(envelope, body, {
            replySeconds,
            handedOver: () => conversation.handOver(events.onHandOver?.() ?? true),
            signal: conversation.signal,
          });
        });
        accepted(conversation);
        return { type: "sent", phase: "reply", code: reply.code, reply: redactReply(reply.text) };
      } catch (error) {
        return outcomeOf(error, conversation, hintFor(smtp));
      } finally {
        conversation.end();
        conversations.delete(conversation);
      }
    },
    drain() {
      draining = true;
      for (const conversation of conversations) if (conversation.slow) conversation.breakOff();
    },
    close: () => pool.close(),
  };
}

/** Who is at fault, and may a copy be out? */
function outcomeOf(error: unknown, { signal, opened, handedOver }: Conversation, hint: string): Outcome {
  const fault = error instanceof SmtpFault ? error : new SmtpFault(opened ? "mail" : "connect", String(error));
  const { phase, code } = fault;
  if (signal.aborted && !handedOver) return { type: "released" };
  const words = signal.aborted ? "broken off before a reply came" : `${fault.message}${asksForLogin(code) ? hint : ""}`;
  const reply = { phase, code, reply: redactReply(words) };
  if (code === null) {
    if (handedOver) return { type: "unknown", ...reply };
    return { type: opened ? "deferred" : "transport_down", ...reply };
  }
  if (ABOUT_THE_EMAIL.has(phase)) return { type: code >= 500 ? "rejected" : "deferred", ...reply };
  if (phase === "mail" && code < 500 && code !== 421) return { type: "deferred", ...reply };
  return { type: "transport_down", ...reply };
}

const ABOUT_THE_EMAIL: ReadonlySet<Phase> = new Set<Phase>(["rcpt", "data", "reply"]);

/** What an operator can change when the server asks for a login or for encryption. */
function hintFor({ server, tls }: SmtpSettings): string {
  const hints = [
    ...(tls === "off" && !server.implicitTls ? ["STARTTLS is not used: SMTP_TLS=off"] : []),
    ...(server.login ? [] : ["SMTP_URL has no user and password"]),
  ];
  return hints.length > 0 ? ` (${hints.join("; ")})` : "";
}

/** @param limit what the settings give to the phase `reply`. */
export function replySecondsOf(linkLifetimeSeconds: number | null, limit: number): number {
  if (linkLifetimeSeconds === null) return limit;
  return Math.min(limit, Math.max(MIN_REPLY_SECONDS, linkLifetimeSeconds * REPLY_SHARE_OF_LINK));
}

/** ASCII without blanks and angle brackets: the outbox stores no other, and a line break here would be a command. */
const isPlainAddress = (address: string): boolean => /^[\x21-\x3b\x3d\x3f-\x7e]+$/.test(address);
