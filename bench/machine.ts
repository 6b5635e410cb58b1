/** Where a figure was measured: without it, it says nothing. */
import { cpus, loadavg, release, totalmem } from "node:os";
import { dependencies, devDependencies, version } from "../package.json";
import { dependencies as peers } from "./peers/package.json";

/** @param settings of the database, as `openGround` has checked them. */
export function describeMachine({ server_version: postgres, ...durable }: Readonly<Record<string, string>>): string[] {
  const [cpu] = cpus();
  const versions = {
    dundie: version,
    Bun: Bun.version,
    PostgreSQL: postgres,
    nodemailer: dependencies.nodemailer,
    autocannon: devDependencies.autocannon,
    "better-auth": peers["better-auth"],
  };
  return [
    `Machine: ${cpus().length} × ${cpu?.model ?? "unknown"}, ${Math.round(totalmem() / 2 ** 30)} GiB, ` +
      `${process.platform} ${release()} ${process.arch}; load ${loadavg()[0]?.toFixed(2)} before it began`,
    `Versions: ${Object.entries(versions)
      .map(([name, value]) => `${name} ${value}`)
      .join(", ")}`,
    `Durability: ${Object.entries(durable)
      .map(([name, value]) => `${name} = ${value}`)
      .join(", ")}`,
    "Servers: loopback, NODE_ENV=production, RATE_LIMIT=off, LOG_LEVEL=info into a file; the peers log nothing.",
  ];
}
