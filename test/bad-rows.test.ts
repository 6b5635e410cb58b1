/** No row that is locked, or that the database refuses to store, holds up the others. */
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { faultOf } from "../src/db/errors.ts";
import type { Sql } from "../src/db/client.ts";
import { createPresence } from "../src/mail/courier/presence.ts";
import { createRecentAttempts } from "../src/mail/courier/recent-attempts.ts";
import { createRecorder } from "../src/mail/courier/recorder.ts";
import { createLog, log } from "../src/log.ts";
import type { Outcome } from "../src/mail/outcome.ts";
import { endExpired } from "../src/mail/transitions/end.ts";
import { recordPhases, renew } from "../src/mail/transitions/lease.ts";
import { OK, settleAs, testCourier } from "./support/claims.ts";
import { startEngine, type Engine } from "./support/engine.ts";
import { until } from "./support/waiting.ts";

let engine: Engine;
beforeEach(async () => {
  engine = await startEngine();
});
afterEach(async () => {
  await engine[Symbol.asyncDispose]();
});

const PEOPLE = ["person0@example.com", "person1@example.com", "person2@example.com"] as const;
const DOWN: Outcome = { type: "transport_down", phase: "connect", code: null, reply: "connect ECONNREFUSED" };

const askAll = async () => {
  await engine.people(3);
  for (const email of PEOPLE) await engine.requestReset(email);
};
const states = async (): Promise<string[]> => {
  const rows = await engine.sql`select state, reason from message order by requested_email`;
  return rows.map(({ state, reason }) => (reason ? `${state}/${reason}` : state));
};
const attempts = async () => [...(await engine.sql`select number, outcome, phase, code from attempt order by number`)];
/** Refuses what `condition` says of the new row, as a constraint of an operator would. */
const refuse = async (when: string, condition: string, code = "23514") => {
  await engine.sql.unsafe(`
    create function refuse() returns trigger language plpgsql as $$ begin
      if ${condition} then raise exception 'refused' using errcode = '${code}'; end if; return new; end $$;
    create trigger refuse before ${when} for each row execute function refuse()`);
};

/** Counts the statements that run outside transactions, fragments included. */
const counted = (sql: Sql): { sql: Sql; statements: () => number } => {
  let count = 0;
  const apply: ProxyHandler<Sql>["apply"] = (target, self, args) => {
    count += 1;
    return Reflect.apply(target, self, args);
  };
  return { sql: new Proxy(sql, { apply }), statements: () => count };
};

