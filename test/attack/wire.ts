/** HTTP/1.1 over a bare socket: a client that mends nothing of what it is told to send. */

export interface Wire {
  readonly method: string;
  /** The request target, as it is written. */
  readonly target: string;
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly body: Uint8Array | null;
  readonly chunked: boolean;
}

export interface Reply {
  /** 0: the connection was closed without an answer. */
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
}

/** Nothing here takes long: an answer that does not come is a finding. */
const TIMEOUT_MS = 20_000;

export async function send(port: number, wire: Wire): Promise<Reply> {
  const { promise, resolve, reject } = Promise.withResolvers<Uint8Array[]>();
  const received: Uint8Array[] = [];
  const bytes = bytesOf(wire);
  let sent = 0;
  const socket = await Bun.connect({
    hostname: "127.0.0.1",
    port,
    socket: {
      data: (_, chunk) => void received.push(new Uint8Array(chunk)),
      drain: (to) => void (sent += to.write(bytes.subarray(sent))),
      close: () => resolve(received),
      // A server that refuses a body early may reset the connection: what it said before counts.
      error: () => resolve(received),
    },
  });
  const timer = setTimeout(() => reject(new Error(`no answer within ${TIMEOUT_MS} ms`)), TIMEOUT_MS);
  try {
    sent += socket.write(bytes);
    return replyOf(Buffer.concat(await promise), wire.method);
  } finally {
    clearTimeout(timer);
    socket.terminate();
  }
}

function bytesOf({ method, target, headers, body, chunked }: Wire): Uint8Array {
  const framing = body === null ? [] : [chunked ? "transfer-encoding: chunked" : `content-length: ${body.length}`];
  const lines = [`${method} ${target} HTTP/1.1`, ...headers.map(([name, value]) => `${name}: ${value}`), ...framing];
  const head = Buffer.from(`${lines.join("\r\n")}\r\nconnection: close\r\n\r\n`, "latin1");
  if (body === null) return head;
  if (!chunked) return Buffer.concat([head, body]);
  const chunk = body.length === 0 ? [] : [Buffer.from(`${body.length.toString(16)}\r\n`), body, Buffer.from("\r\n")];
  return Buffer.concat([head, ...chunk, Buffer.from("0\r\n\r\n")]);
}

function replyOf(bytes: Buffer, method: string): Reply {
  const end = bytes.indexOf("\r\n\r\n");
  if (end < 0) return { status: 0, headers: new Headers(), text: "" };
  const [first = "", ...lines] = bytes.subarray(0, end).toString("latin1").split("\r\n");
  const status = Number(/^HTTP\/1\.1 (\d{3})/.exec(first)?.[1] ?? 0);
  const headers = new Headers(
    lines.map((line): [string, string] => [line.slice(0, line.indexOf(":")), line.slice(line.indexOf(":") + 1).trim()]),
  );
  const rest = bytes.subarray(end + 4);
  // Of `Expect: 100-continue`.
  if (status === 100) return replyOf(rest, method);
  const body = headers.get("transfer-encoding") === "chunked" ? unchunked(rest) : rest;
  return { status, headers, text: method === "HEAD" ? "" : body.toString("utf8") };
}

function unchunked(bytes: Buffer): Buffer {
  const parts: Buffer[] = [];
  for (let at = 0; ;) {
    const line = bytes.indexOf("\r\n", at);
    const size = Number.parseInt(bytes.subarray(at, line).toString("latin1"), 16);
    if (line < 0 || !(size > 0)) return Buffer.concat(parts);
    parts.push(bytes.subarray(line + 2, line + 2 + size));
    at = line + 4 + size;
  }
}
