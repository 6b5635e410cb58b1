import { parseAddress } from "../db/address.ts";
import { Invalid } from "./parsers.ts";

/**
 * A `postgres://` URL that the driver can use: see `db/address.ts`.
 * Messages never quote a part that may be a password.
 * @throws {Invalid}
 */
export function parseDatabaseUrl(text: string): string {
  const { problems } = parseAddress(text);
  if (problems.length > 0) throw new Invalid(problems.join("; it "));
  return text;
}

/** Schemas whose names begin with `pg_` are PostgreSQL's own (documentation, §5.10). */
export function parseSchemaName(text: string): string {
  if (!/^(?!pg_)[a-z_][a-z0-9_]{0,62}$/.test(text) || text === "information_schema") {
    throw new Invalid("must be a schema of your own, named with small letters, digits and _ (at most 63)");
  }
  return text;
}
