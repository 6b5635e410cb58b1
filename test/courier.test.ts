/** The courier against an SMTP server that misbehaves: real thread, real PostgreSQL, real sockets. */
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { requireAddress } from "../src/addresses.ts";
import {
  cancelMessage,
  pauseMail,
  resumeMail,
  retryMessage,
  suppressAddress,
  type Operator,
} from "../src/accounts/mail-operations.ts";
import { findMessage, listMessages } from "../src/mail/operations/messages.ts";
import { readStats } from "../src/mail/operations/stats.ts";
import { enqueue } from "../src/mail/outbox.ts";
import { settle } from "../src/mail/transitions/settle.ts";
import { testCourier } from "./support/claims.ts";
import { CONTEXT, startEngine, type Engine } from "./support/engine.ts";
import { until } from "./support/waiting.ts";

const OPERATOR: Operator = { caller: null, context: CONTEXT };
let engine: Engine;

beforeEach(async () => {
  engine = await startEngine();
});
afterEach(async () => {
  await engine[Symbol.asyncDispose]();
});

/** Tests move time by shifting rows: what waits for its backoff is due now. */
const makeDue = () => engine.sql`update message set due_at = now() where state = 'queued'`;
const stateOf = async (email: string) => {
  const { state, reason } = await engine.timelineOf(email);
  return reason ? `${state}/${reason}` : state;
};
const ended = (email: string) => async () => !["queued", "sending"].includes((await engine.timelineOf(email)).state);
const texts = async (email: string) => (await engine.timelineOf(email)).timeline.map(({ text }) => text);

describe("an email that goes through", () => {
  test("is sent once, to the stored address, with a link that its digest knows", async () => {
    const [person] = await engine.people(1);
    engine.startCourier();
    await engine.requestReset("person0@example.com");
    await engine.smtp.until(({ emails }) => emails.length === 1);
    await until(ended("person0@example.com"));
    expect(await stateOf("person0@example.com")).toBe("sent");
    const [email] = engine.smtp.emails;
    expect(email?.recipient).toBe("person0@example.com");
    expect(email?.source).toContain("Auto-Submitted: auto-generated");
    expect(email?.source).toContain("text/plain");
    expect(person?.username).toBe("person-0");
    const token = new URL(email?.link ?? "").searchParams.get("pwd_reset_token") ?? "";
    const digest = new Bun.CryptoHasher("sha256").update(token).digest("hex");
    const rows = await engine.sql`select encode(digest, 'hex') as digest from one_time_token`;
    expect(rows.map((row) => row["digest"])).toEqual([digest]);
  });

  test("waits in the outbox for a courier that starts later", async () => {
    await engine.people(1);
    await engine.requestReset("person0@example.com");
    expect(await stateOf("person0@example.com")).toBe("queued");
    engine.startCourier();
    await until(ended("person0@example.com"));
    expect(await stateOf("person0@example.com")).toBe("sent");
  });
});

