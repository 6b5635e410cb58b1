/**
 * A claim is one transaction: pick what is due, let its mailers decide, lease what is to be sent, commit. Only then is
 * anything sent, so that a digest is durable before its link leaves.
 */
import type { Sql, SqlTransaction } from "../../db/client.ts";
import { isConnectionError } from "../../db/errors.ts";
import type { Log } from "../../log.ts";
import type { PreparedMessage, Mailer, Verdict } from "../mailer.ts";
import * as transitions from "../transitions.ts";

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

type Pick = (tx: SqlTransaction) => Promise<transitions.QueuedMessage[]>;

/** One bad row must not hold its batch: when a batch fails, its rows are claimed one by one, and only that one ends. */
export async function claim(options: ClaimOptions, pick: Pick): Promise<Claim> {
  let picked: readonly transitions.QueuedMessage[] = [];
  try {
    return await claimTogether(options, async (tx) => (picked = await pick(tx)));
  } catch (error) {
    if (isConnectionError(error) || picked.length === 0) throw error;
    options.log.warn({ event: "claim_batch_failed", err: error, size: picked.length }, "claiming row by row");
    const claims: Claim[] = [];
    for (const message of picked) claims.push(await claimAlone(options, message));
    return {
      batch: claims.flatMap(({ batch }) => batch),
      progress: claims.reduce((sum, { progress }) => sum + progress, 0),
    };
  }
}

async function claimTogether(options: ClaimOptions, pick: Pick): Promise<Claim> {
  const { sql, mailers, courierId } = options;
  return await sql.begin(async (tx) => {
    const messages = await pick(tx);
    const verdicts = await decide(tx, messages, mailers);
    const leaseId = crypto.randomUUID();
    const batch = messages.flatMap((message): Claimed[] => {
      const verdict = verdicts.get(message.id);
      const mailer = mailers.get(message.kind);
      if (verdict?.type !== "send" || !mailer) return [];
      const { pinned } = verdict;
      return [{ prepared: { message, pinned }, mailer, leased: { ...message, leaseId, tries: pinned.tries } }];
    });
    // Not of the picked alone: a newer email ends older ones that were not due.
    const decided = [...verdicts].map(([id, verdict]) => ({ id, ...verdict }));
    const endings = decided.filter((verdict) => verdict.type === "end");
    const postponed = decided.filter((verdict) => verdict.type === "postpone");
    const pinned = batch.map(({ prepared }) => prepared.pinned);
    await Promise.all([
      transitions.end(tx, endings),
      transitions.postpone(tx, postponed),
      transitions.lease(tx, leaseId, courierId, pinned),
    ]);
    // Skipped ones stay due: they are no reason to look again before the poll.
    return { batch, progress: decided.filter(({ type }) => type !== "skip").length };
  });
}

/** How long a kind that this version does not know is left for a courier that does. */
const UNKNOWN_KIND_SECONDS = 60;

/** Each kind's mailer decides about its own. */
async function decide(
  tx: SqlTransaction,
  messages: readonly transitions.QueuedMessage[],
  mailers: ClaimOptions["mailers"],
): Promise<Map<string, Verdict>> {
  const verdicts = new Map<string, Verdict>();
  for (const [kind, group] of Map.groupBy(messages, (message) => message.kind)) {
    const mailer = mailers.get(kind);
    const decided = mailer
      ? await mailer.prepare(tx, group)
      : group.map((message) => [message.id, later(message)] as const);
    for (const [id, verdict] of decided) verdicts.set(id, verdict);
  }
  return verdicts;
}

const later = ({ tries, userId }: transitions.QueuedMessage): Verdict => ({
  type: "postpone",
  dueAt: new Date(Date.now() + UNKNOWN_KIND_SECONDS * 1_000),
  tries,
  userId,
});

async function claimAlone(options: ClaimOptions, message: transitions.QueuedMessage): Promise<Claim> {
  try {
    return await claimTogether(options, (tx) => transitions.pickOne(tx, message.id));
  } catch (error) {
    if (isConnectionError(error)) throw error;
    await recordFailure(options, message, error);
    return { batch: [], progress: 1 };
  }
}

/** It gets an attempt that says what is wrong with it, and its backoff. */
async function recordFailure(options: ClaimOptions, message: transitions.QueuedMessage, error: unknown): Promise<void> {
  const { sql, courierId, log } = options;
  log.error({ event: "prepare_failed", messageId: message.id, err: error }, "could not prepare a message");
  const leaseId = crypto.randomUUID();
  await sql.begin(async (tx) => {
    const [locked] = await transitions.pickOne(tx, message.id);
    if (!locked) return;
    await transitions.leaseUnprepared(tx, leaseId, courierId, message.id);
    const reply = { phase: null, code: null, reply: "the message could not be prepared: see the log" };
    await transitions.settle(tx, [{ lease: { ...locked, leaseId }, outcome: { type: "render_error", ...reply } }]);
  });
}
