import pino from "pino";

/**
 * One JSON line per event on standard output. What goes in is named field by field at the call: never a request
 * object, a query string, a token or a password.
 *
 * Written synchronously, so that the last line before a crash is there; a line is one write, so lines of the courier
 * thread and of the main thread do not mix.
 */
export const log = pino(
  {
    level: process.env["LOG_LEVEL"] ?? "info",
    base: { pid: process.pid },
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label) => ({ level: label }) },
  },
  pino.destination({ dest: 1, sync: true }),
);

export type Log = typeof log;