describe("a request that must not become an email", () => {
  test("ends no_account for an unknown address, with no SMTP connection made", async () => {
    engine.startCourier();
    await engine.requestReset("nobody@example.com");
    await until(ended("nobody@example.com"));
    expect(await stateOf("nobody@example.com")).toBe("dropped/no_account");
    expect(engine.smtp.connections).toBe(0);
  });

  test("ends account_disabled, revoked or suppressed, and says which", async () => {
    await engine.people(3);
    for (const n of [0, 1, 2]) await engine.requestReset(`person${n}@example.com`);
    await engine.sql`update "user" set disabled_at = now() where email = 'person0@example.com'`;
    await engine.sql`update "user" set credentials_ordinal = nextval('ordinal') where email = 'person1@example.com'`;
    await suppressAddress(engine.deps, OPERATOR, requireAddress("person2@example.com"), null);
    engine.startCourier();
    await until(
      async () => (await listMessages(engine.deps.db, { state: "queued" }, { limit: 10 })).items.length === 0,
    );
    expect(await stateOf("person0@example.com")).toBe("dropped/account_disabled");
    expect(await stateOf("person1@example.com")).toBe("dropped/revoked");
    expect(await stateOf("person2@example.com")).toBe("dropped/suppressed");
    expect(engine.smtp.emails).toHaveLength(0);
  });

  test("ends expired when its lifetime passed during an outage, and is never sent", async () => {
    await engine.people(1);
    await engine.requestReset("person0@example.com");
    await engine.sql`update message set expires_at = now() - interval '1 second'`;
    engine.startCourier();
    await until(ended("person0@example.com"));
    expect(await stateOf("person0@example.com")).toBe("failed/expired");
    expect(engine.smtp.emails).toHaveLength(0);
  });

  test("R5 ends rate_limited after three emails, and superseded when a newer one takes its place", async () => {
    await engine.people(1);
    engine.startCourier();
    for (let sent = 1; sent <= 3; sent += 1) {
      await engine.requestReset("person0@example.com");
      await engine.smtp.until(({ emails }) => emails.length === sent);
      await until(ended("person0@example.com"));
    }
    await engine.requestReset("person0@example.com");
    await until(ended("person0@example.com"));
    expect(await stateOf("person0@example.com")).toBe("dropped/rate_limited");

    // Five minutes later one is back, and of two that wait the newer is sent.
    await engine.sql`update message set ended_at = ended_at - interval '5 minutes' where state = 'sent'`;
    await pauseMail(engine.deps, OPERATOR);
    // In one commit: a claim that looked before the pause finds both of them, or neither.
    await Promise.all([engine.requestReset("person0@example.com"), engine.requestReset("person0@example.com")]);
    await resumeMail(engine.deps, OPERATOR);
    engine.deps.outbox.announce();
    await engine.smtp.until(({ emails }) => emails.length === 4);
    await until(
      async () => (await listMessages(engine.deps.db, { state: "queued" }, { limit: 10 })).items.length === 0,
    );
    const { items } = await listMessages(engine.deps.db, { recipient: "person0@example.com" }, { limit: 2 });
    await until(ended("person0@example.com"));
    expect(items.map((item) => item.reason)).toEqual([null, "superseded"]);
    expect(engine.smtp.emails).toHaveLength(4);
  });
});

describe("an email that cannot be built", () => {
  test("fails after three attempts, and holds up no other", async () => {
    await engine.people(2);
    // The comma keeps the name from the shortcut for plain names.
    await engine.sql`update "user" set name = 'Unbuildable, Person' where email = 'person0@example.com'`;
    engine.startCourier(new URL("./support/unbuildable.worker.ts", import.meta.url));
    await engine.requestReset("person0@example.com");
    await until(async () => (await texts("person0@example.com")).some((text) => text.startsWith("attempt 1")));
    await engine.requestReset("person1@example.com");
    await until(ended("person1@example.com"));
    expect(await stateOf("person1@example.com")).toBe("sent");
    await until(async () => (await makeDue(), await ended("person0@example.com")()));
    expect(await stateOf("person0@example.com")).toBe("failed/render_error");
    expect(await texts("person0@example.com")).toContain(
      "attempt 1: render_error “TypeError: this header cannot be built”",
    );
    expect((await readStats(engine.deps.db)).couriers[0]?.breaker).toBe("closed");
  });
});

