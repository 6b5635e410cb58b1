import { readlinkSync } from "node:fs";
import { setPriority } from "node:os";

/** A tenth of a core beside threads that want it too; all of it when nobody does. */
const NICE = 10;

/**
 * Where cores are scarce, whoever waits for an answer goes first, and this thread after: a burst of requests is
 * answered twice as fast, and its emails follow. Only Linux has a priority a thread (sched(7)); elsewhere nothing is
 * changed.
 */
export function lowerThreadPriority(): void {
  if (process.platform !== "linux") return;
  try {
    const [thread = ""] = readlinkSync("/proc/thread-self").split("/").slice(-1);
    setPriority(Number(thread), NICE);
  } catch {
    // A container may forbid it: mail and answers then share the cores evenly.
  }
}
