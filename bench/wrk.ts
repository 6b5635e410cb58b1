/** The load from wrk, a generator in C that takes a few microseconds of CPU a request (Debian's package `wrk`). */
import { fileURLToPath } from "node:url";
import { spawnForOutput } from "./children.ts";
import type { Load, LoadReport } from "./generator.ts";
import { SHARES } from "./statistics.ts";

const SCRIPT = fileURLToPath(new URL("./wrk.lua", import.meta.url));

/** Null where it is not installed. */
export const wrk = Bun.which("wrk");

interface WrkReport {
  readonly requests: number;
  readonly seconds: number;
  readonly faults: Readonly<Record<string, number>>;
  /** By the shares of `SHARES`, in milliseconds. */
  readonly quantiles: readonly number[];
}

/**
 * One thread, so that it takes no more than it must from the server on the same machine. Statuses are counted by wrk;
 * the body is compared once before the load, because to compare each would cost as much as to send it.
 *
 * @throws {Error} when an answer is not the right one.
 */
export async function loadByWrk(command: string, load: Load & { end: { seconds: number } }): Promise<LoadReport> {
  const { url, expected, connections, end, from, addresses } = load;
  await compareOnce(url, expected);
  const options = ["--threads", "1", "--connections", String(connections), "--duration", `${end.seconds}s`];
  const script = ["--timeout", "60s", "--script", SCRIPT, url, "--", String(from), String(addresses)];
  const printed = await spawnForOutput([command, ...options, ...script]);
  const report = JSON.parse(printed.trimEnd().split("\n").at(-1) ?? "") as WrkReport;
  const { requests, seconds, faults, quantiles } = report;
  if (Object.values(faults).some((count) => count > 0)) {
    throw new Error(`of ${requests} answers: ${JSON.stringify(faults)}`);
  }
  const at = (share: (typeof SHARES)[number]): number => quantiles[SHARES.indexOf(share)] ?? Number.NaN;
  // What was on its way at the end is not counted and may have been accepted.
  const asked = requests + connections;
  return {
    ...{ requests, quantiles, perSecond: requests / seconds, p50: at(50), p99: at(99) },
    next: from + asked,
    repeated: asked > addresses,
  };
}

async function compareOnce(url: string, expected: string): Promise<void> {
  const headers = { "content-type": "application/json" };
  const answer = await fetch(url, { method: "POST", headers, body: '{"email":"first@example.com"}' });
  const body = await answer.text();
  if (answer.status !== 200 || body !== expected) throw new Error(`The answer is ${answer.status}: ${body}`);
}
