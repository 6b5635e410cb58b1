/** What a process has used, as Linux counts it; elsewhere nothing is known, and nothing is said. */
import { readFileSync } from "node:fs";

/** In which /proc counts: fixed on every Linux there is. */
const TICKS_PER_SECOND = 100;

export interface Usage {
  /** Of all its threads, in seconds. */
  readonly cpuSeconds: number;
  /** Resident now, in MB of 10^6 bytes. */
  readonly rssMb: number;
}

/** Null: it is gone, or this is not Linux. */
export function usageOf(pid: number): Usage | null {
  try {
    const fields = statOf(pid);
    const rss = /VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1];
    return {
      cpuSeconds: (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND,
      rssMb: (Number(rss) * 1_024) / 1e6,
    };
  } catch {
    return null;
  }
}

/** Of a PostgreSQL server: its living backends, and what it has waited for of those that ended. In seconds. */
export function serverCpuSeconds(postmaster: number): number {
  try {
    const own = statOf(postmaster);
    const ended = Number(own[13]) + Number(own[14]);
    const children = readFileSync(`/proc/${postmaster}/task/${postmaster}/children`, "utf8").trim().split(" ");
    const living = children.reduce((sum, pid) => sum + (usageOf(Number(pid))?.cpuSeconds ?? 0), 0);
    return ended / TICKS_PER_SECOND + living;
  } catch {
    return 0;
  }
}

/** The fields after the command's name, which may hold spaces: `state` is the first. */
function statOf(pid: number): string[] {
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  return stat.slice(stat.lastIndexOf(")") + 2).split(" ");
}
