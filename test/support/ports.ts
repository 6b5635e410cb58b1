/** Ports of loopback. */

/** @returns a loopback port that is free now. It may be taken by the time it is used, so prefer port 0 where possible. */
export function freePort(): number {
  const probe = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data: () => undefined } });
  const { port } = probe;
  probe.stop(true);
  return port;
}

/** @returns whether something accepts connections at this port of loopback. */
export async function listens(port: number): Promise<boolean> {
  try {
    const socket = await Bun.connect({ hostname: "127.0.0.1", port, socket: { data: () => undefined } });
    socket.terminate();
    return true;
  } catch {
    return false;
  }
}
