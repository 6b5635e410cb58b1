/** Where a figure was measured: without it, it says nothing. */
import { closeSync, fdatasyncSync, mkdtempSync, openSync, rmSync, writeSync } from "node:fs";
import { cpus, loadavg, release, tmpdir, totalmem } from "node:os";
import { join } from "node:path";
import { dependencies, devDependencies, version } from "../package.json";
import { dependencies as peers } from "./peers/package.json";
import { median } from "./statistics.ts";
import { wrk } from "./wrk.ts";

/** @param settings of the database, as `openGround` has checked them. */
export function describeMachine({ server_version: postgres, ...durable }: Readonly<Record<string, string>>): string[] {
  const [cpu] = cpus();
  const versions = {
    dundie: version,
    Bun: Bun.version,
    PostgreSQL: postgres,
    nodemailer: dependencies.nodemailer,
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
      .join(", ")}; the disk syncs a page in ${medianSyncMs().toFixed(2)} ms`,
    `Generator: ${wrk ? "wrk, one thread" : `autocannon ${devDependencies.autocannon}, because wrk is not installed: it is measured too`}`,
    "Servers: loopback, NODE_ENV=production, RATE_LIMIT=off, LOG_LEVEL=info into a file; the peers log nothing.",
  ];
}

const SYNCS = 200;
const PAGE = Buffer.alloc(8_192, 1);

/** What a commit waits for at least: where it is long, sharing commits is worth the more. */
function medianSyncMs(): number {
  const directory = mkdtempSync(join(tmpdir(), "dundie-sync-"));
  const file = openSync(join(directory, "pages"), "w");
  try {
    const times = Array.from({ length: SYNCS }, () => {
      writeSync(file, PAGE);
      const begun = performance.now();
      fdatasyncSync(file);
      return performance.now() - begun;
    });
    return median(times);
  } finally {
    closeSync(file);
    rmSync(directory, { recursive: true });
  }
}
