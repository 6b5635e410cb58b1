/** Where the API listens: asked for, found free, and as people open it. */
import { isIPv6 } from "node:net";
import { isLoopback } from "./config/hosts.ts";
import { ConfigError } from "./errors.ts";

/**
 * The port that `port` stands for: itself, or for 0 one that is free.
 * It is called before anything is started, so that a port in use costs no cluster and no connection.
 * @throws {ConfigError} when `host` cannot be listened on there.
 */
export function findPort(host: string, port: number): number {
  try {
    const listener = Bun.listen({ hostname: host, port, socket: { data: () => undefined } });
    listener.stop(true);
    return listener.port;
  } catch (error) {
    throw listenFault(host, port, error);
  }
}

/**
 * Why listening failed, naming the variable to change.
 * @param prefix of the names of the variables. @default none
 */
export function listenFault(host: string, port: number, error: unknown, prefix = ""): ConfigError {
  const code = error instanceof Error && "code" in error ? String(error.code) : "no such host";
  if (code === "EADDRINUSE")
    return new ConfigError([
      `${prefix}PORT ${port} is in use on ${host}: stop what listens there, or set another ${prefix}PORT`,
    ]);
  if (code === "EACCES" || code === "EPERM")
    return new ConfigError([`${prefix}PORT ${port} may not be used by this user: set a port from 1024 on`]);
  return new ConfigError([`${prefix}HOST ${host} cannot be listened on (${code}): set an address of this machine`]);
}

/** The URL to open on this machine. An address that stands for all interfaces or for loopback is `localhost`. */
export function urlOf(host: string, port: number): string {
  const local = isLoopback(host) || host === "0.0.0.0" || host === "::";
  return `http://${local ? "localhost" : isIPv6(host) ? `[${host}]` : host}:${port}`;
}
