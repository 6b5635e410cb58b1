/** When a process is to stop: by a signal, or because what launched it is gone. */
import { readFileSync } from "node:fs";
import { constants } from "node:os";
import { watchLauncher } from "../launcher.ts";

export interface StopRequests {
  /** Aborted by the first request; the reason is a `StopRequested`. */
  readonly signal: AbortSignal;
  /** Resolves when a person insists. */
  readonly forced: Promise<string>;
}

export class StopRequested extends Error {
  override readonly name = "StopRequested";
}

/**
 * A terminal sends Ctrl-C to every process of its group, and package runners forward it again: the same request
 * arrives twice within milliseconds. Only a signal after this time means that a person does not want to wait.
 */
const SAME_REQUEST_MS = 2_000;

/** From now on SIGINT, SIGTERM, SIGHUP and SIGQUIT end this process by these requests alone. */
export function listenForStop(): StopRequests {
  const controller = new AbortController();
  const forced = Promise.withResolvers<string>();
  let firstAt: number | null = null;
  const request = (why: string): void => {
    firstAt ??= performance.now();
    controller.abort(new StopRequested(why));
  };
  for (const name of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    if (name === "SIGHUP" && isIgnored(constants.signals.SIGHUP)) continue;
    process.on(name, () => {
      if (firstAt !== null && performance.now() - firstAt > SAME_REQUEST_MS) forced.resolve(name);
      else request(name);
    });
  }
  // Ctrl-\ in a terminal asks for an end at once.
  process.on("SIGQUIT", () => forced.resolve("SIGQUIT"));
  watchLauncher(() => request("its launcher is gone"));
  return { signal: controller.signal, forced: forced.promise };
}

/** `nohup` starts a program with SIGHUP ignored, so that it outlives its terminal: then it stays ignored. */
function isIgnored(signal: number): boolean {
  try {
    const [, mask] = /^SigIgn:\s*([0-9a-f]+)$/m.exec(readFileSync("/proc/self/status", "utf8")) ?? [];
    return mask !== undefined && ((BigInt(`0x${mask}`) >> BigInt(signal - 1)) & 1n) === 1n;
  } catch {
    // Without /proc, as on macOS, there is no way to ask.
    return false;
  }
}
