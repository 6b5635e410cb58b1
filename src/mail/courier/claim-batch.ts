/**
 * One claim: pick what is due, let its mailers decide, lease what is to be sent, commit. Only then is anything sent, so
 * that a digest is durable before its link leaves.
 */
import type { Sql, SqlTransaction } from "../../db/client.ts";
import { faultOf } from "../../db/errors.ts";
import type { Log } from "../../log.ts";
import type { Mailer, Verdict } from "../mailer.ts";
import { end } from "../transitions/end.ts";
import { lease } from "../transitions/lease.ts";
import { postpone } from "../transitions/postpone.ts";
import type { LeasedMessage, QueuedMessage } from "../transitions/queued.ts";
import type { SetAside } from "./set-aside.ts";

export interface ClaimOptions {
  readonly sql: Sql;
  readonly mailers: ReadonlyMap<string, Mailer>;
  readonly courierId: string;
  readonly log: Log;
}

export interface Claim {
  readonly batch: readonly LeasedMessage[];
  /** How many messages were moved: while there are any, looking again at once makes sense. */
  readonly progress: number;
}

/** What claims of one courier remember from one to the next. */
export interface ClaimContext extends ClaimOptions {
  /** Messages that no failure can be recorded for: this courier leaves them alone. */
  readonly setAside: SetAside;
  /** Leases of claims whose commit was not answered: nothing was sent under them, and they may be held. */
  unconfirmed: Unconfirmed[];
}

export interface Unconfirmed {
  readonly lease: LeasedMessage;
  /** When its claim failed, by `performance.now()`. The commit may be made later than that. */
  readonly failedAt: number;
}

/** What locks the messages of a claim. */
export interface Pick {
  readonly from: (tx: SqlTransaction) => Promise<QueuedMessage[]>;
  /** How many it locks at most: when it finds as many, others may be waiting. */
  readonly limit: number;
}

/**
 * @param lockTimeoutMs how long it waits for a lock.
 * @throws what failed; the claim may still have been committed: see `unconfirmed`.
 */
export async function claimBatch(context: ClaimContext, pick: Pick, lockTimeoutMs: number): Promise<Claim> {
  const { sql, mailers, courierId } = context;
  let batch: readonly LeasedMessage[] = [];
  try {
    return await sql.begin(async (tx) => {
      const [, messages] = await Promise.all([
        tx`select set_config('lock_timeout', ${`${lockTimeoutMs}ms`}, true)`,
        pick.from(tx),
      ]);
      const leaseId = crypto.randomUUID();
      // The verdicts are not of the picked messages alone: a newer email supersedes older ones that were not due.
      const decided = [...(await decide(tx, messages, mailers, pick.limit))].map(([id, verdict]) => ({
        id,
        ...verdict,
      }));
      batch = decided.flatMap((verdict) => (verdict.type === "send" ? { ...verdict.message, leaseId } : []));
      await Promise.all([
        end(
          tx,
          decided.filter((verdict) => verdict.type === "end"),
        ),
        postpone(
          tx,
          decided.filter((verdict) => verdict.type === "postpone"),
        ),
        // This is the last statement, because the lease is counted from it.
        lease(tx, leaseId, courierId, batch),
      ]);
      return { batch, progress: decided.length };
    });
  } catch (error) {
    // The commit may have been made, and its answer lost.
    const failedAt = performance.now();
    if (faultOf(error) === "database") context.unconfirmed.push(...batch.map((lease) => ({ lease, failedAt })));
    throw error;
  }
}

/** The part of a claim that one account may have while others may be waiting; the rest of its messages follow. */
const SHARE_OF_ONE_ACCOUNT = 1 / 4;
const NEXT_SHARE_SECONDS = 1;

/** Each kind's mailer decides about its own. */
async function decide(
  tx: SqlTransaction,
  messages: readonly QueuedMessage[],
  mailers: ClaimOptions["mailers"],
  limit: number,
): Promise<Map<string, Verdict>> {
  const verdicts = new Map<string, Verdict>();
  for (const [kind, group] of Map.groupBy(messages, (message) => message.kind)) {
    const mailer = mailers.get(kind);
    const decided = mailer ? await mailer.prepare(tx, group) : group.map(({ id }) => [id, UNKNOWN_KIND] as const);
    for (const [id, verdict] of decided) verdicts.set(id, verdict);
  }
  if (messages.length < limit) return verdicts;
  const most = Math.max(1, Math.floor(limit * SHARE_OF_ONE_ACCOUNT));
  const shares = new Map<string, number>();
  for (const [id, verdict] of verdicts) {
    if (verdict.type !== "send") continue;
    const { userId, recipient } = verdict.message;
    const share = (shares.get(userId ?? recipient) ?? 0) + 1;
    shares.set(userId ?? recipient, share);
    if (share > most) verdicts.set(id, { type: "postpone", delaySeconds: NEXT_SHARE_SECONDS });
  }
  return verdicts;
}

/** A kind that this version does not know is left for a courier that does, for a minute at a time. */
const UNKNOWN_KIND: Verdict = { type: "postpone", delaySeconds: 60 };