describe("an SMTP server in trouble", () => {
  test("greylisting defers, and the timeline says so", async () => {
    await engine.people(1);
    let refusals = 1;
    engine.smtp.behave(({ phase }) =>
      phase === "rcpt" && refusals-- > 0 ? { reply: "451 4.7.1 Greylisted, try again later" } : null,
    );
    engine.startCourier();
    await engine.requestReset("person0@example.com");
    await until(async () => (await texts("person0@example.com")).some((text) => text.includes("deferred")));
    await makeDue();
    await until(ended("person0@example.com"));
    const timeline = await texts("person0@example.com");
    expect(timeline).toEqual([
      "requested",
      "committed",
      "attempt 1: deferred at rcpt “451 4.7.1 Greylisted, try again later”",
      expect.stringMatching(/^attempt 2: sent at reply “250 2\.0\.0 Ok: queued as/),
      "accepted by the SMTP server",
    ]);
  });

  test("a refused recipient fails, and holds up no other", async () => {
    await engine.people(2);
    engine.smtp.behave(({ phase, recipient }) =>
      phase === "rcpt" && recipient === "person0@example.com" ? { reply: "550 5.1.1 No such user" } : null,
    );
    engine.startCourier();
    await engine.requestReset("person0@example.com");
    await engine.requestReset("person1@example.com");
    await until(ended("person1@example.com"));
    await until(ended("person0@example.com"));
    expect(await stateOf("person0@example.com")).toBe("failed/rejected");
    expect(await stateOf("person1@example.com")).toBe("sent");
  });

  test("a relay that denies everything is our fault: the breaker opens, and all go out when it changes its mind", async () => {
    const people = await engine.people(8);
    engine.smtp.behave(({ phase }) => (phase === "rcpt" ? { reply: "554 5.7.1 Relay access denied" } : null));
    engine.startCourier();
    for (const { email } of people) await engine.requestReset(email);
    await until(
      async () => (await readStats(engine.deps.db)).couriers[0]?.lastReply?.includes("Relay access denied") === true,
    );
    expect((await readStats(engine.deps.db)).couriers[0]?.breaker).not.toBe("closed");
    engine.smtp.behave(null);
    await makeDue();
    await until(
      async () => {
        await makeDue();
        return engine.smtp.accepted().length === 8;
      },
      { timeoutMs: 30_000 },
    );
    expect(new Set(engine.smtp.accepted().map(({ recipient }) => recipient)).size).toBe(8);
  }, 40_000);

  test("a relay that denies everything ends no message, however rarely one comes", async () => {
    const people = await engine.people(3);
    engine.smtp.behave(({ phase }) => (phase === "rcpt" ? { reply: "554 5.7.1 Relay access denied" } : null));
    engine.startCourier();
    for (const { email } of people) {
      await engine.requestReset(email);
      await until(async () => (await texts(email)).some((text) => text.includes("Relay access denied")));
      expect(await stateOf(email)).toBe("queued");
    }
    expect((await readStats(engine.deps.db)).couriers[0]).toMatchObject({
      breaker: expect.not.stringContaining("closed"),
      lastReply: "554 5.7.1 Relay access denied",
    });
    engine.smtp.behave(null);
    for (const { email } of people) {
      await until(async () => (await makeDue(), (await stateOf(email)) === "sent"));
    }
  }, 40_000);

  test("a recipient who alone is denied ends as rejected once others went through, and not before", async () => {
    await engine.people(3);
    engine.smtp.behave(({ phase, recipient }) =>
      phase === "rcpt" && recipient === "person0@example.com" ? { reply: "554 5.7.1 Access denied" } : null,
    );
    engine.startCourier();
    await engine.requestReset("person1@example.com");
    await until(ended("person1@example.com"));
    await engine.requestReset("person0@example.com");
    for (const attempts of [1, 2]) {
      await until(async () => {
        await makeDue();
        return (await texts("person0@example.com")).filter((text) => text.includes("554")).length >= attempts;
      });
      expect(await stateOf("person0@example.com")).toBe("queued");
    }
    await engine.requestReset("person2@example.com");
    await until(async () => (await makeDue(), (await stateOf("person2@example.com")) === "sent"));
    await until(async () => (await makeDue(), (await stateOf("person0@example.com")) === "failed/rejected"));
  }, 40_000);

  test("a relay that wants a login for external recipients holds up no other, and ends no message", async () => {
    await engine.people(3);
    const external = "person0@example.com";
    const refused = async () => (await texts(external)).filter((text) => text.includes("deferred at rcpt “530")).length;
    engine.smtp.behave(({ phase, recipient }) =>
      phase === "rcpt" && recipient === external ? { reply: "530 5.7.0 Authentication required" } : null,
    );
    engine.startCourier();
    await engine.requestReset(external);
    await until(async () => (await refused()) === 1);
    // It waits for its backoff while the others go out, and is refused again after each of them.
    for (const [at, email] of ["person1@example.com", "person2@example.com"].entries()) {
      await engine.requestReset(email);
      await until(ended(email));
      expect(await stateOf(email)).toBe("sent");
      await until(async () => (await makeDue(), (await refused()) >= at + 2));
      expect(await stateOf(external)).not.toContain("failed");
    }
    expect(await texts(external)).toContain(
      "attempt 1: deferred at rcpt “530 5.7.0 Authentication required (SMTP_URL has no user and password)”",
    );
    const [row] = await engine.sql`select tries >= 3 as counted from message where requested_email = ${external}`;
    expect(row).toEqual({ counted: true });
    engine.smtp.behave(null);
    await until(async () => (await makeDue(), (await stateOf(external)) === "sent"));
  }, 40_000);

  test("a refusal that says nothing is about the recipient where the relay has accepted email, also before a restart", async () => {
    await engine.people(3);
    const refuses = (address: string) =>
      engine.smtp.behave(({ phase, recipient }) =>
        phase === "rcpt" && recipient === address ? { reply: "550 No" } : null,
      );
    refuses("person0@example.com");
    const courier = engine.startCourier();
    await engine.requestReset("person0@example.com");
    await until(async () => (await texts("person0@example.com")).some((text) => text.includes("550 No")));
    expect(await stateOf("person0@example.com")).toBe("queued");
    await engine.requestReset("person1@example.com");
    await until(ended("person1@example.com"));
    await until(async () => (await engine.sql`select 1 from relay`).length === 1);
    await courier.drain(5_000);
    engine.startCourier();
    refuses("person2@example.com");
    await engine.requestReset("person2@example.com");
    await until(async () => (await stateOf("person2@example.com")) === "failed/rejected");
    await until(async () => (await makeDue(), (await stateOf("person0@example.com")) === "sent"));
  }, 40_000);

  test("while no server listens no email pays for it, and the backlog goes out in lane order", async () => {
    const [BULK, RESETS, CONNECTIONS] = [6, 20, 5];
    const people = await engine.people(BULK + RESETS);
    const bulk = new Set(people.slice(0, BULK).map(({ email }) => email));
    await engine.smtp.refuse();
    engine.startCourier();
    const accounts = await engine.sql<{ id: string }[]>`select id from "user" where email = any(${[...bulk]})`;
    await engine.deps.db.orm.transaction(async (tx) => {
      for (const { id } of accounts) await enqueue(tx, { kind: "invitation", userId: id, lane: "bulk" });
    });
    await until(async () => (await readStats(engine.deps.db)).couriers[0]?.breaker === "open");
    for (const { email } of people.slice(BULK)) await engine.requestReset(email);
    const rows = await engine.sql`select max(tries) as tries from message`;
    expect(rows[0]?.["tries"]).toBe(0);
    await engine.smtp.open();
    await engine.smtp.until(({ emails }) => emails.length === people.length, 20_000);
    // The probe may be of any lane; the other bulk emails wait until the last resets are being sent.
    const [, ...order] = engine.smtp.emails.map(({ recipient }) => bulk.has(recipient));
    expect(order.indexOf(true)).toBeGreaterThanOrEqual(RESETS - CONNECTIONS);
  }, 30_000);

  test("recipients for whom the server takes a minute hold up no other", async () => {
    const [SLOW, OTHERS] = [12, 6];
    const people = await engine.people(SLOW + OTHERS);
    const minute = Promise.withResolvers<void>();
    const slow = new Set(people.slice(0, SLOW).map(({ email }) => email));
    engine.smtp.behave(({ phase, recipient }) =>
      phase === "rcpt" && slow.has(recipient ?? "") ? { held: minute.promise } : null,
    );
    for (const { email } of people) await engine.requestReset(email);
    engine.startCourier();
    // Two pools of slow conversations, 3 s each, and the start; without their slots the others would wait for the minute.
    await engine.smtp.until((smtp) => smtp.accepted().length === OTHERS, 40_000);
    // Their leases are renewed, however long it takes: no other courier sends them.
    const firstEnd = async () =>
      (await engine.sql<{ at: Date }[]>`select min(lease_expires_at) at from message where state = 'sending'`)[0]?.at;
    const before = await firstEnd();
    await until(async () => ((await firstEnd())?.getTime() ?? 0) > (before?.getTime() ?? 0) + 5_000);
    minute.resolve();
    await engine.smtp.until((smtp) => smtp.accepted().length === people.length);
    await until(async () => (await stateOf(people[0]?.email ?? "")) === "sent");
    expect(await texts(people[0]?.email ?? "")).toContainEqual(expect.stringMatching(/^attempt 1: sent at reply/));
    expect(engine.smtp.emails).toHaveLength(people.length);
  }, 60_000);

  test("a server that has come back is noticed, however many conversations are silent", async () => {
    await engine[Symbol.asyncDispose]();
    engine = await startEngine({ SMTP_POOL: "2" });
    // As many as may be slow, and those that hold the slots.
    const SILENT = 10;
    const people = await engine.people(SILENT + 2);
    engine.smtp.behave(({ phase, connection }) =>
      phase === "greeting" && connection <= SILENT ? { silent: true } : null,
    );
    for (const { email } of people) await engine.requestReset(email);
    engine.startCourier();
    await engine.smtp.until((smtp) => smtp.accepted().length === 2, 40_000);
  }, 60_000);

  test("bulk mail goes out over two connections as well", async () => {
    await engine[Symbol.asyncDispose]();
    engine = await startEngine({ SMTP_POOL: "2" });
    await engine.people(3);
    const accounts = await engine.sql<{ id: string }[]>`select id from "user"`;
    await engine.deps.db.orm.transaction(async (tx) => {
      for (const { id } of accounts) await enqueue(tx, { kind: "invitation", userId: id, lane: "bulk" });
    });
    engine.startCourier();
    await engine.smtp.until(({ emails }) => emails.length === 3);
    expect(engine.smtp.accepted()).toHaveLength(3);
  });

  test("a reply that is lost after the dot makes an identical copy, and only that", async () => {
    await engine.people(1);
    let losses = 1;
    engine.smtp.behave(({ phase }) => (phase === "reply" && losses-- > 0 ? { hangUp: "before" } : null));
    engine.startCourier();
    await engine.requestReset("person0@example.com");
    await until(async () => (await texts("person0@example.com")).some((text) => text.includes("unknown")));
    // A later second: only what is pinned can still be the same.
    await engine.sql`update message set due_at = now() + interval '1.1 seconds' where state = 'queued'`;
    await until(ended("person0@example.com"));
    const [first, second] = engine.smtp.emails;
    expect(engine.smtp.emails).toHaveLength(2);
    expect(second?.source).toBe(first?.source ?? "");
    expect(await stateOf("person0@example.com")).toBe("sent");
  });

  test("three unknown outcomes end unconfirmed", async () => {
    await engine.people(1);
    engine.smtp.behave(({ phase }) => (phase === "reply" ? { hangUp: "before" } : null));
    engine.startCourier();
    await engine.requestReset("person0@example.com");
    await until(async () => {
      await makeDue();
      return await ended("person0@example.com")();
    });
    expect(await stateOf("person0@example.com")).toBe("failed/unconfirmed");
    expect(engine.smtp.emails).toHaveLength(3);
    expect(new Set(engine.smtp.emails.map(({ source }) => source)).size).toBe(1);
  });

  test("a frozen email with less than two minutes of link left ends expired: no dead link is sent", async () => {
    await engine.people(1);
    engine.smtp.behave(({ phase }) => (phase === "reply" ? { hangUp: "before" } : null));
    engine.startCourier();
    await engine.requestReset("person0@example.com");
    await until(async () => (await texts("person0@example.com")).some((text) => text.includes("unknown")));
    await engine.sql`update message set link_expires_at = now() + interval '119 seconds'`;
    await makeDue();
    await until(ended("person0@example.com"));
    expect(await stateOf("person0@example.com")).toBe("failed/expired");
  });

  test("Date and link move forward while every attempt was refused", async () => {
    await engine.people(1);
    let refusals = 1;
    engine.smtp.behave(({ phase }) => (phase === "reply" && refusals-- > 0 ? { reply: "451 4.3.0 Later" } : null));
    engine.startCourier();
    await engine.requestReset("person0@example.com");
    await until(async () => (await texts("person0@example.com")).some((text) => text.includes("deferred")));
    await engine.sql`update message set due_at = now(), dated_at = dated_at - interval '9 minutes',
      link_expires_at = link_expires_at - interval '9 minutes'`;
    await engine.sql`update one_time_token set expires_at = expires_at - interval '9 minutes'`;
    engine.deps.outbox.announce();
    await until(ended("person0@example.com"));
    const [row] = await engine.sql`select m.link_expires_at > now() + interval '9 minutes' as fresh,
      t.expires_at = m.link_expires_at as same from message m join one_time_token t on t.message_id = m.id`;
    expect(row).toEqual({ fresh: true, same: true });
  });

  test("stored replies hold no link and no token", async () => {
    await engine.people(1);
    engine.smtp.behave(({ phase }) =>
      phase === "data"
        ? { reply: `554 5.7.1 Your link http://localhost:8000/x?pwd_reset_token=${"A".repeat(43)} \u001b[31mis spam` }
        : null,
    );
    engine.startCourier();
    await engine.requestReset("person0@example.com");
    await until(async () => (await engine.timelineOf("person0@example.com")).lastReply !== null);
    const { lastReply } = await engine.timelineOf("person0@example.com");
    expect(lastReply).toBe("554 5.7.1 Your link [link] [31mis spam");
  });
});

