/** Which messages an operator means, in a query or a body. */
import { t, type Static } from "elysia";
import { normaliseAddress } from "../addresses.ts";
import { MESSAGE_STATES, REASONS } from "../db/states.ts";
import type { MessageFilter } from "../mail/operations/filter.ts";
import { KIND_NAMES } from "../mail/operations/messages.ts";
import { instantOf } from "./instants.ts";
import { moment, usernameFilter } from "./schemas.ts";

const text = "^[^\\u0000]*$";

export const filterFields = {
  // Elysia gives an enum its first value as a default, which would filter when no filter is given.
  state: t.Optional(t.UnionEnum([...MESSAGE_STATES], { default: undefined })),
  reason: t.Optional(t.UnionEnum([...REASONS], { default: undefined })),
  kind: t.Optional(
    t.UnionEnum(KIND_NAMES as [(typeof KIND_NAMES)[number], ...typeof KIND_NAMES], { default: undefined }),
  ),
  recipient: t.Optional(t.String({ maxLength: 320, pattern: text, description: "A whole address." })),
  search: t.Optional(
    t.String({
      maxLength: 320,
      pattern: text,
      description: "A part of the address, or of the account's name or username.",
    }),
  ),
  username: usernameFilter("The account that the messages belong to."),
  since: t.Optional(moment("Committed at or after.")),
  until: t.Optional(moment("Committed at or before.")),
};

const FilterSchema = t.Object(filterFields);

/** @throws {InvalidInput} naming an instant that is none. */
export function filterOf(given: Static<typeof FilterSchema>): MessageFilter {
  const { state, reason, kind, recipient, search, username } = given;
  return {
    state,
    reason,
    kind,
    recipient: recipient && (normaliseAddress(recipient) ?? recipient),
    search: search?.trim(),
    username,
    since: instantOf(given.since, "since"),
    until: instantOf(given.until, "until"),
  };
}
