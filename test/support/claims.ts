/** A courier's claims, without its thread and without SMTP. */
import type { Config } from "../../src/config.ts";
import type { Sql } from "../../src/db/client.ts";
import { createLog } from "../../src/log.ts";
import { createClaims, type Claims } from "../../src/mail/courier/claim.ts";
import { createReclaimer } from "../../src/mail/courier/reclaimer.ts";
import type { LeasedMessage, Slots } from "../../src/mail/transitions/queued.ts";
import { settle, type Settled } from "../../src/mail/transitions/settle.ts";
import type { Outcome } from "../../src/mail/outcome.ts";
import type { Mailer } from "../../src/mail/mailer.ts";
import { createMailers } from "../../src/mailers/mailers.ts";

export interface TestCourier {
  readonly claims: Claims;
  readonly courierId: string;
  /** Takes over what silent couriers hold: see `createReclaimer`. */
  reclaim(): Promise<string[]>;
  /** Claims up to so many messages of the security and account lanes. */
  claim(slots?: number): Promise<readonly LeasedMessage[]>;
  /** Claims and settles as `sent` until nothing is due. @returns the messages, in the order of the claims. */
  drain(slots?: Slots): Promise<LeasedMessage[]>;
  /** As {@link drain}. @returns the recipients. */
  sendAll(): Promise<string[]>;
  /** Events that were logged. */
  events(): string[];
}

export const OK: Outcome = { type: "sent", phase: "reply", code: 250, reply: "250 2.0.0 Ok" };

/**
 * @param sql its own way to the database.
 * @param mailers in place of the real ones.
 * @param patienceMs see `ReclaimerOptions`.
 */
export function testCourier(
  engine: { readonly config: Config; readonly sql: Sql },
  sql: Sql = engine.sql,
  mailers: ReadonlyMap<string, Mailer> = createMailers(engine.config),
  patienceMs?: number,
): TestCourier {
  const lines: string[] = [];
  const log = createLog({ write: (line) => lines.push(line) });
  const courierId = crypto.randomUUID();
  const claims = createClaims({ sql, mailers, courierId, log });
  const drain = async (slots: Slots = { ordinary: 10, bulk: 2 }): Promise<LeasedMessage[]> => {
    const messages: LeasedMessage[] = [];
    for (;;) {
      const { batch, progress } = await claims.due(slots);
      if (progress === 0) return messages;
      messages.push(...batch);
      if (batch.length > 0) await settleAs(sql, batch, OK);
    }
  };
  return {
    claims,
    courierId,
    reclaim: createReclaimer({
      sql,
      log,
      releaseUnconfirmed: () => claims.releaseUnconfirmed(),
      ...(patienceMs === undefined ? {} : { patienceMs }),
    }),
    claim: async (slots = 10) => (await claims.due({ ordinary: slots, bulk: 0 })).batch,
    drain,
    sendAll: async () => (await drain()).map(({ recipient }) => recipient),
    events: () => lines.map((line) => (JSON.parse(line) as { event: string }).event),
  };
}

export const settleAs = (sql: Sql, batch: readonly LeasedMessage[], outcome: Outcome): Promise<Settled> =>
  settle(
    sql,
    batch.map((lease) => ({ lease, outcome })),
  );