describe("a row that another session has locked", () => {
  test("is settled later, and the others of its batch now", async () => {
    await askAll();
    const claimed = await testCourier(engine).claim();
    await engine.sql.begin(async (tx) => {
      await tx`select 1 from message where requested_email = ${PEOPLE[1]} for update`;
      const { recorded, locked } = await settleAs(engine.sql, claimed, OK);
      expect([recorded.size, locked.size]).toEqual([2, 1]);
      const again = await settleAs(engine.sql, claimed, DOWN);
      expect([again.recorded.size, again.locked.size]).toEqual([0, 1]);
    });
    expect(await states()).toEqual(["sent", "sending", "sent"]);
    await settleAs(engine.sql, claimed, OK);
    expect(await states()).toEqual(["sent", "sent", "sent"]);
  });

  test("is recorded as soon as it is free, while outcomes that come later are recorded at once", async () => {
    await askAll();
    const [first, ...others] = await testCourier(engine).claim();
    const recorder = createRecorder({ sql: engine.sql, log });
    let recorded: Promise<void> | undefined;
    await engine.sql.begin(async (tx) => {
      await tx`select 1 from message where id = ${first!.id} for update`;
      recorded = recorder.record(first!, OK);
      await Promise.all(others.map((message) => recorder.record(message, OK)));
      expect((await engine.sql`select 1 from message where state = 'sent'`).length).toBe(2);
    });
    await recorded;
    expect(await states()).toEqual(["sent", "sent", "sent"]);
  });

  test("is settled later when it is the row of its attempt", async () => {
    await askAll();
    const claimed = await testCourier(engine).claim();
    await engine.sql.begin(async (tx) => {
      await tx`select 1 from attempt where message_id = ${claimed[0]!.id} for update`;
      expect((await settleAs(engine.sql, claimed, OK)).locked).toEqual(new Set([claimed[0]!.id]));
    });
    await settleAs(engine.sql, claimed, OK);
    expect(await states()).toEqual(["sent", "sent", "sent"]);
  });

  test("keeps no other lease from being renewed, and counts as held", async () => {
    await askAll();
    const courier = testCourier(engine);
    const claimed = await courier.claim();
    const leaseIds = [...new Set(claimed.map(({ leaseId }) => leaseId))];
    await engine.sql.begin(async (tx) => {
      await tx`select 1 from message where id = ${claimed[0]!.id} for update`;
      const { renewed, locked } = await renew(engine.sql, courier.courierId, leaseIds);
      expect(renewed).toEqual(new Set([claimed[1]!.id, claimed[2]!.id]));
      expect(locked).toEqual(new Set([claimed[0]!.id]));
    });
    expect((await renew(engine.sql, crypto.randomUUID(), leaseIds)).locked.size).toBe(0);
  });

  test("keeps no courier from saying how it is, when it is the row of the courier", async () => {
    const courierId = crypto.randomUUID();
    const presence = createPresence({ sql: engine.sql, courierId, recent: createRecentAttempts(), log });
    const open = { breaker: "open", until: null, lastReply: "421 no" } as const;
    const closed = { ...open, breaker: "closed" } as const;
    const breaker = async () => (await engine.sql`select breaker, last_reply from courier`).map((row) => ({ ...row }));
    await presence.save(closed);
    await engine.sql.begin(async (tx) => {
      await tx`select 1 from courier for update`;
      await presence.save(open);
    });
    expect(await breaker()).toEqual([{ breaker: "closed", last_reply: "421 no" }]);
    await presence.save(open);
    expect(await breaker()).toEqual([{ breaker: "open", last_reply: "421 no" }]);
  });

  test("keeps nothing else from expiring, from being taken over or from being superseded", async () => {
    await askAll();
    await engine.requestReset(PEOPLE[2]);
    const courier = testCourier(engine);
    await engine.sql`update message set expires_at = now() where requested_email = any(${[PEOPLE[0], PEOPLE[1]]})`;
    await engine.sql.begin(async (tx) => {
      await tx`select 1 from message where requested_email = ${PEOPLE[0]} for update`;
      await tx`select 1 from message where ordinal = (select min(ordinal) from message where requested_email = ${PEOPLE[2]}) for update`;
      expect(await endExpired(engine.sql)).toBe(1);
      expect((await courier.claim()).map(({ recipient }): string => recipient)).toEqual([PEOPLE[2]]);
      await engine.sql`update message set lease_expires_at = now() - interval '1 second' where state = 'sending'`;
      expect(await courier.reclaim()).toHaveLength(1);
    });
  });

  test("keeps no other message of a silent courier from being taken over", async () => {
    await askAll();
    const claimed = await testCourier(engine).claim();
    await engine.sql`update message set lease_expires_at = now() - interval '1 second'`;
    await engine.sql.begin(async (tx) => {
      await tx`select 1 from message where id = ${claimed[0]!.id} for update`;
      expect(await testCourier(engine).reclaim()).toHaveLength(2);
    });
  });
});

