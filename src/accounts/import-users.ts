/** Accounts from a file: a thousand in one transaction, their invitations in the bulk lane. */
import { and, inArray, isNotNull, or, sql } from "drizzle-orm";
import type { Transaction } from "../db/client.ts";
import { auditEvent, user } from "../db/schema.ts";
import { enqueueAll } from "../mail/outbox.ts";
import type { RequestContext } from "./caller.ts";
import type { Deps } from "./deps.ts";
import { checkRow, type Candidate, type ImportProblem, type ImportRow } from "./import-rows.ts";
import { USERNAME_MAX } from "./usernames.ts";

export interface ImportResult {
  created: number;
  /** Rows whose address has an account, from an earlier run or otherwise, or is in the file twice. */
  skipped: number;
  readonly problems: ImportProblem[];
}

export interface ImportOptions {
  /** Mail each new account without a password a link for choosing one. */
  readonly invite: boolean;
  /** Find out what would happen, and change nothing. */
  readonly dryRun?: boolean;
  readonly context: RequestContext;
}

const BATCH = 1_000;

/**
 * Creates the accounts that do not exist yet. A run that was interrupted can be repeated: a batch is one transaction and
 * rows whose address has an account are skipped, so that each account is invited once. An invalid row is reported and
 * costs no other row.
 *
 * @param onProgress called after each batch.
 */
export async function importUsers(
  deps: Deps,
  rows: AsyncIterable<ImportRow | ImportProblem> | Iterable<ImportRow | ImportProblem>,
  options: ImportOptions,
  onProgress: (result: ImportResult) => void = () => {},
): Promise<ImportResult> {
  const result: ImportResult = { created: 0, skipped: 0, problems: [] };
  const seen = { emails: new Set<string>(), usernames: new Set<string>() };
  let batch: Candidate[] = [];
  const flush = async (): Promise<void> => {
    if (batch.length === 0) return;
    const { created, problems } = await importBatch(deps, batch, options);
    result.created += created;
    result.skipped += batch.length - created - problems.length;
    result.problems.push(...problems);
    batch = [];
    if (!options.dryRun) deps.outbox.announce();
    onProgress(result);
  };
  for await (const row of rows) {
    const candidate = "problem" in row ? row : await checkRow(row, seen.usernames);
    if ("problem" in candidate) result.problems.push(candidate);
    else if (seen.emails.has(candidate.email)) result.skipped += 1;
    else {
      seen.emails.add(candidate.email);
      if (candidate.asked) seen.usernames.add(candidate.username);
      batch.push(candidate);
    }
    if (batch.length >= BATCH) await flush();
  }
  await flush();
  result.problems.sort((a, b) => a.line - b.line);
  return result;
}

interface BatchResult {
  readonly created: number;
  readonly problems: readonly ImportProblem[];
}

/** Thrown to roll back what a dry run did. */
class DryRun extends Error {
  readonly result: BatchResult;
  constructor(result: BatchResult) {
    super("dry run");
    this.result = result;
  }
}

async function importBatch(deps: Deps, candidates: readonly Candidate[], options: ImportOptions): Promise<BatchResult> {
  const run = async (tx: Transaction): Promise<BatchResult> => {
    const result = await createAccounts(tx, candidates, options);
    if (options.dryRun) throw new DryRun(result);
    return result;
  };
  return await deps.db.orm.transaction(run).catch((error: unknown) => {
    if (error instanceof DryRun) return error.result;
    throw error;
  });
}

async function createAccounts(
  tx: Transaction,
  candidates: readonly Candidate[],
  { invite, context }: ImportOptions,
): Promise<BatchResult> {
  const emails = candidates.map(({ email }) => email);
  // A registration whose address is not confirmed does not stand in the way.
  await tx.delete(user).where(and(inArray(user.email, emails), isNotNull(user.pendingUsername)));
  const known = await tx.select({ email: user.email }).from(user).where(inArray(user.email, emails));
  const taken = new Set(known.map(({ email }) => email));
  const { named, problems } = await withFreeUsernames(
    tx,
    candidates.filter(({ email }) => !taken.has(email)),
  );
  if (named.length === 0) return { created: 0, problems };
  const made = await tx
    .insert(user)
    .values(named.map(({ line: _line, asked: _asked, ...columns }) => ({ id: Bun.randomUUIDv7(), ...columns })))
    // Created by someone else in the meantime: the next run reports it.
    .onConflictDoNothing()
    .returning({ id: user.id, username: user.username, passwordHash: user.passwordHash });
  if (made.length === 0) return { created: 0, problems };
  await tx.insert(auditEvent).values(
    made.map(({ id }) => ({
      id: Bun.randomUUIDv7(),
      action: "user_created",
      subjectId: id,
      details: { by: "import" },
    })),
  );
  // Who has a password already needs no link for choosing one.
  const invited = invite ? made.filter(({ passwordHash }) => passwordHash === null) : [];
  if (invited.length > 0) {
    await enqueueAll(
      tx,
      invited.map(({ id, username }) => ({
        kind: "invitation",
        lane: "bulk",
        userId: id,
        ...context,
        props: { username },
      })),
    );
  }
  return { created: made.length, problems };
}

/**
 * A username that the file asks for is reported when it is taken. One that is made of the name gets a number: people
 * share names, and the second John Smith is `john-smith-2`.
 */
async function withFreeUsernames(
  tx: Transaction,
  candidates: readonly Candidate[],
): Promise<{ readonly named: readonly Candidate[]; readonly problems: readonly ImportProblem[] }> {
  const names = candidates.map(({ username }) => username);
  if (names.length === 0) return { named: [], problems: [] };
  // Finds which of `name`, `name-2`, `name-3` … exist already.
  const rows = await tx
    .select({ username: user.username })
    .from(user)
    .where(or(inArray(user.username, names), inArray(sql`regexp_replace(${user.username}, '-[0-9]+$', '')`, names)));
  const used = new Set(rows.map(({ username }) => username));
  const refused = candidates.filter(({ asked, username }) => asked && used.has(username));
  const problems = refused.map(({ line, username }) => ({
    line,
    problem: `username: The username "${username}" is taken.`,
  }));
  for (const { asked, username } of candidates) if (asked) used.add(username);
  const named = candidates
    .filter((candidate) => !refused.includes(candidate))
    .map((candidate) => {
      if (candidate.asked) return candidate;
      let { username } = candidate;
      for (let number = 2; used.has(username); number += 1) {
        username = `${candidate.username.slice(0, USERNAME_MAX - 7)}-${number}`;
      }
      used.add(username);
      return { ...candidate, username };
    });
  return { named, problems };
}
