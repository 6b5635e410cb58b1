import { InvalidInput } from "../errors.ts";

/**
 * What is checked of a body before its schema:
 * - A text with half of a surrogate pair is refused (RFC 8259 §8.2): as UTF-8 it would become U+FFFD, so that every such
 *   half in a password would be equal.
 * - A field that is an object or a list is emptied. Every field is a text, so it is wrong in any case. The validator's
 *   errors about a deeply nested one would take time that grows with the square of its depth, seconds for 60 KB of
 *   brackets; and it calls `toString` of what it describes: `{"email": {"toString": 1}}` would be a fault.
 *
 * @throws {InvalidInput}
 */
export function checkBody(body: unknown): void {
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

const isObject = (value: unknown): value is Record<string, unknown> => typeof value === "object" && value !== null;
