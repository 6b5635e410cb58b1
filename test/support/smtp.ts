/**
 * An SMTP server that does as it is told: it can refuse, stall, drip, hang up or fall silent in any phase, and keeps a
 * log of what it saw. Real sockets, written by hand because a well-behaved server library cannot misbehave.
 */
import { createServer, type Server, type Socket } from "node:net";

/** `body`: some of the email has arrived, and its final dot has not been looked for. */
export type SmtpPhase = "greeting" | "ehlo" | "auth" | "mail" | "rcpt" | "data" | "body" | "reply";

/** What to do instead of the usual answer; nothing given: answer as usual. */
export interface Misbehaviour {
  /** Sent in place of the usual reply. */
  readonly reply?: string;
  /** Waits before it answers. */
  readonly delayMs?: number;
  /** Waits for this before it answers. */
  readonly held?: Promise<unknown>;
  /** Hangs up: before the answer, or right after it. In `body` either is at once. */
  readonly hangUp?: "before" | "after";
  /** Never answers, nor hears anything any more. */
  readonly silent?: boolean;
  /** Answers one byte at a time, with this pause. */
  readonly dripMs?: number;
  /** Called once the kernel has taken the answer. Not in `body`. */
  readonly after?: () => void;
}

export interface SmtpMoment {
  readonly phase: SmtpPhase;
  /** Connections counted from 1. */
  readonly connection: number;
  /** How many connections are open, this one included. */
  readonly open: number;
  /** The argument of EHLO; null before it. */
  readonly helo: string | null;
  /** The address in MAIL FROM; null before it. */
  readonly sender: string | null;
  readonly recipient: string | null;
  readonly messageId: string | null;
}

/** One email whose final dot arrived. */
export interface ReceivedEmail {
  readonly at: number;
  readonly messageId: string;
  readonly recipient: string;
  readonly source: string;
  readonly link: string | null;
  /** The reply that was meant; null when the server fell silent or hung up, and until it answers. */
  reply: string | null;
  /** Whether the reply was handed to a socket that was still open. */
  delivered: boolean;
}

export interface ScriptedSmtp extends AsyncDisposable {
  readonly url: string;
  readonly port: number;
  /** Every email whose body was read to its end, accepted or not. */
  readonly emails: readonly ReceivedEmail[];
  /** Those that were answered with 250. */
  accepted(): ReceivedEmail[];
  /** From now on; null: behave. */
  behave(script: ((moment: SmtpMoment) => Misbehaviour | null | undefined) | null): void;
  /** Resolves when `condition` holds after an email has been answered; checked at once too. */
  until(condition: (server: ScriptedSmtp) => boolean, timeoutMs?: number): Promise<void>;
  readonly connections: number;
  hangUpAll(): void;
  close(): Promise<void>;
  /** Stops listening and hangs up: connections are refused until `open`. */
  refuse(): Promise<void>;
  open(): Promise<void>;
}

export interface ScriptedSmtpOptions {
  /** Told of every email twice: when its final dot has arrived, and when it has been answered, or never will be. */
  readonly onEmail?: (email: ReceivedEmail, answered: boolean) => void;
  /** False: `emails` stays empty, where there are too many to keep. @default true */
  readonly keep?: boolean;
}

