import pino, { type DestinationStream } from "pino";

/**
 * One JSON line per event. What goes in is named field by field at the call: never a request object, a query string, a
 * token or a password.
 */
export const createLog = (destination: DestinationStream) =>
  pino(
    {
      level: process.env["LOG_LEVEL"] ?? "info",
      base: { pid: process.pid },
      timestamp: pino.stdTimeFunctions.isoTime,
      serializers: { err: describeError },
      formatters: { level: (label) => ({ level: label }) },
    },
    destination,
  );

/**
 * On standard output, synchronously, so that the last line before a crash is there; a line is one write, so lines of
 * the courier thread and of the main thread do not mix.
 */
export const log = createLog(pino.destination({ dest: 1, sync: true }));

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
