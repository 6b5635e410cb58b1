/** What a PostgreSQL error means. Codes: PostgreSQL documentation, appendix A. */
import { Unavailable } from "../errors.ts";

/** Class 22 (data exception) and 23 (integrity constraint): the rows are at fault, not the database. */
export const isDataError = (error: unknown): boolean => /^2[23]...$/.test(codeOf(error));

/** 23505; `constraint` tells which. */
export const isUniqueViolation = (error: unknown, constraint: string): boolean =>
  codeOf(error) === "23505" && fieldOf(error, "constraint_name") === constraint;

/**
 * The connection went, or there is none to be had: by the network, by TLS, by a restart (57P0x), by a time-out of the
 * server for idle sessions (25P03, 25P04, 57P05), or by the driver. What ran on it may be committed.
 */
export const isConnectionError = (error: unknown): boolean =>
  SERVER_GONE.test(codeOf(error)) || NO_WAY_THERE.test(codeOf(error));

const SERVER_GONE = /^(08...|57P0.|25P0[34]|CONNECTION_.*|CONNECT_TIMEOUT|READ_ONLY_SERVER|UNFIT_SERVER)$/;

/** Codes of the operating system and of TLS. ENOENT stands for the socket file of a server that is not running. */
const NO_WAY_THERE =
  /^(E(CONN[A-Z]+|PIPE|TIMEDOUT|HOST[A-Z]+|NET[A-Z]+|NOTFOUND|AI_[A-Z]+|ADDRNOTAVAIL|NOENT)|ERR_(TLS|SSL)_.*|.*(CERT|SELF_SIGNED|UNABLE_TO).*)$/;

/** The server may be starting, or its name not be known yet: another try in a moment may succeed. */
export const isPassing = (error: unknown): boolean =>
  /^(57P0.|ECONN[A-Z]+|ENOENT|ENOTFOUND|EAI_AGAIN|CONNECTION_CLOSED|CONNECT_TIMEOUT)$/.test(codeOf(error));

/**
 * The database cannot serve just now, and the request is not at fault: no connection, a read-only server (25006), no
 * access (class 28, 3D000), a conflict with another transaction (40), no resources (53), a lock or an object in use
 * (55), an operator's intervention or a time-out (57), a fault of its system (58).
 */
export const isUnavailable = (error: unknown): boolean =>
  isConnectionError(error) || /^(25006|28...|3D000|40...|53...|55...|57...|58...)$/.test(codeOf(error));

/** The same error, or one that callers know when the database cannot serve just now. */
export const asUnavailable = (error: unknown): unknown =>
  isUnavailable(error) ? new Unavailable("The database does not answer.", 5, { cause: error }) : error;

/** 42501: the role may not do this. */
export const isPermissionError = (error: unknown): boolean => codeOf(error) === "42501";

/** The server's words, which for a wrapped error are not those of its wrapper. */
export const messageOf = (error: unknown): string => {
  let inner = error;
  while (inner instanceof Error && inner.cause instanceof Error) inner = inner.cause;
  return inner instanceof Error ? inner.message : String(inner);
};

/**
 * Whose fault an error is that came while rows were written: `row`, its own (a data exception, a violated constraint, or
 * what our code threw about it); `database`, for which no row is to blame; `unclear`, such as a lock that one row waits
 * for (55P03), an error of a trigger (P0001) or a corrupt page (XX): another row may pass.
 */
export function faultOf(error: unknown): "row" | "database" | "unclear" {
  if (isDataError(error)) return "row";
  if (isLockTimeout(error)) return "unclear";
  if (isUnavailable(error)) return "database";
  const code = codeOf(error);
  if (code === "") return error instanceof DOMException ? "database" : "row";
  if (OTHER_SCHEMA.test(code)) return "database";
  return SQLSTATE.test(code) ? "unclear" : "database";
}

/** A lock was waited for as long as `lock_timeout` allows. */
export const isLockTimeout = (error: unknown): boolean => codeOf(error) === "55P03";

/** The driver's own codes are words, and those of the operating system begin with E, as no SQLSTATE does. */
const SQLSTATE = /^(?!E)[0-9A-Z]{5}$/;

/**
 * The statement and the database do not fit together, for any row: a cached plan of a table that was altered
 * (0A000), a prepared statement that a pooler forgot (26), no such schema (3F000), table or column, or no right to it (42).
 */
const OTHER_SCHEMA = /^(0A000|26000|3F000|42...)$/;

const codeOf = (error: unknown): string => fieldOf(error, "code");

/** Drizzle wraps what the driver throws: the words of the server are in its cause. */
function fieldOf(error: unknown, name: string): string {
  for (let inner = error; inner instanceof Error; inner = inner.cause) {
    const value: unknown = Reflect.get(inner, name);
    if (typeof value === "string") return value;
  }
  return "";
}
