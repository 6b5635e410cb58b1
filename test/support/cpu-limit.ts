/** Limits a process to a part of one core by a control group, as container platforms do. Linux and root only. */
import { existsSync, mkdirSync, rmdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const PERIOD_MICROSECONDS = 100_000;
/** Control groups of version 2 have one tree; those of version 1 have a tree for each controller. */
const VERSION_2 = "/sys/fs/cgroup/cgroup.controllers";
const VERSION_1 = "/sys/fs/cgroup/cpu/cpu.cfs_quota_us";

/** @returns what this machine lacks to limit a process; null when nothing is missing. */
export function cpuLimitIsMissing(): string | null {
  if (process.platform !== "linux" || process.getuid?.() !== 0) return "control groups need Linux and root";
  return existsSync(VERSION_1) || existsSync(VERSION_2) ? null : "there is no control group file system";
}

/** @param cores for example 0.6. @returns a function that ends the limit once the process has ended. */
export function limitCpu(pid: number, cores: number): () => void {
  const group = `dundie-certify-${pid}`;
  const quota = Math.round(cores * PERIOD_MICROSECONDS);
  const directory = existsSync(VERSION_1) ? join("/sys/fs/cgroup/cpu", group) : join("/sys/fs/cgroup", group);
  mkdirSync(directory);
  if (existsSync(VERSION_1)) {
    writeFileSync(join(directory, "cpu.cfs_period_us"), String(PERIOD_MICROSECONDS));
    writeFileSync(join(directory, "cpu.cfs_quota_us"), String(quota));
  } else writeFileSync(join(directory, "cpu.max"), `${quota} ${PERIOD_MICROSECONDS}`);
  writeFileSync(join(directory, "cgroup.procs"), String(pid));
  return () => rmdirSync(directory);
}
