import pino, { type DestinationStream } from "pino";
import { LOG_LEVELS } from "./config/parsers.ts";

/**
 * One JSON line per event. What goes in is named field by field at the call: never a request object, a query string, a
 * token or a password.
 */
export const createLog = (destination: DestinationStream) =>
  pino(
    {
      level: LOG_LEVELS.find((level) => level === process.env["LOG_LEVEL"]) ?? "info",
      base: { pid: process.pid },
      timestamp: pino.stdTimeFunctions.isoTime,
      serializers: { err: describeError },
      formatters: { level: (label) => ({ level: label }) },
    },
    destination,
  );

/** PIPE_BUF on Linux: a write of no more is not mixed with another's. */
const MAX_TOGETHER_BYTES = 4_096;

/**
 * On standard output, in whole lines, so that those of the courier thread and of the main thread do not mix. The lines
 * of one turn of the event loop are one write: one each would be a tenth of what a request costs. A crash takes along
 * what the last turn said; an exit does not.
 *
 * Gathered here, because the destination's own way to write what it has gathered asks the disk to keep it, each time.
 */
function standardOutput(): DestinationStream {
  const output = pino.destination({ dest: 1, sync: true });
  let gathered = "";
  let bytes = 0;
  let scheduled = false;
  const flush = (): void => {
    scheduled = false;
    if (gathered === "") return;
    output.write(gathered);
    gathered = "";
    bytes = 0;
  };
  process.on("exit", flush);
  return {
    write(line) {
      const more = Buffer.byteLength(line);
      if (bytes + more > MAX_TOGETHER_BYTES) flush();
      gathered += line;
      bytes += more;
      if (scheduled) return;
      scheduled = true;
      setImmediate(flush);
    },
  };
}

export const log = createLog(standardOutput());

/**
 * Of an error: its kind, code, words and place. Of a wrapped one the innermost, because Drizzle's own message quotes
 * the parameters of the query, and those may be somebody's.
 */
function describeError(error: unknown): unknown {
  let inner = error;
  while (inner instanceof Error && inner.cause instanceof Error) inner = inner.cause;
  if (!(inner instanceof Error)) return { message: "not an Error" };
  const code: unknown = Reflect.get(inner, "code");
  const stack = inner.stack?.split("\n").filter((line) => line.trimStart().startsWith("at "));
  return { type: inner.name, code, message: inner.message, stack: stack?.slice(0, 8).join("\n") };
}

export type Log = ReturnType<typeof createLog>;
