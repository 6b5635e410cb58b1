/** Whole staffs at once: a thousand accounts a transaction, their invitations in the bulk lane. */
import { inArray, or, sql } from "drizzle-orm";
import type { Transaction } from "../db/client.ts";
import { auditEvent, user } from "../db/schema.ts";
import { InvalidInput } from "../errors.ts";
import { enqueueAll } from "../mail/outbox.ts";
import { requireAddress } from "./addresses.ts";
import type { RequestContext } from "./caller.ts";
import type { Deps } from "./deps.ts";
import { requireUsername, USERNAME_MAX } from "./usernames.ts";

export interface ImportRow {
  /** Of the file, for whoever mends it. */
  readonly line: number;
  readonly name: string;
  readonly email: string;
  readonly dept: string;
  readonly username?: string | undefined;
}

export interface ImportResult {
  created: number;
  /** Their address has an account: imported before, or known otherwise. */
  skipped: number;
  readonly problems: { readonly line: number; readonly problem: string }[];
}

const BATCH = 1_000;
const MAX_NAME = 100;
const MAX_DEPT = 64;

/**
 * Creates what is not there yet and invites it. Runs again after any interruption: a batch is one transaction, and
 * who has an account is passed over, so nobody is invited twice. A bad row is reported and holds nobody up.
 *
 * @param onProgress called after each batch.
 */
export async function importUsers(
  deps: Deps,
  rows: AsyncIterable<ImportRow> | Iterable<ImportRow>,
  options: { readonly invite: boolean; readonly context: RequestContext },
  onProgress: (result: ImportResult) => void = () => {},
): Promise<ImportResult> {
  const result: ImportResult = { created: 0, skipped: 0, problems: [] };
  let batch = new Map<string, Candidate>();
  const flush = async (): Promise<void> => {
    if (batch.size === 0) return;
    const created = await importBatch(deps, [...batch.values()], options);
    result.created += created;
    result.skipped += batch.size - created;
    batch = new Map();
    deps.outbox.announce();
    onProgress(result);
  };
  for await (const row of rows) {
    try {
      const candidate = check(row);
      if (batch.has(candidate.email)) result.skipped += 1;
      else batch.set(candidate.email, candidate);
    } catch (error) {
      if (!(error instanceof InvalidInput)) throw error;
      result.problems.push({ line: row.line, problem: error.message });
    }
    if (batch.size >= BATCH) await flush();
  }
  await flush();
  return result;
}

interface Candidate {
  readonly name: string;
  readonly email: string;
  readonly dept: string;
  readonly username: string;
}

/** @throws {InvalidInput} */
function check({ name, email, dept, username }: ImportRow): Candidate {
  const text = (value: string, field: string, max: number): string => {
    const trimmed = value.trim();
    // oxlint-disable-next-line no-control-regex
    if (!trimmed || trimmed.length > max || /[\u0000-\u001f\u007f-\u009f]/.test(trimmed)) {
      throw new InvalidInput(`${field} must be 1 to ${max} characters on one line.`);
    }
    return trimmed;
  };
  const cleanName = text(name, "name", MAX_NAME);
  return {
    name: cleanName,
    email: requireAddress(email.trim()),
    dept: text(dept, "dept", MAX_DEPT),
    username: requireUsername(username?.trim() || cleanName),
  };
}

/** @returns how many accounts were made. */
async function importBatch(
  deps: Deps,
  candidates: readonly Candidate[],
  { invite, context }: { readonly invite: boolean; readonly context: RequestContext },
): Promise<number> {
  return await deps.db.orm.transaction(async (tx) => {
    const emails = candidates.map(({ email }) => email);
    const known = await tx.select({ email: user.email }).from(user).where(inArray(user.email, emails));
    const taken = new Set(known.map(({ email }) => email));
    const fresh = await withFreeUsernames(
      tx,
      candidates.filter(({ email }) => !taken.has(email)),
    );
    if (fresh.length === 0) return 0;
    const made = await tx
      .insert(user)
      .values(fresh.map((candidate) => ({ id: Bun.randomUUIDv7(), ...candidate })))
      // Somebody else made it meanwhile: the next run says so.
      .onConflictDoNothing()
      .returning({ id: user.id, username: user.username });
    if (made.length === 0) return 0;
    await tx.insert(auditEvent).values(
      made.map(({ id }) => ({
        id: Bun.randomUUIDv7(),
        action: "user_created",
        subjectId: id,
        details: { by: "import" },
      })),
    );
    if (invite) {
      await enqueueAll(
        tx,
        made.map(({ id, username }) => ({
          kind: "invitation",
          lane: "bulk",
          userId: id,
          ...context,
          props: { username },
        })),
      );
    }
    return made.length;
  });
}

/** People share names: the second John Smith is `john-smith-2`. */
async function withFreeUsernames(tx: Transaction, candidates: readonly Candidate[]): Promise<Candidate[]> {
  const names = candidates.map(({ username }) => username);
  // Whatever of `name`, `name-2`, `name-3` … is there already.
  const rows = await tx
    .select({ username: user.username })
    .from(user)
    .where(or(inArray(user.username, names), inArray(sql`regexp_replace(${user.username}, '-[0-9]+$', '')`, names)));
  const used = new Set(rows.map(({ username }) => username));
  return candidates.map((candidate) => {
    let { username } = candidate;
    for (let number = 2; used.has(username); number += 1) {
      username = `${candidate.username.slice(0, USERNAME_MAX - 7)}-${number}`;
    }
    used.add(username);
    return { ...candidate, username };
  });
}
