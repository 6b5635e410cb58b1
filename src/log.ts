import { isatty } from "node:tty";
import pino, { type DestinationStream } from "pino";
import { LOG_LEVELS } from "./config/parsers.ts";
import { createLogOutput } from "./log-output.ts";
import { createPretty } from "./log-pretty.ts";

/**
 * One JSON line per event. What goes in is named field by field at the call: never a request object, a query string, a
 * token or a password.
 *
 * @param level @default `LOG_LEVEL`
 */
export const createLog = (destination: DestinationStream, level: LogLevel = configuredLevel()) =>
  pino(
    {
      level,
      base: { pid: process.pid },
      // pino would take the words of an event without words from the error under this key; errors are under `err`, whose
      // serializer below leaves out what its message must not say.
      errorKey: "none",
      timestamp: pino.stdTimeFunctions.isoTime,
      serializers: { err: describeError },
      formatters: { level: (label) => ({ level: label }) },
    },
    destination,
  );

type LogLevel = (typeof LOG_LEVELS)[number];

const configuredLevel = (): LogLevel => LOG_LEVELS.find((level) => level === process.env["LOG_LEVEL"]) ?? "info";

const droppedLine = (dropped: number): string =>
  `${JSON.stringify({
    level: "warn",
    time: new Date().toISOString(),
    pid: process.pid,
    event: "log_lines_dropped",
    dropped,
    msg: "lines are missing here, because the log could not be written",
  })}\n`;

/** JSON, or on a terminal what people can read. */
function openLog(fd: 1 | 2) {
  const format = isatty(fd) ? createPretty(!process.env["NO_COLOR"]) : (line: string): string => line;
  const output = createLogOutput(fd, (dropped) => format(droppedLine(dropped)));
  process.on("exit", output.finish);
  return { writeLine: (line: string) => output.write(format(line)), writeText: output.write };
}

let destination: 1 | 2 = 1;
let opened: ReturnType<typeof openLog> | undefined;

/** Logs to standard error, for commands whose standard output is their result. Call it before anything is logged. */
export function logToStandardError(): void {
  destination = 2;
}

/** Writes text for people among the log lines, in order with them. */
export const writeBesideLog = (text: string): void => (opened ??= openLog(destination)).writeText(text);

/** One for each thread: a pipe that is not read, or a full disk, holds up neither. */
export const log = createLog({ write: (line) => (opened ??= openLog(destination)).writeLine(line) });

/**
 * Describes an error by its kind, code, message and place. A wrapped error is described by its innermost cause, because
 * Drizzle's own message quotes the parameters of the query, and those may be personal data.
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