describe("a courier that dies", () => {
  test("its email is taken over when the lease ends, alone and identical; its late word does not count", async () => {
    await engine.people(2);
    engine.smtp.behave(({ phase, recipient }) =>
      phase === "reply" && recipient === "person0@example.com" ? { silent: true } : null,
    );
    const first = engine.startCourier();
    await engine.requestReset("person0@example.com");
    await until(async () => (await engine.timelineOf("person0@example.com")).state === "sending");
    const [before] = await engine.sql<{ lease_id: string; id: string }[]>`select id, lease_id from message`;
    // As a kill -9 would: no drain, no word.
    await first.drain(0);
    engine.smtp.behave(null);
    await engine.sql`update message set lease_expires_at = now() - interval '1 second' where state = 'sending'`;
    engine.startCourier();
    await until(ended("person0@example.com"));
    expect(await texts("person0@example.com")).toContain("attempt 1: unknown “the courier went silent”");
    expect(await stateOf("person0@example.com")).toBe("sent");
    const stale = {
      id: before?.id ?? "",
      leaseId: before?.lease_id ?? "",
      kind: "password_reset",
      tries: 0,
      unknowns: 0,
      renderErrors: 0,
      crashes: 0,
    } as const;
    const late = await settle(engine.sql, [
      { lease: stale, outcome: { type: "rejected", phase: "rcpt", code: 550, reply: "late" } },
    ]);
    expect(late).toEqual({ recorded: new Set(), locked: new Set() });
    expect(await stateOf("person0@example.com")).toBe("sent");
  });

  test("two couriers send 100 emails once each", async () => {
    const people = await engine.people(100);
    engine.startCourier();
    engine.startCourier();
    await Promise.all(people.map(({ email }) => engine.requestReset(email)));
    await engine.smtp.until(({ emails }) => emails.length >= 100, 20_000);
    await until(async () => {
      const { queued, sending } = await readStats(engine.deps.db);
      return queued.security + sending === 0;
    });
    expect(new Set(engine.smtp.emails.map(({ messageId }) => messageId)).size).toBe(100);
    expect(engine.smtp.emails).toHaveLength(100);
  }, 30_000);
});

