/**
 * One claim: pick what is due, let its mailers decide, lease what is to be sent, commit. Only then is anything sent, so
 * that a digest is durable before its link leaves.
 */
import type { Sql, SqlTransaction } from "../../db/client.ts";
import { faultOf } from "../../db/errors.ts";
import type { Log } from "../../log.ts";
import type { PreparedMessage, Mailer, Verdict } from "../mailer.ts";
import * as transitions from "../transitions.ts";
import type { SetAside } from "./set-aside.ts";

export interface ClaimOptions {
  readonly sql: Sql;
  readonly mailers: ReadonlyMap<string, Mailer>;
  readonly courierId: string;
  readonly log: Log;
}

/** An email that is ours to send. */
export interface Claimed {
  readonly prepared: PreparedMessage;
  readonly mailer: Mailer;
  readonly leased: transitions.Leased;
}

export interface Claim {
  readonly batch: readonly Claimed[];
  /** How many messages were moved: while there are any, looking again at once makes sense. */
  readonly progress: number;
}

/** What claims of one courier remember from one to the next. */
export interface ClaimContext extends ClaimOptions {
  /** Messages that no failure can be recorded for: this courier leaves them alone. */
  readonly setAside: SetAside;
  /** Leases of claims whose commit was not answered: nothing was sent under them, and they may be held. */
  unconfirmed: transitions.Leased[];
}

export type Pick = (tx: SqlTransaction) => Promise<transitions.QueuedMessage[]>;

/** @param lockTimeoutMs how long it waits for a lock. @throws what failed; then nothing was claimed that is known of. */
export async function claimBatch(context: ClaimContext, pick: Pick, lockTimeoutMs: number): Promise<Claim> {
  const { sql, mailers, courierId } = context;
  let leased: readonly transitions.Leased[] = [];
  try {
    return await sql.begin(async (tx) => {
      const [, messages] = await Promise.all([
        tx`select set_config('lock_timeout', ${`${lockTimeoutMs}ms`}, true)`,
        pick(tx),
      ]);
      const verdicts = await decide(tx, messages, mailers);
      const leaseId = crypto.randomUUID();
      const batch = messages.flatMap((message): Claimed[] => {
        const verdict = verdicts.get(message.id);
        const mailer = mailers.get(message.kind);
        if (verdict?.type !== "send" || !mailer) return [];
        const { pinned } = verdict;
        return [{ prepared: { message, pinned }, mailer, leased: { ...message, leaseId, tries: pinned.tries } }];
      });
      // Not of the picked alone: a newer email takes the place of older ones that were not due.
      const decided = [...verdicts].map(([id, verdict]) => ({ id, ...verdict }));
      const endings = decided.filter((verdict) => verdict.type === "end");
      const postponed = decided.filter((verdict) => verdict.type === "postpone");
      const pinned = batch.map(({ prepared }) => prepared.pinned);
      leased = batch.map((claimed) => claimed.leased);
      await Promise.all([
        transitions.end(tx, endings),
        transitions.postpone(tx, postponed),
        // The last statement: the lease is counted from it.
        transitions.lease(tx, leaseId, courierId, pinned),
      ]);
      return { batch, progress: decided.length };
    });
  } catch (error) {
    // The commit may have been made, and its answer lost.
    if (faultOf(error) === "database") context.unconfirmed.push(...leased);
    throw error;
  }
}

/** Emails of one account that a claim sends; the others follow. */
const MAX_PER_ACCOUNT = 2;
const NEXT_SHARE_SECONDS = 1;

/** Each kind's mailer decides about its own. */
async function decide(
  tx: SqlTransaction,
  messages: readonly transitions.QueuedMessage[],
  mailers: ClaimOptions["mailers"],
): Promise<Map<string, Verdict>> {
  const verdicts = new Map<string, Verdict>();
  for (const [kind, group] of Map.groupBy(messages, (message) => message.kind)) {
    const mailer = mailers.get(kind);
    const decided = mailer ? await mailer.prepare(tx, group) : group.map(({ id }) => [id, UNKNOWN_KIND] as const);
    for (const [id, verdict] of decided) verdicts.set(id, verdict);
  }
  const shares = new Map<string, number>();
  for (const [id, verdict] of verdicts) {
    if (verdict.type !== "send") continue;
    const { userId } = verdict.pinned;
    const share = (shares.get(userId) ?? 0) + 1;
    shares.set(userId, share);
    if (share > MAX_PER_ACCOUNT) verdicts.set(id, { type: "postpone", delaySeconds: NEXT_SHARE_SECONDS });
  }
  return verdicts;
}

/** A kind that this version does not know is left for a courier that does, for a minute at a time. */
const UNKNOWN_KIND: Verdict = { type: "postpone", delaySeconds: 60 };
