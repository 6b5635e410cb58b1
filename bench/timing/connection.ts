/** One client on one connection, as close to the wire as a program gets: what it times is the server, not a library. */

export interface Answer {
  /** From the first byte written to the last byte read, in milliseconds. */
  readonly ms: number;
  readonly status: number;
  readonly body: string;
}

export interface Connection {
  /** One at a time: a single client waits for its answer. */
  ask(request: string): Promise<Answer>;
  close(): void;
}

const HEAD_END = "\r\n\r\n";

export async function connect(url: string): Promise<Connection> {
  const { hostname, port } = new URL(url);
  let received = "";
  let begun = 0;
  let waiting: PromiseWithResolvers<Answer> | undefined;
  const fail = (why: string) => (): void => waiting?.reject(new Error(`The server ${why}.`));

  const socket = await Bun.connect({
    hostname,
    port: Number(port),
    socket: {
      data(_, chunk) {
        const now = performance.now();
        received += chunk.toString("latin1");
        const answer = parse(received);
        if (!answer) return;
        received = "";
        waiting?.resolve({ ...answer, ms: now - begun });
      },
      close: fail("closed the connection"),
      error: fail("broke the connection"),
    },
  });
  socket.setNoDelay(true);
  return {
    ask(request) {
      const answer = Promise.withResolvers<Answer>();
      waiting = answer;
      begun = performance.now();
      socket.write(request);
      return answer.promise;
    },
    close: () => void socket.end(),
  };
}

/** Null: there is more to come. */
function parse(text: string): Omit<Answer, "ms"> | null {
  const end = text.indexOf(HEAD_END);
  if (end < 0) return null;
  const length = Number(/\r\ncontent-length: (\d+)/i.exec(text.slice(0, end))?.[1] ?? Number.NaN);
  const body = text.slice(end + HEAD_END.length);
  if (Number.isNaN(length)) throw new Error("The server answers without a Content-Length.");
  return body.length < length ? null : { status: Number(text.slice(9, 12)), body };
}

export const get = (path: string): string => `GET ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n`;

export const post = (path: string, type: string, body: string): string =>
  `POST ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: ${type}\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
