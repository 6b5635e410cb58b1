/**
 * An SMTP sink that is never the bottleneck: accepts everything, keeps nothing but counts. A process of its own, told
 * and asked by IPC: `{ delayMs }` sets the time a letter takes, `"count"` answers `{ count, lastAt }`.
 */
import type { Socket } from "bun";

interface Conversation {
  inBody: boolean;
  tail: string;
}

let count = 0;
let lastAt = 0;
let delayMs = 0;

const GREETING = "220 sink\r\n";
const OK = "250 Ok\r\n";

const server = Bun.listen<Conversation>({
  hostname: "127.0.0.1",
  port: 0,
  socket: {
    open(socket) {
      socket.data = { inBody: false, tail: "" };
      socket.write(GREETING);
    },
    data(socket, chunk) {
      read(socket, chunk.toString("latin1"));
    },
  },
});
process.send?.({ port: server.port });

process.on("message", (message: unknown) => {
  if (message === "count") process.send?.({ count, lastAt });
  else if (message === "reset") count = 0;
  else if (typeof message === "object" && message !== null && "delayMs" in message) delayMs = Number(message.delayMs);
});
process.on("disconnect", () => process.exit(0));

function read(socket: Socket<Conversation>, text: string): void {
  const { data } = socket;
  if (data.inBody) {
    // Only the end matters: the dot may be cut in two by a packet.
    const seen = data.tail + text;
    data.tail = seen.slice(-4);
    if (!seen.endsWith("\r\n.\r\n")) return;
    data.inBody = false;
    accept(socket);
    return;
  }
  for (const line of text.split("\r\n")) {
    if (line === "") continue;
    const verb = line.slice(0, 4).toUpperCase();
    if (verb === "DATA") {
      data.inBody = true;
      data.tail = "";
      socket.write("354 Go on\r\n");
    } else if (verb === "EHLO") socket.write("250-sink\r\n250 8BITMIME\r\n");
    else if (verb === "QUIT") socket.end("221 Bye\r\n");
    else socket.write(OK);
  }
}

function accept(socket: Socket<Conversation>): void {
  const answer = (): void => {
    count += 1;
    lastAt = Date.now();
    socket.write(OK);
  };
  if (delayMs > 0) setTimeout(answer, delayMs);
  else answer();
}
