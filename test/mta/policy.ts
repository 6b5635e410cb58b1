/** A greylisting policy server, as Postfix's `check_policy_service` asks it (SMTPD_POLICY_README). */
export interface Greylisting {
  readonly port: number;
  /** How many requests were deferred. */
  readonly deferred: number;
  stop(): void;
}

/** @param delayMs how long a recipient is deferred, from its first request on. */
export function startGreylisting(delayMs: number): Greylisting {
  const firstSeen = new Map<string, number>();
  let deferred = 0;

  const decide = (request: string): string => {
    const recipient = /^recipient=(.*)$/m.exec(request)?.[1] ?? "";
    const now = Date.now();
    const since = firstSeen.get(recipient) ?? now;
    firstSeen.set(recipient, since);
    if (now - since >= delayMs) return "dunno";
    deferred += 1;
    return "defer_if_permit Greylisted, try again later";
  };

  const server = Bun.listen<{ buffer: string }>({
    hostname: "127.0.0.1",
    port: 0,
    socket: {
      open(socket) {
        socket.data = { buffer: "" };
      },
      data(socket, chunk) {
        socket.data.buffer += chunk.toString("latin1");
        // An empty line ends a request; a connection carries many.
        for (;;) {
          const end = socket.data.buffer.indexOf("\n\n");
          if (end < 0) return;
          socket.write(`action=${decide(socket.data.buffer.slice(0, end))}\n\n`);
          socket.data.buffer = socket.data.buffer.slice(end + 2);
        }
      },
    },
  });
  return {
    port: server.port,
    get deferred() {
      return deferred;
    },
    stop: () => server.stop(true),
  };
}
