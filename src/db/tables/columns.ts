/** Kinds of columns that the tables share. */
import { sql } from "drizzle-orm";
import { bigint, customType, pgSequence, timestamp } from "drizzle-orm/pg-core";

export const bytes = customType<{ data: Uint8Array; driverData: Uint8Array }>({ dataType: () => "bytea" });
export const moment = (name: string) => timestamp(name, { withTimezone: true, mode: "date" });
/** A list of ours as SQL: the words hold no quotes. */
export const listOf = (words: readonly string[]) => sql.raw(words.map((word) => `'${word}'`).join(", "));

/**
 * Numbers messages and changes of credentials in the order in which they happen. Clocks are set back, and those of two
 * machines differ: what came before what is decided by these numbers and never by comparing times.
 */
export const ordinals = pgSequence("ordinal");
/** The next number. Take it under the lock of the row that it is for. */
export const nextOrdinal = sql`nextval('ordinal')`;
export const ordinal = (name: string) => bigint(name, { mode: "number" }).notNull().default(nextOrdinal);
