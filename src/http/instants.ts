import { InvalidInput } from "../errors.ts";

/** The format admits texts that are no time, such as the 31st of a short month, and years that PostgreSQL does not have. */
const STORABLE = /^(?!0000)\d{4}-/;

/** @throws {InvalidInput} */
export function instantOf(text: string | undefined, field: string): Date | undefined {
  if (text === undefined) return undefined;
  const instant = new Date(text);
  if (Number.isNaN(instant.getTime()) || !STORABLE.test(instant.toISOString())) {
    throw new InvalidInput("Give a time such as 2026-01-31T12:00:00Z.", field);
  }
  return instant;
}
