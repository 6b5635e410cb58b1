/** What a PostgreSQL error means. Codes: PostgreSQL documentation, appendix A. */

/** Class 22 (data exception) and 23 (integrity constraint): the rows are at fault, not the database. */
export const isDataError = (error: unknown): boolean => /^2[23]...$/.test(codeOf(error));

/** 23505; `constraint` tells which. */
export const isUniqueViolation = (error: unknown, constraint: string): boolean =>
  codeOf(error) === "23505" && fieldOf(error, "constraint_name") === constraint;

/** The connection went, by the network, by a restart (57P0x) or by postgres.js itself: what ran may be committed. */
export const isConnectionError = (error: unknown): boolean =>
  /^(08...|57P0.|CONNECTION_.*|ECONN.*|EPIPE|ETIMEDOUT|CONNECT_TIMEOUT)$/.test(codeOf(error));

const codeOf = (error: unknown): string => fieldOf(error, "code");

/** Drizzle wraps what the driver throws: the words of the server are in its cause. */
function fieldOf(error: unknown, name: string): string {
  for (let inner = error; inner instanceof Error; inner = inner.cause) {
    const value: unknown = Reflect.get(inner, name);
    if (typeof value === "string") return value;
  }
  return "";
}
