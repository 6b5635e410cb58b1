/** Accounts from a file: a thousand in one transaction, their invitations in the bulk lane. */
import { eq, inArray, or, sql } from "drizzle-orm";
import type { Transaction } from "../db/client.ts";
import { auditEvent, user } from "../db/schema.ts";
import { enqueueAll } from "../mail/outbox.ts";
import { contextForOthers, SUPERUSER_DEPT, type Caller, type RequestContext } from "./caller.ts";
import type { Deps } from "./deps.ts";
import type { ImportProblem } from "./import-problems.ts";
import { checkRow, type Candidate, type ImportRow } from "./import-rows.ts";
import { lockSuperusers, tellSuperusers } from "./superusers.ts";
import { stemOf } from "./usernames.ts";

export interface ImportResult {
  created: number;
  /** Rows whose address has an account, from an earlier run or otherwise, or is in the file twice. */
  skipped: number;
  readonly problems: ImportProblem[];
  /** What happens to each row that is not refused; undefined unless `ImportOptions.listRows`. */
  readonly rows?: ImportedRow[];
}

export interface ImportedRow {
  readonly line: number;
  readonly email: string;
  /** Null: the row is skipped, because its address has an account or is in the file twice. */
  readonly username: string | null;
  readonly superuser: boolean;
}

export interface ImportOptions {
  /** Mail each new account without a password a link for choosing one. */
  readonly invite: boolean;
  /** Find out what would happen, and change nothing. */
  readonly dryRun?: boolean;
  readonly listRows?: boolean;
  readonly context: RequestContext;
  /** @default null, the operator at the command line */
  readonly caller?: Caller | null;
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
  const result: ImportResult = { created: 0, skipped: 0, problems: [], ...(options.listRows ? { rows: [] } : {}) };
  const seen = { emails: new Set<string>(), usernames: new Set<string>() };
  let batch: Candidate[] = [];
  const flush = async (): Promise<void> => {
    if (batch.length === 0) return;
    const { made, problems } = await importBatch(deps, batch, options);
    result.created += made.size;
    result.skipped += batch.length - made.size - problems.length;
    result.problems.push(...problems);
    const refused = new Set(problems.map(({ line }) => line));
    for (const { line, email, dept } of batch) {
      if (refused.has(line)) continue;
      result.rows?.push({ line, email, username: made.get(email) ?? null, superuser: dept === SUPERUSER_DEPT });
    }
    batch = [];
    if (!options.dryRun) deps.outbox.announce();
    onProgress(result);
  };
  for await (const row of rows) {
    const candidate = "problem" in row ? row : await checkRow(row, seen.usernames);
    if ("problem" in candidate) result.problems.push(candidate);
    else if (seen.emails.has(candidate.email)) {
      result.skipped += 1;
      result.rows?.push({ line: candidate.line, email: candidate.email, username: null, superuser: false });
    } else {
      seen.emails.add(candidate.email);
      if (candidate.asked) seen.usernames.add(candidate.username);
      batch.push(candidate);
    }
    if (batch.length >= BATCH) await flush();
  }
  await flush();
  result.problems.sort((a, b) => a.line - b.line);
  result.rows?.sort((a, b) => a.line - b.line);
  return result;
}

interface BatchResult {
  /** The usernames of the new accounts, by address. */
  readonly made: ReadonlyMap<string, string>;
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
    const result = await createAccounts(tx, deps, candidates, options);
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
  { config }: Deps,
  candidates: readonly Candidate[],
  { invite, context: requestContext, caller = null }: ImportOptions,
): Promise<BatchResult> {
  const emails = candidates.map(({ email }) => email);
  const known = await tx.select({ email: user.email }).from(user).where(inArray(user.email, emails));
  const taken = new Set(known.map(({ email }) => email));
  const { named, problems } = await withFreeUsernames(
    tx,
    candidates.filter(({ email }) => !taken.has(email)),
  );
  if (named.length === 0) return { made: new Map(), problems };
  if (named.some(({ dept }) => dept === SUPERUSER_DEPT)) await lockSuperusers(tx, caller);
  const made = await tx
    .insert(user)
    .values(
      named.map(({ line: _line, asked: _asked, ...columns }) => {
        return { id: Bun.randomUUIDv7(), superuser: columns.dept === SUPERUSER_DEPT, ...columns };
      }),
    )
    // Created by someone else in the meantime: the next run reports it.
    .onConflictDoNothing()
    .returning({
      id: user.id,
      email: user.email,
      username: user.username,
      superuser: user.superuser,
      passwordHash: user.passwordHash,
    });
  if (made.length === 0) return { made: new Map(), problems };
  await tx.insert(auditEvent).values(
    made.map(({ id, superuser }) => ({
      id: Bun.randomUUIDv7(),
      action: "user_created",
      actorId: caller?.userId ?? null,
      subjectId: id,
      ip: requestContext.client.ip,
      browser: requestContext.client.browser,
      requestId: requestContext.requestId,
      details: { by: "import", ...(superuser ? { superuser: "true" } : {}) },
    })),
  );
  await tellSuperusers(
    tx,
    config,
    caller,
    made.filter(({ superuser }) => superuser),
    "made",
    requestContext,
  );
  // Who has a password already needs no link for choosing one.
  const invited = invite ? made.filter(({ passwordHash }) => passwordHash === null) : [];
  if (invited.length > 0) {
    const context = contextForOthers(requestContext, config);
    const [inviter] = caller ? await tx.select({ name: user.name }).from(user).where(eq(user.id, caller.userId)) : [];
    await enqueueAll(
      tx,
      invited.map(({ id, username }) => ({
        kind: "invitation",
        lane: "bulk",
        userId: id,
        ...context,
        props: { username, ...(inviter ? { inviter: inviter.name } : {}) },
      })),
    );
  }
  return { made: new Map(made.map(({ email, username }) => [email, username])), problems };
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
  const stems = [...new Set(names.map(stemOf))];
  // Finds which of `name`, `name-2`, `name-3` … exist already.
  const rows = await tx
    .select({ username: user.username })
    .from(user)
    .where(or(inArray(user.username, names), inArray(sql`regexp_replace(${user.username}, '-[0-9]+$', '')`, stems)));
  const used = new Set(rows.map(({ username }) => username));
  const refused = candidates.filter(({ asked, username }) => asked && used.has(username));
  const problems = refused.map(({ line, username }) => ({
    line,
    reason: "taken_username" as const,
    problem: `username: The username "${username}" is taken.`,
  }));
  for (const { asked, username } of candidates) if (asked) used.add(username);
  const named = candidates
    .filter((candidate) => !refused.includes(candidate))
    .map((candidate) => {
      if (candidate.asked) return candidate;
      let { username } = candidate;
      for (let number = 2; used.has(username); number += 1) {
        username = `${stemOf(candidate.username)}-${number}`;
      }
      used.add(username);
      return { ...candidate, username };
    });
  return { named, problems };
}
