/**
 * From picked registrations to verdicts. The request looked nothing up; here it turns out whether the address has an
 * account. If it has, the message becomes a `registration_duplicate`, which tells the owner.
 */
import type { SqlTransaction } from "../db/client.ts";
import type { Reason } from "../db/states.ts";
import { KINDS, type Kind } from "../mail/kinds.ts";
import type { Verdict } from "../mail/mailer.ts";
import { changeKind } from "../mail/transitions/change-kind.ts";
import { endSiblings } from "../mail/transitions/end.ts";
import type { QueuedMessage } from "../mail/transitions/queued.ts";
import type { MailerContext } from "./context.ts";
import { limitByMailbox, type Addressed } from "./mailbox-limit.ts";
import { endingOfCopy, keyFor, pin, storeDigests } from "./pin.ts";
import { findSuppressed, LOCKED_SECONDS, prepareMessages } from "./prepare.ts";
import { lockAccounts } from "./recipients.ts";

const KIND: Kind = KINDS.registration;

/** @param version of the registration's email; `duplicateVersion` of the email that takes its place. */
export async function prepareRegistrations(
  tx: SqlTransaction,
  version: number,
  duplicateVersion: number,
  messages: readonly QueuedMessage[],
  context: MailerContext,
): Promise<Map<string, Verdict>> {
  const [accounts, suppressed, [clock]] = await Promise.all([
    lockAccounts(tx, messages),
    findSuppressed(tx, messages),
    tx<{ now: Date }[]>`select now()`,
  ]);
  const now = clock?.now ?? new Date();
  const taken = new Set(accounts.map(({ email }) => email));
  const verdicts = new Map<string, Verdict>();
  const candidates: Addressed[] = [];
  const duplicates: QueuedMessage[] = [];

  for (const message of messages) {
    const address = message.requestedEmail;
    const end = (reason: Reason) => verdicts.set(message.id, { type: "end", reason, userId: null });
    if (message.expired) end("expired");
    else if (address === null) end("no_account");
    else if (taken.has(address)) {
      // After an unknown outcome its link may have made this account: the person knows.
      if (message.unknowns > 0) end("revoked");
      else duplicates.push(message);
    } else {
      const ending = suppressed.has(address) ? "suppressed" : endingOfCopy(message, version, now);
      if (ending) end(ending);
      else candidates.push({ message, address });
    }
  }

  const limits = context.config.rateLimit ? await limitByMailbox(tx, candidates) : null;
  const limited = new Set<string>();
  for (const { message, address } of candidates) {
    const limit = limits?.get(message.id) ?? "allowed";
    const key = keyFor(message, context);
    if (limit === "locked") verdicts.set(message.id, { type: "postpone", delaySeconds: LOCKED_SECONDS });
    else if (limit === "limited") {
      limited.add(address);
      verdicts.set(message.id, { type: "end", reason: "rate_limited", userId: null });
    } else if (!key) verdicts.set(message.id, { type: "end", reason: "key_retired", userId: null });
    else {
      const to = { userId: null, address, name: "", locale: null };
      verdicts.set(message.id, { type: "send", message: pin(message, to, KIND, version, key, now, context) });
    }
  }
  // The others of a flood end with it, and hold up nothing.
  const flooded = [...limited].map((email) => ({ userId: null, email, unpreparedOnly: true }));
  await endSiblings(tx, "registration", flooded, "rate_limited");
  await storeDigests(tx, KIND, verdicts, context);

  const changed = await changeKind(tx, duplicates, "registration_duplicate");
  const told = await prepareMessages(tx, "registration_duplicate", duplicateVersion, changed, context);
  return new Map([...verdicts, ...told]);
}