describe("lanes", () => {
  test("a reset does not wait behind an import over a slow server", async () => {
    await engine.people(30);
    const rows = await engine.sql<{ id: string; email: string }[]>`select id, email from "user" order by created_at`;
    await engine.deps.db.orm.transaction(async (tx) => {
      for (const row of rows.slice(1)) await enqueue(tx, { kind: "invitation", userId: row.id, lane: "bulk" });
    });
    engine.smtp.behave(({ phase }) => (phase === "reply" ? { delayMs: 1_000 } : null));
    engine.startCourier();
    await until(async () => (await readStats(engine.deps.db)).sending > 0);
    const asked = performance.now();
    await engine.requestReset("person0@example.com");
    await engine.smtp.until(({ emails }) => emails.some(({ recipient }) => recipient === "person0@example.com"));
    // One send's time and a second: never the length of the queue, which takes ten.
    expect(performance.now() - asked).toBeLessThan(3_000);
    const { sending } = await readStats(engine.deps.db);
    expect(sending).toBeLessThanOrEqual(engine.config.smtpPool);
  }, 30_000);
});

describe("a burst of requests", () => {
  test("is answered first: the emails follow at a pace, and as they can when it is over", async () => {
    const people = await engine.people(600);
    await Promise.all(people.map(({ email }) => engine.requestReset(email)));
    const courier = engine.startCourier();
    // As the outbox tells it when twenty callers share a commit.
    const pressed = setInterval(() => courier.nudge(20), 5);
    await engine.smtp.until(({ emails }) => emails.length > 0);
    const begun = performance.now();
    while (engine.smtp.emails.length < 300) {
      const claims = Math.ceil((performance.now() - begun) / 50);
      // The first claims of a courier are small; one may be under way, and one have been made before.
      expect(engine.smtp.emails.length).toBeLessThanOrEqual(25 * (claims + 2));
      await Bun.sleep(5);
    }
    clearInterval(pressed);
    await engine.smtp.until(({ emails }) => emails.length >= people.length, 20_000);
  }, 60_000);
});

