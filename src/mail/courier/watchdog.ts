/**
 * Tells a courier thread that can make no progress from one that is slow. Where the machine is busy, a healthy thread
 * may get no CPU for many seconds: ending it would only cost it the work it has begun.
 */
import { readFileSync } from "node:fs";

/** What the main thread knows about the courier thread. */
export interface Signs {
  /**
   * Pings without an answer, in a row. They are counted instead of seconds: one is sent each tick of the main thread,
   * so a process that was suspended as a whole has sent none.
   */
  readonly unanswered: number;
  /** CPU time the thread has used since it last answered, in milliseconds; null where the platform does not tell. */
  readonly cpuMs: number | null;
  /** For how long its database work had been under way when it last answered, in milliseconds. */
  readonly stuckMs: number;
}

/** A healthy thread answers within milliseconds of CPU time. One that used this much and did not answer spins. */
const SPINNING_CPU_MS = 5_000;
const SPINNING_PINGS = 10;
/** A thread that uses no CPU is starved, which ends by itself, or blocked for good, which is rare: it gets longer. */
const BLOCKED_PINGS = 60;
/** Each query has a deadline of some seconds, so that work which takes this long is not going to end. */
const STUCK_MS = 120_000;

/** @returns why the thread has to be replaced, or null when it may go on. */
export function faultOf({ unanswered, cpuMs, stuckMs }: Signs): string | null {
  if (unanswered >= SPINNING_PINGS && cpuMs !== null && cpuMs >= SPINNING_CPU_MS) return "spins without an answer";
  if (unanswered >= BLOCKED_PINGS) return "does not answer";
  if (stuckMs >= STUCK_MS) return "its claims or its records do not end";
  return null;
}

/** Ticks a second in which Linux counts CPU time for /proc (USER_HZ, proc_pid_stat(5)), on every platform Bun runs on. */
const TICKS_PER_SECOND = 100;

/** CPU time that a thread of this process has used, in milliseconds; null where the platform does not tell. */
export function threadCpuMs(threadId: number | null): number | null {
  if (threadId === null) return null;
  try {
    const stat = readFileSync(`/proc/self/task/${threadId}/stat`, "utf8");
    // The name in parentheses may hold spaces. After it: state is field 3, utime and stime are 14 and 15.
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    const ticks = Number(fields[11]) + Number(fields[12]);
    return Number.isFinite(ticks) ? (ticks * 1_000) / TICKS_PER_SECOND : null;
  } catch {
    return null;
  }
}