describe("a row that cannot be recorded", () => {
  test("is recorded when its counters are at the limit of their type", async () => {
    await askAll();
    await engine.sql`update message set attempts = 2147483647, tries = 2147483647,
      render_errors = 2147483647 where requested_email = ${PEOPLE[0]}`;
    const courier = testCourier(engine);
    const claimed = await courier.claim();
    expect(claimed).toHaveLength(3);
    await settleAs(engine.sql, claimed, { type: "deferred", phase: "rcpt", code: 451, reply: "451 Later" });
    await engine.sql`update message set due_at = now()`;
    expect((await courier.sendAll()).toSorted()).toEqual([...PEOPLE]);
  });

  test("is claimed under the next number when its attempt row exists already", async () => {
    await askAll();
    await engine.sql`insert into attempt (message_id, number, lease_id, courier_id)
      select id, 1, gen_random_uuid(), gen_random_uuid() from message where requested_email = ${PEOPLE[0]}`;
    expect((await testCourier(engine).sendAll()).toSorted()).toEqual([...PEOPLE]);
    const numbers = await engine.sql`select max(number) as number from attempt group by message_id order by 1`;
    expect(numbers.map((row) => row["number"])).toEqual([1, 1, 2]);
  });

  test("is settled although its attempt row is gone", async () => {
    await askAll();
    const claimed = await testCourier(engine).claim();
    await engine.sql`delete from attempt where message_id = ${claimed[0]!.id}`;
    expect((await settleAs(engine.sql, claimed, OK)).recorded.size).toBe(3);
  });

  test("keeps a reply whose code is none, without the code", async () => {
    await askAll();
    const claimed = await testCourier(engine).claim();
    await settleAs(engine.sql, claimed, { type: "deferred", phase: "rcpt", code: 4510000, reply: "4510000 Later" });
    expect((await attempts())[0]).toEqual({ number: 1, outcome: "deferred", phase: "rcpt", code: null });
  });

  test.each(["23514", "P0001"])(
    "ends visibly when its outcome is refused (%s); the others are recorded",
    async (code) => {
      await askAll();
      const claimed = await testCourier(engine).claim();
      await refuse("update on attempt", `new.message_id = '${claimed[0]!.id}'`, code);
      const lines: string[] = [];
      const recorder = createRecorder({
        sql: engine.sql,
        log: createLog({ write: (line) => lines.push(line) }),
        patienceMs: 0,
      });
      const deferred: Outcome = { type: "deferred", phase: "rcpt", code: 451, reply: "451 Later" };
      await Promise.all(claimed.map((message, index) => recorder.record(message, index === 0 ? deferred : OK)));
      expect((await states()).toSorted()).toEqual(["failed/unrecordable", "sent", "sent"]);
      expect(lines.filter((line) => line.includes('"level":"error"'))).toHaveLength(1);
    },
  );

  test.each(["23514", "P0001"])("is sent when it was accepted and only its attempt is refused (%s)", async (code) => {
    await askAll();
    const claimed = await testCourier(engine).claim();
    await refuse("update on attempt", `new.message_id = '${claimed[0]!.id}'`, code);
    const recorder = createRecorder({ sql: engine.sql, log, patienceMs: 0 });
    await Promise.all(claimed.map((message) => recorder.record(message, OK)));
    expect(await states()).toEqual(["sent", "sent", "sent"]);
  });

  test("is recorded late when it was accepted and every change of it is refused for a while", async () => {
    await askAll();
    const [claimed] = await testCourier(engine).claim(1);
    await refuse("update on message", "true", "P0001");
    const lines: string[] = [];
    const events = createLog({ write: (line) => lines.push(line) });
    const { sql, statements } = counted(engine.sql);
    const recorded = createRecorder({ sql, log: events, patienceMs: 0 }).record(claimed!, OK);
    await until(async () => statements() > 8);
    await engine.sql`drop trigger refuse on message`;
    await recorded;
    expect((await states()).filter((state) => state === "sent")).toHaveLength(1);
    expect(lines.filter((line) => line.includes("outcome_lost"))).toEqual([]);
  });

  test.each(["23514", "P0001"])("ends visibly when its courier died and its outcome is refused (%s)", async (code) => {
    await askAll();
    const claimed = await testCourier(engine).claim();
    await refuse("update on attempt", `new.message_id = '${claimed[0]!.id}'`, code);
    await engine.sql`update message set lease_expires_at = now() - interval '1 second'`;
    expect(await testCourier(engine, engine.sql, new Map(), 0).reclaim()).toHaveLength(2);
    expect((await states()).toSorted()).toEqual(["failed/unrecordable", "queued", "queued"]);
  });

  test("ends visibly when neither it nor its failure can be recorded; the others are sent", async () => {
    await askAll();
    const [row] = await engine.sql`select id from message where requested_email = ${PEOPLE[1]}`;
    await refuse("insert on attempt", `new.message_id = '${row!["id"]}'`);
    expect((await testCourier(engine).sendAll()).toSorted()).toEqual([PEOPLE[0], PEOPLE[2]]);
    expect(await states()).toEqual(["sent", "failed/unrecordable", "sent"]);
  });

  test("is left to the others when its courier died and the database refuses every change of it", async () => {
    await askAll();
    const claimed = await testCourier(engine).claim();
    await engine.sql`update message set lease_expires_at = now() - interval '1 second'`;
    await refuse("update on message", `new.id = '${claimed[0]!.id}'`, "P0001");
    const courier = testCourier(engine, engine.sql, new Map(), 0);
    expect(await courier.reclaim()).toHaveLength(2);
    expect(await courier.reclaim()).toEqual([]);
    expect(courier.events().filter((event) => event === "message_set_aside")).toHaveLength(1);
  });

  test.each(["23514", "P0001"])(
    "is set aside and logged once when every change of it is refused (%s)",
    async (code) => {
      await askAll();
      await refuse("update on message", `new.requested_email = '${PEOPLE[1]}'`, code);
      const courier = testCourier(engine);
      expect((await courier.sendAll()).toSorted()).toEqual([PEOPLE[0], PEOPLE[2]]);
      await engine.requestReset(PEOPLE[0]);
      expect(await courier.sendAll()).toEqual([PEOPLE[0]]);
      expect(courier.events().filter((event) => event === "message_set_aside")).toHaveLength(1);
      expect(courier.events().filter((event) => event === "claim_batch_failed")).toHaveLength(1);
    },
  );
});

