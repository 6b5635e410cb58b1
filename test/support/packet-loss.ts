/** Drops packets on loopback by iptables: all of single TCP connections, or a part of a port's. Linux and root only. */
import { spawnSync } from "node:child_process";

export interface TcpConnection {
  readonly clientPort: number;
  readonly serverPort: number;
}

export interface PacketLoss {
  restore(): void;
}

/** @returns what this machine lacks to drop packets; null when nothing is missing. */
export function packetLossIsMissing(): string | null {
  if (process.platform !== "linux" || process.getuid?.() !== 0) return "dropping packets needs Linux and root";
  return run(["-L", "INPUT", "-n"]) ? null : "iptables is not installed, or not allowed here";
}

/** Both sides keep their sockets open and hear nothing from each other. Connections opened later are not affected. */
export function dropPackets(connections: readonly TcpConnection[]): PacketLoss {
  return install(
    connections.flatMap(({ clientPort, serverPort }) => [
      `--sport ${clientPort} --dport ${serverPort}`,
      `--sport ${serverPort} --dport ${clientPort}`,
    ]),
  );
}

/** @param probability of each packet to be lost, from 0 to 1, both ways. */
export const losePackets = (serverPort: number, probability: number): PacketLoss =>
  install(
    [`--sport ${serverPort}`, `--dport ${serverPort}`].map(
      (direction) => `${direction} -m statistic --mode random --probability ${probability}`,
    ),
  );

/** @param matches what the rules match, beside TCP on loopback. */
function install(matches: readonly string[]): PacketLoss {
  const rules = matches.map((match) => `-i lo -p tcp ${match} -j DROP`.split(" "));
  for (const rule of rules) {
    if (!run(["-I", "INPUT", ...rule])) throw new Error(`iptables refused ${rule.join(" ")}.`);
    active.add(rule);
  }
  return { restore: () => rules.forEach(remove) };
}

const active = new Set<string[]>();

function remove(rule: string[]): void {
  if (active.delete(rule)) run(["-D", "INPUT", ...rule]);
}

// `-w` waits for another process that is changing the rules.
const run = (args: readonly string[]): boolean =>
  spawnSync("iptables", ["-w", ...args], { stdio: "ignore" }).status === 0;

// The rules would outlive the process.
process.on("exit", () => active.forEach(remove));
