/**
 * A TCP proxy on loopback that can stop forwarding, reset, or close connections: a network, a load balancer or a pooler
 * in trouble.
 */
import { connect, createServer, type Server, type Socket } from "node:net";

/**
 * What the proxy does with a connection.
 * - `forward`: passes bytes both ways.
 * - `freeze`: keeps the connection open and passes nothing.
 * - `close`: closes the connection, orderly.
 * - `reset`: closes the connection with a reset, so that the peer reads an error.
 */
export type ProxyMode = "forward" | "freeze" | "close" | "reset";

/** A client's connection, as `ProxyOptions.onReply` sees it. */
export interface ProxiedConnection {
  /** The first bytes that the client sent, as Latin-1: PostgreSQL's startup packet names the application. */
  readonly opening: string;
}

export interface ProxyOptions {
  /**
   * Called for each chunk from the target. @returns what to do with the connection; anything but `forward` discards the
   * chunk. @default forward
   */
  readonly onReply?: (chunk: Buffer, connection: ProxiedConnection) => ProxyMode;
}

export interface TcpProxy extends Disposable {
  readonly port: number;
  /** Connections that were accepted so far. */
  readonly accepted: number;
  /** Applies to connections that are opened from now on. */
  setMode(mode: ProxyMode): void;
  /** Applies to the connections that are open. A frozen connection stays frozen. */
  apply(mode: ProxyMode): void;
  /** @returns the same URL, with the proxy in place of the target. */
  through(url: string): string;
  close(): void;
}

/** @param target host and port, as in a URL. */
export async function startTcpProxy(target: string, { onReply }: ProxyOptions = {}): Promise<TcpProxy> {
  const { hostname, port } = new URL(target);
  const pairs = new Set<Pair>();
  let mode: ProxyMode = "forward";
  let accepted = 0;

  const server = createServer((client) => {
    accepted += 1;
    client.on("error", () => client.destroy());
    if (mode !== "forward") {
      treat({ client, upstream: null }, mode);
      if (mode === "freeze") keep({ client, upstream: null });
      return;
    }
    const pair: Pair = { client, upstream: connect({ host: hostname, port: Number(port) }) };
    keep(pair);
    relay(pair, onReply);
  });
  const keep = (pair: Pair): void => {
    pairs.add(pair);
    pair.client.on("close", () => pairs.delete(pair));
  };

  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(0, "127.0.0.1", resolve);
  });
  const own = portOf(server);
  const close = (): void => {
    server.close();
    for (const { client, upstream } of pairs) {
      client.destroy();
      upstream?.destroy();
    }
  };
  return {
    port: own,
    get accepted() {
      return accepted;
    },
    setMode: (next) => {
      mode = next;
    },
    apply: (what) => {
      for (const pair of pairs) treat(pair, what);
    },
    through(url) {
      const changed = new URL(url);
      changed.hostname = "127.0.0.1";
      changed.port = String(own);
      return changed.href;
    },
    close,
    [Symbol.dispose]: close,
  };
}

interface Pair {
  readonly client: Socket;
  /** Null for a connection that is never forwarded. */
  readonly upstream: Socket | null;
}

function relay({ client, upstream }: Pair, onReply: ProxyOptions["onReply"]): void {
  if (!upstream) return;
  let opening = "";
  client.setNoDelay(true);
  upstream.setNoDelay(true);
  client.on("data", (chunk) => {
    if (opening === "") opening = chunk.toString("latin1");
    upstream.write(chunk);
  });
  upstream.on("data", (chunk: Buffer) => {
    const what = onReply?.(chunk, { opening }) ?? "forward";
    if (what === "forward") client.write(chunk);
    else treat({ client, upstream }, what);
  });
  client.on("end", () => upstream.end());
  upstream.on("end", () => client.end());
  client.on("close", () => upstream.destroy());
  upstream.on("close", () => client.destroy());
  upstream.on("error", () => client.destroy());
}

function treat({ client, upstream }: Pair, mode: ProxyMode): void {
  if (mode === "freeze") {
    // Both sides stay connected. The kernel takes a few more bytes from each, and nothing reads them.
    for (const socket of [client, upstream]) socket?.pause().removeAllListeners("data");
  } else if (mode === "close") client.end();
  else if (mode === "reset") client.resetAndDestroy();
}

function portOf(server: Server): number {
  const address = server.address();
  if (!address || typeof address === "string") throw new Error("The proxy has no port.");
  return address.port;
}