describe("what no row is to blame for", () => {
  const deferred: Outcome = { type: "deferred", phase: "rcpt", code: 451, reply: "451 Later" };
  const refuseAll = (code: string) => ({
    begin: () => refuse("update on attempt", "true", code),
    end: () => engine.sql`drop trigger refuse on attempt`,
  });
  const troubles = {
    "a column that has another name": {
      begin: () => engine.sql`alter table attempt rename column reply to words`,
      end: () => engine.sql`alter table attempt rename column words to reply`,
    },
    "a table that has another name": {
      begin: () => engine.sql`alter table attempt rename to tries`,
      end: () => engine.sql`alter table tries rename to attempt`,
    },
    "a grant that is revoked (42501)": refuseAll("42501"),
    "a corrupt index (XX002)": refuseAll("XX002"),
    "a trigger that fails for every row (P0001)": refuseAll("P0001"),
    "a lock time-out (55P03)": refuseAll("55P03"),
  };

  test.each(Object.entries(troubles))("ends no message whose outcome waits to be recorded: %s", async (_, trouble) => {
    await askAll();
    const courier = testCourier(engine);
    const claimed = await courier.claim();
    const { sql, statements } = counted(engine.sql);
    const recorder = createRecorder({ sql, log });
    await trouble.begin();
    const outcomes = [OK, deferred, { type: "released" } as const];
    const recorded = Promise.all(claimed.map((message, index) => recorder.record(message, outcomes[index]!)));
    // One round takes four at most, for the batch and for each row: several rounds have failed.
    await until(async () => statements() > 8);
    expect(await states()).toEqual(["sending", "sending", "sending"]);
    await trouble.end();
    await recorded;
    expect((await states()).toSorted()).toEqual(["queued", "queued", "sent"]);
    await engine.sql`update message set due_at = now()`;
    expect((await courier.sendAll()).toSorted()).toEqual(
      claimed
        .slice(1)
        .map(({ recipient }) => recipient)
        .toSorted(),
    );
    expect(await states()).toEqual(["sent", "sent", "sent"]);
  });

  test.each(Object.entries(troubles))("ends no message whose courier died: %s", async (_, trouble) => {
    await askAll();
    await testCourier(engine).claim();
    await engine.sql`update message set lease_expires_at = now() - interval '1 second'`;
    const courier = testCourier(engine);
    await trouble.begin();
    for (let n = 0; n < 2; n += 1) {
      await courier.reclaim().catch(() => []);
      expect(await states()).toEqual(["sending", "sending", "sending"]);
    }
    await trouble.end();
    expect(await courier.reclaim()).toHaveLength(3);
    expect(await states()).toEqual(["queued", "queued", "queued"]);
  });
});

