/** An SMTP server that says, line by line, what a test wants it to say; over TCP, STARTTLS or TLS. Real sockets. */
import { createServer, type Socket } from "node:net";
import { createServer as createTlsServer, TLSSocket } from "node:tls";
import type { Certificate } from "./certificates.ts";

export interface Heard {
  /** Counted from 1. */
  readonly connection: number;
  /** Emails whose final dot has come on this connection. */
  readonly emails: number;
  /** Whether the connection is encrypted. */
  readonly secure: boolean;
  readonly socket: Socket;
}

/**
 * @param line a command; "" when the connection begins; "." when an email has come to its end.
 * @returns what to answer, bytes as they are; null: nothing; undefined: as a good server does.
 */
export type Answer = (line: string, heard: Heard) => string | null | undefined | Promise<string | null | undefined>;

export interface LineServer extends AsyncDisposable {
  readonly port: number;
  /** Every command, in order, of all connections. */
  readonly lines: readonly string[];
  /** What stood between DATA and the final dot, with its dots as they came. */
  readonly emails: readonly string[];
  /** Connections that were made. */
  readonly connections: number;
  /** Connections that are open now. */
  readonly open: number;
  /** The most that were open at a time. */
  readonly peak: number;
}

export interface LineServerOptions {
  /** @default 127.0.0.1 */
  readonly host?: string;
  /** What EHLO lists. @default none */
  readonly extensions?: readonly string[];
  /** With a certificate STARTTLS works, or with `implicit` everything is encrypted. */
  readonly tls?: Certificate & { readonly implicit?: boolean };
  readonly answer?: Answer;
}

export async function startLineServer(options: LineServerOptions = {}): Promise<LineServer> {
  const { host = "127.0.0.1", extensions = [], tls, answer = () => undefined } = options;
  const [lines, emails]: [string[], string[]] = [[], []];
  const sockets = new Set<Socket>();
  let [connections, peak] = [0, 0];

  const usual = (line: string, secure: boolean): string => {
    const verb = line.slice(0, 4).toUpperCase();
    switch (verb) {
      case "":
        return "220 lines ESMTP\r\n";
      case "EHLO": {
        const offered = tls && !secure ? [...extensions, "STARTTLS"] : extensions;
        return ["lines", ...offered]
          .map((word, at, all) => `250${at < all.length - 1 ? "-" : " "}${word}\r\n`)
          .join("");
      }
      case "STAR":
        return "220 2.0.0 Go\r\n";
      case "DATA":
        return "354 Go on\r\n";
      case "QUIT":
        return "221 2.0.0 Bye\r\n";
      default:
        return "250 2.0.0 Ok\r\n";
    }
  };

  const converse = (socket: Socket, connection: number, secure: boolean): void => {
    let [buffer, inBody, count] = ["", false, 0];
    let turn = Promise.resolve();
    const reply = (line: string): void => {
      turn = turn.then(async () => {
        const text = await answer(line, { connection, emails: count, secure, socket });
        if (text === null || socket.destroyed) return;
        socket.write(text ?? usual(line, secure));
        if (line === "QUIT") socket.end();
      });
    };
    socket.setEncoding("latin1");
    socket.on("data", (chunk: string) => {
      buffer += chunk;
      for (;;) {
        const end = inBody ? buffer.indexOf("\r\n.\r\n") : buffer.indexOf("\r\n");
        if (end < 0) return;
        const text = buffer.slice(0, end + (inBody ? 2 : 0));
        buffer = buffer.slice(end + (inBody ? 5 : 2));
        if (inBody) {
          [inBody, count] = [false, count + 1];
          emails.push(text);
          reply(".");
          continue;
        }
        lines.push(text);
        reply(text);
        inBody = text === "DATA";
        if (text !== "STARTTLS" || !tls) continue;
        socket.removeAllListeners("data");
        void turn.then(() => converse(new TLSSocket(socket, { isServer: true, ...tls }), connection, true));
        return;
      }
    });
    socket.on("error", () => socket.destroy());
    if (!secure || tls?.implicit) reply("");
  };

  const accept = (socket: Socket): void => {
    connections += 1;
    sockets.add(socket);
    peak = Math.max(peak, sockets.size);
    socket.on("close", () => sockets.delete(socket));
    converse(socket, connections, tls?.implicit ?? false);
  };
  const server = tls?.implicit ? createTlsServer({ ...tls }, accept) : createServer(accept);
  server.on("tlsClientError", () => {});
  await new Promise<void>((resolve, reject) => server.once("error", reject).listen(0, host, resolve));
  const { port } = server.address() as { port: number };
  return {
    port,
    lines,
    emails,
    get connections() {
      return connections;
    },
    get open() {
      return sockets.size;
    },
    get peak() {
      return peak;
    },
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
