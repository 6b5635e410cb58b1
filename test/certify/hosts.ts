/** Hosts that are busy, small, or cannot take dundie's log. */
import { spawnSync } from "node:child_process";
import { closeSync, constants, openSync, readSync } from "node:fs";
import { cpuLimitIsMissing, limitCpu } from "../support/cpu-limit.ts";
import type { Scenario } from "./scenario.ts";
import { secondsToMail } from "./workloads.ts";

const NEIGHBOURS = 16;
/** An email takes 0.1 s without neighbours. Half of all emails must take no longer than this beside them. */
const BUSY_LIMIT_SECONDS = 1.5;

/** Other processes of the machine want every core. The courier must get the share of a process, not less. */
const busyNeighbours: Scenario = {
  name: "cpu-busy-neighbours",
  fault: `${NEIGHBOURS} busy processes beside dundie for 30 s: half of all emails take ${BUSY_LIMIT_SECONDS} s at most`,
  heavy: true,
  async run(testbed) {
    const api = await testbed.serve();
    await testbed.requestResets(await testbed.createAccounts(5));
    await testbed.until(() => testbed.smtp.accepted >= 5, "the first emails are accepted");
    const neighbours = Array.from({ length: NEIGHBOURS }, () => Bun.spawn(["sh", "-c", "while :; do :; done"]));
    const seconds: number[] = [];
    try {
      const end = performance.now() + 30_000;
      for (const email of await testbed.createAccounts(30)) {
        if (performance.now() > end) break;
        seconds.push(await secondsToMail(testbed, email));
        await Bun.sleep(500);
      }
    } finally {
      for (const neighbour of neighbours) neighbour.kill("SIGKILL");
    }
    const median = seconds.toSorted((a, b) => a - b)[Math.floor(seconds.length / 2)] ?? Infinity;
    testbed.expect(median <= BUSY_LIMIT_SECONDS, `half of all emails take 1.5 s at most (${median.toFixed(1)} s)`);
    testbed.expect(api.logged("courier_lost") === 0, "the courier thread is not taken for dead");
    testbed.faultsEnd();
  },
};

const CORES = 0.3;

/** A container with a part of a core, as small hosting plans have it. */
const smallHost: Scenario = {
  name: "cpu-limited",
  fault: `${CORES} of a core for API and courier under load: the thread is not taken for dead`,
  heavy: true,
  missing: cpuLimitIsMissing,
  async run(testbed) {
    const api = await testbed.serve();
    const release = limitCpu(api.pid, CORES);
    void api.exited.then(release);
    const load = await testbed.startLoad(10);
    await Bun.sleep(40_000);
    await load.stop();
    testbed.faultsEnd();
    testbed.expect(api.logged("courier_lost") === 0, "the courier thread is not taken for dead");
  },
};

const fullDisk: Scenario = {
  name: "log-full-disk",
  fault: "a log on a full disk: requests are answered, and emails sent",
  missing: () => (process.platform === "linux" ? null : "/dev/full exists on Linux only"),
  async run(testbed) {
    // Each write to /dev/full fails with ENOSPC (full(4)).
    const output = openSync("/dev/full", "w");
    const api = await testbed.serveInto(output);
    closeSync(output);
    const load = await testbed.startLoad(20);
    await Bun.sleep(10_000);
    await load.stop();
    const { status } = await testbed.health();
    testbed.expect(status === 200, `/health answers 200 (${status})`);
    testbed.expect(api.running(), "the process does not end");
    testbed.faultsEnd();
  },
};

/** A pipe holds 64 KiB (pipe(7)), then a write blocks. */
const unreadPipe: Scenario = {
  name: "log-unread-pipe",
  fault: "a log in a pipe that is not read: requests are answered, emails sent, dropped lines counted",
  takesAway: "capacity",
  heavy: true,
  missing: () => (process.platform === "win32" ? "there is no mkfifo" : null),
  async run(testbed) {
    const path = testbed.file("log.fifo.name", "").replace(/\.name$/, "");
    spawnSync("mkfifo", [path]);
    // Opened for reading too, so that the pipe has a reader that does not read.
    const pipe = openSync(path, constants.O_RDWR | constants.O_NONBLOCK);
    const output = openSync(path, constants.O_WRONLY);
    const api = await testbed.serveInto(output);
    closeSync(output);
    // Enough lines to fill the pipe and any buffer of a few megabytes before it.
    const answers = await testbed.requestResets(await testbed.createAccounts(10_000), 64);
    testbed.expect(
      answers.every(({ status }) => status === 200),
      "requests are answered 200 while the pipe is full",
    );
    const { status } = await testbed.health();
    testbed.expect(status === 200, `/health answers 200 while the pipe is full (${status})`);
    await testbed.eventually(() => testbed.smtp.accepted >= 10_000, "emails are sent while the pipe is full", 60_000);
    testbed.expect(api.running(), "the process does not end");
    let text = "";
    const buffer = Buffer.alloc(65_536);
    const drain = (): void => {
      try {
        for (;;) text += buffer.toString("utf8", 0, readSync(pipe, buffer));
      } catch {
        // Nothing is left in the pipe (EAGAIN).
      }
    };
    const draining = setInterval(drain, 50);
    testbed.faultsEnd();
    await testbed.requestResets(await testbed.createAccounts(20));
    await Bun.sleep(5_000);
    drain();
    testbed.expect(/dropped/i.test(text), "the log says how many lines were dropped once it is read again");
    // The pipe is read to the end of the process, so that the end does not depend on it.
    void api.exited.then(() => {
      clearInterval(draining);
      closeSync(pipe);
    });
  },
};

export const hosts: readonly Scenario[] = [unreadPipe, fullDisk, busyNeighbours, smallHost];
