/** The log as people read it on a terminal. */
import type * as Pretty from "pino-pretty";

/**
 * @param colorize with escape sequences for colours.
 * @returns what makes a readable line of a JSON line of the log.
 */
export function createPretty(colorize: boolean): (line: string) => string {
  // Loaded here, because only a terminal needs it.
  const { prettyFactory } = require("pino-pretty") as typeof Pretty;
  const pretty = prettyFactory({
    colorize,
    translateTime: "SYS:HH:MM:ss",
    ignore: "pid,event",
    messageFormat: (entry, key) => [entry["event"], entry[key]].filter(Boolean).join(": "),
    singleLine: true,
  });
  return (line) => pretty(withoutControls(line));
}

/**
 * What a client or an SMTP server sent must not steer the terminal. Line feeds stay: stacks have several lines.
 * @param json text in which C0 controls are escaped, and C1 controls and DEL are not (RFC 8259 §7).
 */
const withoutControls = (json: string): string =>
  json.replaceAll(ESCAPES, (escape) => (escape === ESCAPED_BACKSLASH ? escape : "\uFFFD"));

const ESCAPED_BACKSLASH = String.raw`\\`;
// oxlint-disable-next-line no-control-regex
const ESCAPES = /\\\\|\\[bfr]|\\u00[01][0-9a-f]|[\u007f-\u009f]/gi;
