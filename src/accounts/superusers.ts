/**
 * Who is a superuser: the account's flag says so. There is always one superuser: without one, no account could be
 * administered any more.
 */
import { and, asc, eq, inArray, isNotNull, isNull, or } from "drizzle-orm";
import type { Config } from "../config.ts";
import type { Transaction } from "../db/client.ts";
import { user } from "../db/schema.ts";
import { Conflict, Forbidden } from "../errors.ts";
import { enqueueAll } from "../mail/outbox.ts";
import { contextForOthers, type Caller, type RequestContext } from "./caller.ts";

const CAN_LOG_IN = and(isNull(user.disabledAt), isNotNull(user.passwordHash));

export type Superusers = ReadonlySet<string>;

/**
 * Locks the superusers that can log in, in one order, so that two of them cannot demote each other at once. Call it
 * before the transaction locks another account: otherwise two such transactions could wait for each other.
 *
 * @param caller who acts as a superuser; null: the owner of an account acts, or the operator. The right may have been
 *   taken away since the head of the request was read: its body may take 20 s to arrive.
 * @throws {Forbidden} when the caller is no superuser any more.
 */
export async function lockSuperusers(tx: Transaction, caller: Caller | null): Promise<Superusers> {
  const rows = await tx
    .select({ id: user.id })
    .from(user)
    .where(and(eq(user.superuser, true), CAN_LOG_IN))
    .orderBy(asc(user.id))
    .for("no key update");
  const superusers = new Set(rows.map((row) => row.id));
  if (caller && !superusers.has(caller.userId)) throw new Forbidden("Only a superuser may do this.");
  return superusers;
}

/** @throws {Conflict} */
export function requireAnotherSuperuser(superusers: Superusers, userId: string, field: string | null = null): void {
  if (superusers.size === 1 && superusers.has(userId)) {
    throw new Conflict("This is the last superuser. Make another account a superuser first.", field, "last-superuser");
  }
}

/** What happened to accounts, as the notice says it. `made` and `removed` are the flag's. */
export type SuperuserChange = "made" | "removed" | "disabled" | "enabled" | "deleted";

export interface ChangedSuperuser {
  readonly id: string;
  readonly username: string;
}

/** With more superusers than this, the first of them are told: the notice of one change is no bulk mail. */
const MAX_TOLD = 200;
/** An email names as many accounts; an import may make more superusers. */
const MAX_NAMED = 20;

/**
 * Tells all superusers, in the transaction that changes who is one. The superuser who does it is told as well, because
 * it may be another person in that superuser's session.
 *
 * @param accounts those that were changed. They are told too when they can log in.
 */
export async function tellSuperusers(
  tx: Transaction,
  config: Pick<Config, "defaultLocale">,
  caller: Caller | null,
  accounts: readonly ChangedSuperuser[],
  change: SuperuserChange,
  context: RequestContext,
): Promise<void> {
  if (accounts.length === 0) return;
  const ids = accounts.map(({ id }) => id);
  const told = await tx
    .select({ id: user.id })
    .from(user)
    .where(and(CAN_LOG_IN, or(eq(user.superuser, true), inArray(user.id, ids))))
    .orderBy(asc(user.id))
    .limit(MAX_TOLD);
  if (told.length === 0) return;
  const named = accounts.slice(0, MAX_NAMED).map(({ username }) => username);
  const usernames = named.join(", ") + (accounts.length > named.length ? `, … (${accounts.length})` : "");
  const props = { change, usernames, actor: caller?.username ?? "" };
  await enqueueAll(
    tx,
    told.map(({ id }) => ({ kind: "superuser_changed", userId: id, ...contextForOthers(context, config), props })),
  );
}
