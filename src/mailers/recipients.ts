/** Whom the messages of a batch are for, under lock: what is decided about an account cannot change meanwhile. */
import type { Address } from "../addresses.ts";
import type { SqlTransaction } from "../db/client.ts";
import type { Locale } from "../mail/kinds.ts";
import type { QueuedMessage } from "../mail/transitions/queued.ts";

export interface Account {
  readonly id: string;
  readonly email: Address;
  readonly name: string;
  readonly locale: Locale | null;
  readonly disabled: boolean;
  /** Links of messages with a smaller ordinal are dead. */
  readonly credentialsOrdinal: number;
  readonly locked: boolean;
  readonly now: Date;
}

/**
 * The accounts of a batch under `for no key update`, so that two couriers cannot both pass one limit, and a password
 * change cannot slip between this check and the digest. A row that another session has locked is not waited for.
 */
export async function lockAccounts(tx: SqlTransaction, messages: readonly QueuedMessage[]): Promise<Account[]> {
  const { ids, emails } = keysOf(messages);
  return await tx<Account[]>`
    with locked as (
      select * from "user" where id = any(${ids}::uuid[]) or email = any(${emails}::text[])
      order by id for no key update skip locked
    ), found as (
      select locked.*, true as locked from locked
      union all
      select u.*, false from "user" u
      where (u.id = any(${ids}::uuid[]) or u.email = any(${emails}::text[])) and u.id not in (select id from locked)
    )
    select id, email, name, locale, disabled_at is not null as disabled,
      credentials_ordinal::float8 "credentialsOrdinal", locked, now()
    from found`;
}

/** What the accounts of a batch are found by: their id where a use case named it, else the address asked for. */
export function keysOf(messages: readonly QueuedMessage[]): { ids: string[]; emails: Address[] } {
  return {
    ids: messages.flatMap((m) => m.userId ?? []),
    emails: messages.flatMap((m) => (m.userId ? [] : (m.requestedEmail ?? []))),
  };
}