/** Classes of SQLSTATE: PostgreSQL documentation, appendix A. Codes of the operating system: errno(3). */
test.each([
  ["22003", "row"],
  ["23514", "row"],
  ["0A000", "database"],
  ["26000", "database"],
  ["3F000", "database"],
  ["42501", "database"],
  ["42703", "database"],
  ["42P01", "database"],
  ["EBADF", "database"],
  ["EBUSY", "database"],
  ["EINTR", "database"],
  ["EPERM", "database"],
  ["XX001", "unclear"],
  ["P0001", "unclear"],
  ["55P03", "unclear"],
] as const)("the error code %s is the fault of: %s", (code, fault) => {
  expect(faultOf(Object.assign(new Error("no"), { code }))).toBe(fault);
});

describe("attempts that cost nothing", () => {
  test("leave one row of an outage, however many probes met it, and cost no try", async () => {
    await engine.people(1);
    await engine.requestReset(PEOPLE[0]);
    const couriers = [testCourier(engine), testCourier(engine)];
    for (let probe = 0; probe < 10; probe += 1) {
      await settleAs(engine.sql, await couriers[probe % 2]!.claim(), probe === 4 ? { type: "released" } : DOWN);
    }
    expect(await attempts()).toEqual([{ number: 1, outcome: "transport_down", phase: "connect", code: null }]);
    expect([...(await engine.sql`select attempts, tries from message`)]).toEqual([{ attempts: 1, tries: 0 }]);
    await couriers[0]!.sendAll();
    expect((await attempts()).map(({ outcome }) => outcome)).toEqual(["transport_down", "sent"]);
  });
});

describe("a message whose courier stopped", () => {
  const stop = async () => {
    await engine.sql`update message set lease_expires_at = now() - interval '1 second' where state = 'sending'`;
    return await testCourier(engine).reclaim();
  };

  test("while it was prepared, rendered or handed over is sent alone, and ends `crashed` the second time", async () => {
    await engine.people(1);
    await engine.requestReset(PEOPLE[0]);
    const courier = testCourier(engine);
    await courier.claim();
    expect(await stop()).toHaveLength(1);
    expect(await courier.claim()).toEqual([]);
    expect((await courier.claims.orphan()).batch).toHaveLength(1);
    expect(await stop()).toHaveLength(1);
    expect(await states()).toEqual(["failed/crashed"]);
  });

  test("while it waited for the reply is sent beside others, and is not to blame", async () => {
    await engine.people(1);
    await engine.requestReset(PEOPLE[0]);
    const courier = testCourier(engine);
    for (let n = 0; n < 2; n += 1) {
      const claimed = await courier.claim();
      expect(claimed).toHaveLength(1);
      await recordPhases(
        engine.sql,
        claimed.map(({ id, leaseId }) => ({ id, leaseId, phase: "reply" as const })),
      );
      expect(await stop()).toEqual([]);
    }
    const [row] = await engine.sql`select state, unknowns, crashes, orphaned from message`;
    expect(row).toEqual({ state: "queued", unknowns: 2, crashes: 0, orphaned: false });
    expect((await attempts()).map(({ phase }) => phase)).toEqual(["reply", "reply"]);
  });

  test("while it waited in another phase is sent alone, and is not to blame", async () => {
    await engine.people(1);
    await engine.requestReset(PEOPLE[0]);
    const [claimed] = await testCourier(engine).claim();
    await recordPhases(engine.sql, [{ id: claimed!.id, leaseId: claimed!.leaseId, phase: "rcpt" }]);
    expect(await stop()).toHaveLength(1);
    const [row] = await engine.sql`select crashes, orphaned from message`;
    expect(row).toEqual({ crashes: 0, orphaned: true });
  });
});
