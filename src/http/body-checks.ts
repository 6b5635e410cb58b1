import { InvalidInput } from "../errors.ts";

/** No route's body has more than two levels. */
const MAX_DEPTH = 8;

/**
 * What is checked of a body before its schema:
 * - A deeply nested one is refused. The validator's errors about it take time that grows with the square of its depth,
 *   seconds for 60 KB of brackets.
 * - A text with half of a surrogate pair is refused (RFC 8259 §8.2): as UTF-8 it would become U+FFFD, so that every such
 *   half in a password would be equal.
 * - A field that is an object or a list is emptied. Every field is a text, so it is wrong in any case, and the validator
 *   calls `toString` of what it describes: `{"email": {"toString": 1}}` would be a fault.
 *
 * @throws {InvalidInput}
 */
export function checkBody(body: unknown): void {
  if (isDeeper(body, MAX_DEPTH)) throw new InvalidInput("The body is nested too deeply.");
  if (!isObject(body)) return;
  for (const [name, value] of Object.entries(body)) {
    if (isObject(value)) body[name] = Array.isArray(value) ? [] : {};
    else if (typeof value === "string" && !value.isWellFormed()) {
      throw new InvalidInput("The text has half of a surrogate pair.", FIELD_NAME.test(name) ? name : null);
    }
  }
}

/** Anything else in a name's place may be what a person typed there. */
const FIELD_NAME = /^[a-z_]{1,32}$/;

function isDeeper(value: unknown, levels: number): boolean {
  if (!isObject(value)) return false;
  return levels === 0 || Object.values(value).some((inner) => isDeeper(inner, levels - 1));
}

const isObject = (value: unknown): value is Record<string, unknown> => typeof value === "object" && value !== null;