export async function startScriptedSmtp(port = 0, options: ScriptedSmtpOptions = {}): Promise<ScriptedSmtp> {
  const emails: ReceivedEmail[] = [];
  const sockets = new Set<Socket>();
  const watchers = new Set<() => void>();
  let script: ((moment: SmtpMoment) => Misbehaviour | null | undefined) | null = null;
  let connections = 0;
  let server: Server | null = null;

  const converse = (socket: Socket): void => {
    connections += 1;
    const connection = connections;
    let helo: string | null = null;
    let sender: string | null = null;
    let recipient: string | null = null;
    let inBody = false;
    let bodyBegun = false;
    let deaf = false;
    let buffer = "";
    const moment = (phase: SmtpPhase, messageId: string | null): SmtpMoment => ({
      ...{ phase, connection, open: sockets.size, helo, sender, recipient, messageId },
    });
    // Answers go out in order, even when an earlier one is delayed.
    let turn: Promise<void> = Promise.resolve();

    const answer = (
      phase: SmtpPhase,
      usual: string,
      messageId: string | null,
      sent?: (reply: string | null) => void,
    ): void => {
      turn = turn.then(async () => {
        const wish = script?.(moment(phase, messageId)) ?? {};
        if (wish.delayMs) await Bun.sleep(wish.delayMs);
        await wish.held;
        if (wish.silent || wish.hangUp === "before" || socket.destroyed) {
          if (wish.silent) deaf = true;
          else socket.destroy();
          sent?.(null);
          return;
        }
        const reply = wish.reply ?? usual;
        if (wish.dripMs === undefined) socket.write(`${reply}\r\n`);
        else {
          for (const byte of `${reply}\r\n`) {
            if (socket.destroyed) break;
            socket.write(byte);
            await Bun.sleep(wish.dripMs);
          }
        }
        wish.after?.();
        sent?.(reply);
        if (wish.hangUp === "after" || reply.startsWith("421")) socket.end();
      });
    };

    const endOfBody = (source: string): void => {
      const messageId = /^Message-ID:\s*(<[^>]+>)/im.exec(source)?.[1] ?? "";
      const email: ReceivedEmail = {
        at: Date.now(),
        messageId,
        recipient: recipient ?? "",
        source,
        link: linkOf(source),
        reply: null,
        delivered: false,
      };
      options.onEmail?.(email, false);
      answer("reply", `250 2.0.0 Ok: queued as ${connection}-${emails.length}`, messageId, (reply) => {
        Object.assign(email, { reply, delivered: reply !== null && !socket.destroyed });
        if (options.keep ?? true) emails.push(email);
        options.onEmail?.(email, true);
        for (const watch of watchers) watch();
      });
    };

    const command = (line: string): void => {
      const verb = line.slice(0, 4).toUpperCase();
      if (verb === "EHLO" || verb === "HELO") {
        helo = line.slice(5).trim();
        answer("ehlo", "250-scripted\r\n250 8BITMIME", null);
      } else if (verb === "AUTH") answer("auth", "235 2.7.0 Authentication successful", null);
      else if (verb === "MAIL") {
        sender = /<([^>]*)>/.exec(line)?.[1] ?? "";
        answer("mail", "250 2.1.0 Ok", null);
      } else if (verb === "RCPT") {
        recipient = /<([^>]*)>/.exec(line)?.[1] ?? "";
        answer("rcpt", "250 2.1.5 Ok", null);
      } else if (verb === "DATA") {
        answer("data", "354 Go on", null, (reply) => {
          inBody = reply?.startsWith("354") ?? false;
          bodyBegun = false;
        });
      } else if (verb === "RSET") {
        recipient = null;
        socket.write("250 2.0.0 Ok\r\n");
      } else if (verb === "QUIT") socket.end("221 2.0.0 Bye\r\n");
      else socket.write("500 5.5.2 What?\r\n");
    };

    socket.setNoDelay(true);
    socket.setEncoding("latin1");
    socket.on("error", () => socket.destroy());
    socket.on("close", () => sockets.delete(socket));
    /** @returns whether to read on. */
    const beginBody = (): boolean => {
      bodyBegun = true;
      const wish = script?.(moment("body", null)) ?? {};
      if (wish.hangUp) socket.destroy();
      deaf = wish.silent ?? false;
      return !deaf && !socket.destroyed;
    };

    socket.on("data", (chunk: string) => {
      if (deaf) return;
      buffer += chunk;
      for (;;) {
        if (inBody) {
          if (!bodyBegun && buffer.length > 0 && !beginBody()) return;
          const end = buffer.indexOf("\r\n.\r\n");
          if (end < 0) return;
          inBody = false;
          const source = buffer.slice(0, end);
          buffer = buffer.slice(end + 5);
          endOfBody(source);
        } else {
          const end = buffer.indexOf("\r\n");
          if (end < 0) return;
          const line = buffer.slice(0, end);
          buffer = buffer.slice(end + 2);
          command(line);
        }
      }
    });
    sockets.add(socket);
    answer("greeting", "220 scripted ESMTP", null);
  };

  const listen = async (at: number): Promise<void> => {
    server = createServer(converse);
    await new Promise<void>((resolve, reject) => {
      server?.once("error", reject);
      server?.listen(at, "127.0.0.1", resolve);
    });
  };
  const hangUpAll = (): void => {
    for (const socket of sockets) socket.destroy();
  };
  const refuse = async (): Promise<void> => {
    const closing = server;
    server = null;
    hangUpAll();
    await new Promise<void>((resolve) => (closing ? closing.close(() => resolve()) : resolve()));
  };

  await listen(port);
  const address = (server as Server | null)?.address();
  if (!address || typeof address === "string") throw new Error("The scripted SMTP server has no port.");
  const scripted: ScriptedSmtp = {
    url: `smtp://127.0.0.1:${address.port}`,
    port: address.port,
    emails,
    accepted: () => emails.filter((email) => email.reply?.startsWith("250")),
    behave: (next) => {
      script = next;
    },
    until: (condition, timeoutMs = 10_000) =>
      new Promise((resolve, reject) => {
        const check = (): void => {
          if (!condition(scripted)) return;
          watchers.delete(check);
          clearTimeout(timer);
          resolve();
        };
        const timer = setTimeout(() => {
          watchers.delete(check);
          reject(
            new Error(
              `Not within ${timeoutMs} ms; ${emails.length} emails seen, ${scripted.accepted().length} accepted.`,
            ),
          );
        }, timeoutMs);
        watchers.add(check);
        check();
      }),
    get connections() {
      return connections;
    },
    hangUpAll,
    close: refuse,
    [Symbol.asyncDispose]: refuse,
    refuse,
    open: () => listen(address.port),
  };
  return scripted;
}

/** The link with a token, as a reader would follow it: out of quoted-printable. */
function linkOf(source: string): string | null {
  const text = source.replaceAll("=\r\n", "").replaceAll("=3D", "=").replaceAll("&amp;", "&");
  return /https?:\/\/[^\s"<>]+token=[A-Za-z0-9_-]+/.exec(text)?.[0] ?? null;
}
