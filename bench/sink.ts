/**
 * An SMTP sink that is never the bottleneck: accepts everything, keeps nothing but counts. It offers PIPELINING and
 * 8BITMIME, as Postfix, Exim and Exchange do. A process of its own, told and asked by IPC; see `SinkOrder`.
 */
import type { Socket } from "bun";

export type SinkOrder =
  /** Starts to count anew; an email takes `delayMs` from now on. */
  { readonly order: "reset"; readonly delayMs: number; readonly trace: boolean } | { readonly order: "report" };

export interface SinkReport {
  readonly count: number;
  /** Of all bodies, the final dot included. */
  readonly bytes: number;
  /** Wall clock in milliseconds, of the first and the last email accepted. */
  readonly firstAt: number;
  readonly lastAt: number;
  /** The longest time without an email between two, in milliseconds. */
  readonly longestGapMs: number;
  /** Counts a 100 ms from `firstAt`. */
  readonly perTenth: readonly number[];
  /** With `trace`: who got one when. */
  readonly accepted: readonly (readonly [recipient: string, at: number])[];
  /** The last email. */
  readonly sample: string;
}

interface Conversation {
  inBody: boolean;
  tail: string;
  body: string;
  recipient: string;
}

let delayMs = 0;
let trace = false;
let report = empty();

const GREETING = "220 sink\r\n";
const OK = "250 Ok\r\n";

const server = Bun.listen<Conversation>({
  hostname: "127.0.0.1",
  port: 0,
  socket: {
    open(socket) {
      socket.data = { inBody: false, tail: "", body: "", recipient: "" };
      socket.write(GREETING);
    },
    data(socket, chunk) {
      read(socket, chunk.toString("latin1"));
    },
  },
});

process.on("message", (message: SinkOrder) => {
  if (message.order === "report") process.send?.(report satisfies SinkReport);
  else {
    ({ delayMs, trace } = message);
    report = empty();
    process.send?.("ok");
  }
});
process.on("disconnect", () => process.exit(0));
process.send?.({ port: server.port });

function read(socket: Socket<Conversation>, text: string): void {
  const { data } = socket;
  if (data.inBody) {
    // Only the end matters: the dot may be cut in two by a packet.
    const seen = data.tail + text;
    report.bytes += text.length;
    if (report.count < 2) data.body += text;
    data.tail = seen.slice(-4);
    if (!seen.endsWith("\r\n.\r\n")) return;
    data.inBody = false;
    accept(socket);
    return;
  }
  // Commands that came together are answered together (RFC 2920 §3.2).
  let replies = "";
  for (const line of text.split("\r\n")) {
    if (line === "") continue;
    const verb = line.slice(0, 4).toUpperCase();
    if (verb === "DATA") {
      data.inBody = true;
      data.tail = "";
      data.body = "";
      replies += "354 Go on\r\n";
    } else if (verb === "EHLO" || verb === "HELO") replies += "250-sink\r\n250-PIPELINING\r\n250 8BITMIME\r\n";
    else if (verb === "QUIT") socket.end(`${replies}221 Bye\r\n`);
    else {
      if (verb === "RCPT") data.recipient = line;
      replies += OK;
    }
  }
  if (replies !== "") socket.write(replies);
}

function accept(socket: Socket<Conversation>): void {
  const emails = report;
  const answer = (): void => {
    const at = performance.timeOrigin + performance.now();
    if (emails.count === 0) emails.firstAt = at;
    else emails.longestGapMs = Math.max(emails.longestGapMs, at - emails.lastAt);
    emails.count += 1;
    emails.lastAt = at;
    const tenth = Math.floor((at - emails.firstAt) / 100);
    emails.perTenth[tenth] = (emails.perTenth[tenth] ?? 0) + 1;
    if (emails.count === 1) emails.sample = socket.data.body;
    if (trace) emails.accepted.push([/<(.*)>/.exec(socket.data.recipient)?.[1] ?? "", at]);
    socket.write(OK);
  };
  if (delayMs > 0) setTimeout(answer, delayMs);
  else answer();
}

function empty() {
  const accepted: [string, number][] = [];
  const perTenth: number[] = [];
  return { count: 0, bytes: 0, firstAt: 0, lastAt: 0, longestGapMs: 0, perTenth, accepted, sample: "" };
}
