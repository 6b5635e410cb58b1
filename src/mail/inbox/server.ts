/**
 * The development inbox: a real SMTP server on loopback whose mail lives in memory and goes nowhere. Development reads
 * it at `/inbox`; tests start one each and ask it directly.
 */
import type { AddressInfo } from "node:net";
import { SMTPServer, type SMTPServerDataStream, type SMTPServerEnvelope } from "smtp-server";
import { log } from "../../log.ts";
import { readEmail, summaryOf } from "./email.ts";
import type { InboxMessage, InboxSummary } from "./shapes.ts";

export interface InboxFilter {
  /** An envelope recipient, in any case. */
  readonly to?: string | undefined;
  /** Words that stand in the subject, an address, a name or the text. */
  readonly q?: string | undefined;
  /** Lists only what arrived later than the email of this id, which need not be kept any more. */
  readonly after?: string | undefined;
}

export interface Inbox {
  readonly smtpUrl: string;
  /** Newest first. */
  list(filter?: InboxFilter): InboxSummary[];
  find(id: string): InboxMessage | null;
  clear(): void;
  /** @returns whether it was there. */
  remove(id: string): boolean;
  /** Calls `listener` for each email once it is kept and before its 250; it must not throw. */
  subscribe(listener: (message: InboxSummary) => void): () => void;
  /** Takes no more mail and hangs up. Drain the courier first: an email on its way is cut off. */
  close(): Promise<void>;
}

/** Ours have some 30 kB; a relay in front of the world rarely takes more than this. */
const MAX_EMAIL_BYTES = 10 * 1024 * 1024;
/** The inbox keeps no more than this, so that a thousand large emails do not fill the memory of a laptop. */
const MAX_TOTAL_BYTES = 256 * 1024 * 1024;

/**
 * @param options.port of the SMTP server. @default any free one
 * @param options.capacity how many emails are kept; the oldest is dropped for a new one. @default 1000
 * @throws the listen error, for example EADDRINUSE.
 */
export async function startInbox(options: { port?: number; capacity?: number } = {}): Promise<Inbox> {
  const capacity = options.capacity ?? 1000;
  const messages = new Map<string, InboxMessage>(); // oldest first
  const listeners = new Set<(message: InboxSummary) => void>();
  let totalBytes = 0;

  const keep = (message: InboxMessage): void => {
    messages.set(message.id, message);
    totalBytes += message.source.length;
    for (const oldest of messages.keys()) {
      if (messages.size <= capacity && totalBytes <= MAX_TOTAL_BYTES) break;
      remove(oldest);
    }
    for (const listener of listeners) listener(summaryOf(message));
  };
  const remove = (id: string): boolean => {
    totalBytes -= messages.get(id)?.source.length ?? 0;
    return messages.delete(id);
  };

  const server = new SMTPServer({
    name: "localhost",
    authOptional: true,
    disabledCommands: ["AUTH", "STARTTLS"],
    disableReverseLookup: true,
    size: MAX_EMAIL_BYTES,
    rejectOversized: true,
    logger: false,
    // Idle pooled connections must not hold up a shutdown for the library's 30 s.
    closeTimeout: 1,
    onData(stream, session, callback) {
      receive(stream, session.envelope).then(
        (message) => {
          if (!stream.sizeExceeded) keep(message);
          callback();
        },
        (error: Error) => callback(error),
      );
    },
  });
  const port = await listen(server, options.port ?? 0);

  return {
    smtpUrl: `smtp://127.0.0.1:${port}`,
    list: (filter = {}) => [...messages.values()].filter(matcher(filter)).map(summaryOf).toReversed(),
    find: (id) => messages.get(id) ?? null,
    clear() {
      messages.clear();
      totalBytes = 0;
    },
    remove,
    subscribe(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    close: () => new Promise((resolve) => server.close(resolve)),
  };
}

/** @returns the port it got. */
function listen(server: SMTPServer, port: number): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  server.once("error", reject);
  const listening = server.listen(port, "127.0.0.1", () => {
    server.off("error", reject);
    // A client that vanishes mid-email is everyday life here: tests kill couriers.
    server.on("error", (error: Error) => log.debug({ error: error.message }, "inbox: SMTP connection failed"));
    resolve((listening.address() as AddressInfo).port);
  });
  return promise;
}

async function receive(stream: SMTPServerDataStream, envelope: SMTPServerEnvelope): Promise<InboxMessage> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of stream) if (!stream.sizeExceeded) chunks.push(chunk);
  return await readEmail(Buffer.concat(chunks), {
    from: envelope.mailFrom ? envelope.mailFrom.address : "",
    to: envelope.rcptTo.map((recipient) => recipient.address),
  });
}

function matcher({ to, q, after }: InboxFilter): (message: InboxMessage) => boolean {
  const recipient = to?.toLowerCase();
  const words = q?.toLowerCase().split(/\s+/).filter(Boolean) ?? [];
  return (message) => {
    if (after && message.id <= after) return false;
    if (recipient && !message.envelope.to.some((address) => address.toLowerCase() === recipient)) return false;
    if (words.length === 0) return true;
    const people = [message.from, ...message.to].flatMap((person) => (person ? [person.name, person.address] : []));
    const body = message.text ?? message.html ?? "";
    const haystack = [message.subject, ...people, ...message.envelope.to, body].join("\n").toLowerCase();
    return words.every((word) => haystack.includes(word));
  };
}
