/** Where log lines go: a file descriptor that is written to without ever waiting for its reader or its disk. */
import { constants, openSync, writeSync } from "node:fs";
import { isatty } from "node:tty";

export interface LogOutput {
  /** @param line ends in a line feed. It is kept until it can be written, and is dropped and counted when memory is full. */
  readonly write: (line: string) => void;
  /** Writes what is left at the end of the process, and waits for a slow reader for 250 ms at most. */
  readonly finish: () => void;
}

/** PIPE_BUF on Linux: a write of no more is not mixed with another's, and is done as a whole or not at all. */
const MAX_TOGETHER_BYTES = 4_096;
/** The limit of each thread: about 5,000 lines, which is what a busy server logs while a reader restarts. */
const MAX_KEPT_BYTES = 1_048_576;
const RETRY_MS = 100;
const FINISH_MS = 250;

/**
 * A pipe that is not read, a full disk and a closed terminal end in an error of `write`, which is tried again every
 * 100 ms. Until then up to 1 MiB of lines is kept; what comes after is dropped, and the number of dropped lines is
 * written as a line of its own when there is room again.
 *
 * The lines of one turn of the event loop are written together: one write each would be a tenth of what a request
 * costs.
 *
 * @param fd of a pipe, a file, a terminal or a socket.
 * @param droppedLine says that so many lines were dropped.
 */
export function createLogOutput(fd: number, droppedLine: (dropped: number) => string): LogOutput {
  const nonBlocking = openNonBlocking(fd);
  /** Whole lines, oldest first, but for the first chunk when only a part of it was written. */
  const chunks: Uint8Array[] = [];
  let keptBytes = 0;
  let gathered = "";
  let gatheredBytes = 0;
  let dropped = 0;
  let scheduled = false;

  const gather = (): void => {
    if (gathered === "") return;
    chunks.push(Buffer.from(gathered));
    keptBytes += gatheredBytes;
    gathered = "";
    gatheredBytes = 0;
  };

  const append = (line: string, bytes: number): void => {
    if (gatheredBytes + bytes > MAX_TOGETHER_BYTES) gather();
    gathered += line;
    gatheredBytes += bytes;
  };

  /** False: the rest must be tried again later. */
  const flush = (): boolean => {
    gather();
    for (let chunk = chunks[0]; chunk !== undefined; chunk = chunks[0]) {
      let written: number;
      try {
        written = writeSync(nonBlocking, chunk);
      } catch {
        return false;
      }
      keptBytes -= written;
      if (written < chunk.byteLength) {
        chunks[0] = chunk.subarray(written);
        return false;
      }
      chunks.shift();
    }
    return true;
  };

  const drain = (): void => {
    scheduled = false;
    if (!flush()) {
      scheduled = true;
      setTimeout(drain, RETRY_MS).unref();
      return;
    }
    if (dropped === 0) return;
    const line = droppedLine(dropped);
    dropped = 0;
    append(line, Buffer.byteLength(line));
    drain();
  };

  return {
    write(line) {
      const bytes = Buffer.byteLength(line);
      if (keptBytes + gatheredBytes + bytes > MAX_KEPT_BYTES) {
        dropped += 1;
        return;
      }
      append(line, bytes);
      if (scheduled) return;
      scheduled = true;
      setImmediate(drain);
    },
    finish() {
      const deadline = performance.now() + FINISH_MS;
      while (!flush() && performance.now() < deadline) Bun.sleepSync(5);
    },
  };
}

/**
 * A write to this descriptor fails where it would wait. The runtime makes pipes and sockets non-blocking when it opens
 * `process.stdout` or `process.stderr`, and a file never makes a writer wait for a reader; a terminal, which waits
 * after Ctrl-S, is opened anew, so that the shell's own descriptor stays as it is.
 */
function openNonBlocking(fd: number): number {
  if (fd === 1) void process.stdout;
  else if (fd === 2) void process.stderr;
  if (!isatty(fd)) return fd;
  try {
    return openSync(`/dev/fd/${fd}`, constants.O_WRONLY | constants.O_NONBLOCK | constants.O_NOCTTY);
  } catch {
    return fd;
  }
}