describe("an operator", () => {
  test("cancels what is queued and nothing else, and retries it as a new message", async () => {
    await engine.people(1);
    await engine.requestReset("person0@example.com");
    const { id } = await engine.timelineOf("person0@example.com");
    await cancelMessage(engine.deps, OPERATOR, id);
    expect((await findMessage(engine.deps.db, id)).reason).toBe("cancelled");
    expect(cancelMessage(engine.deps, OPERATOR, id)).rejects.toThrow("only a queued one can be cancelled");
    const retry = await retryMessage(engine.deps, OPERATOR, id);
    engine.startCourier();
    await until(async () => (await findMessage(engine.deps.db, retry)).state === "sent");
    expect((await findMessage(engine.deps.db, retry)).retryOf).toBe(id);
    expect(retryMessage(engine.deps, OPERATOR, retry)).rejects.toThrow("only a failed or cancelled one");
  });

  test("pauses every courier; requests are accepted meanwhile", async () => {
    await engine.people(1);
    await pauseMail(engine.deps, OPERATOR);
    await engine.requestReset("person0@example.com");
    expect(await testCourier(engine).sendAll()).toEqual([]);
    expect(await stateOf("person0@example.com")).toBe("queued");
    engine.startCourier();
    await resumeMail(engine.deps, OPERATOR);
    await until(ended("person0@example.com"));
    expect(await stateOf("person0@example.com")).toBe("sent");
  });
});

describe("the breaker", () => {
  test("closes when the first probe after an outage meets a bad address: the server answered", async () => {
    await engine.people(2);
    await engine.smtp.refuse();
    engine.startCourier();
    await engine.requestReset("person0@example.com");
    await until(async () => (await readStats(engine.deps.db)).couriers[0]?.breaker === "open");
    engine.smtp.behave(({ phase, recipient }) =>
      phase === "rcpt" && recipient === "person0@example.com" ? { reply: "550 5.1.1 No such user" } : null,
    );
    await engine.smtp.open();
    await until(async () => (await readStats(engine.deps.db)).couriers[0]?.breaker === "closed");
    await engine.requestReset("person1@example.com");
    await until(ended("person1@example.com"));
    await until(ended("person0@example.com"));
    expect(await stateOf("person1@example.com")).toBe("sent");
    expect(await stateOf("person0@example.com")).toBe("failed/rejected");
  }, 30_000);
});
