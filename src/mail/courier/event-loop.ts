/** Turns of the event loop in which it reads what waits in the sockets. One is enough for a reply, a few for TLS. */
const TURNS = 5;

/**
 * Resolves when what waited in this process's sockets has been read. After a suspension timers come first: what they
 * would give up may have been answered long ago.
 */
export async function socketsRead(): Promise<void> {
  for (let turn = 0; turn < TURNS; turn += 1) await new Promise((resolve) => setImmediate(resolve));
}
