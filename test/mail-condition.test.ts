/** What an operator sees when email does not go out as it should: health check, figures, log. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { createLog } from "../src/log.ts";
import { createRecentAttempts } from "../src/mail/courier/recent-attempts.ts";
import { degradationsOf } from "../src/mail/operations/condition.ts";
import { startMailMonitor } from "../src/mail/operations/monitor.ts";
import { startApi } from "./support/api.ts";
import { startApplication, type Application } from "./support/application.ts";
import { until } from "./support/waiting.ts";

type Facts = Parameters<typeof degradationsOf>[0];
const COURIER = {
  id: "0190a1b2-0000-7000-8000-000000000000",
  host: "h",
  pid: 1,
  startedAt: new Date(),
  seenAt: new Date(),
  breaker: "closed",
  until: null,
  lastReply: null,
  recentAttempts: 0,
  recentDeferred: 0,
  lastDeferral: null,
} as const;
const WELL: Facts = {
  oldestUnsentSecondsByLane: { security: null, account: null, bulk: null },
  recentAttempts: { seconds: 300, total: 10, deferred: 0, lastDeferral: null },
  paused: null,
  couriers: [COURIER],
};
const reasonsOf = (changes: Partial<Facts>) => degradationsOf({ ...WELL, ...changes }).map(({ reason }) => reason);

describe("the condition of the mail", () => {
  test("is well while everything is within its objective", () => {
    const young = { security: 29, account: 119, bulk: 3_599 };
    expect(reasonsOf({})).toEqual([]);
    expect(reasonsOf({ oldestUnsentSecondsByLane: young })).toEqual([]);
    expect(reasonsOf({ couriers: [] })).toEqual([]);
  });

  test("is degraded by what is late, lane by lane", () => {
    for (const lane of ["security", "account", "bulk"] as const) {
      const oldest = { security: null, account: null, bulk: null, [lane]: 3_700 };
      const [found, ...others] = degradationsOf({ ...WELL, oldestUnsentSecondsByLane: oldest });
      expect(others).toEqual([]);
      expect(found).toMatchObject({
        reason: "mail_late",
        text: expect.stringContaining(`lane ${lane} was accepted 3700 s`),
      });
    }
  });

  test("is degraded by a pause, an open breaker, and messages without a courier", () => {
    const oldestUnsentSecondsByLane = { security: 1, account: null, bulk: null };
    const at = new Date("2026-11-25T17:00:00Z");
    expect(degradationsOf({ ...WELL, paused: { at, by: "michael-scott" } })).toEqual([
      { reason: "mail_paused", text: "Mail has been paused since 2026-11-25T17:00:00.000Z, by michael-scott." },
    ]);
    expect(degradationsOf({ ...WELL, couriers: [{ ...COURIER, breaker: "open", lastReply: "421 no" }] })).toEqual([
      { reason: "smtp_unusable", text: "The SMTP server cannot be used: 421 no" },
    ]);
    expect(reasonsOf({ couriers: [], oldestUnsentSecondsByLane })).toEqual(["no_courier"]);
  });

  test("is degraded by deferrals when they are many and most", () => {
    const recent = (total: number, deferred: number) => ({ seconds: 300, total, deferred, lastDeferral: "451 full" });
    expect(reasonsOf({ recentAttempts: recent(4, 4) })).toEqual([]);
    expect(reasonsOf({ recentAttempts: recent(100, 49) })).toEqual([]);
    expect(degradationsOf({ ...WELL, recentAttempts: recent(6, 5) })).toEqual([
      { reason: "mail_deferred", text: "The SMTP server deferred 5 of 6 attempts in the last 5 minutes: 451 full" },
    ]);
  });
});

test("attempts are remembered for five minutes", () => {
  let now = 0;
  const recent = createRecentAttempts(() => now);
  const words = { phase: "rcpt", code: 451, reply: "451 later" } as const;
  recent.note({ type: "deferred", ...words });
  recent.note({ type: "released" });
  recent.note({ type: "render_error", ...words });
  now = 200_000;
  recent.note({ type: "sent", ...words, code: 250, reply: "250 Ok" });
  expect(recent.read()).toEqual({ total: 2, deferred: 1, lastDeferral: "451 later" });
  now = 301_000;
  expect(recent.read()).toEqual({ total: 1, deferred: 0, lastDeferral: null });
  now = 600_000;
  expect(recent.read()).toEqual({ total: 0, deferred: 0, lastDeferral: null });
});

describe("a server that answers 451 to everything", () => {
  let app: Application;
  const health = async () => (await app.call("GET", "/health")).body;

  beforeAll(async () => {
    app = await startApplication();
  });
  afterAll(() => app[Symbol.asyncDispose]());

  test("is seen within a minute by the health check, the figures and the log, and its end as well", async () => {
    const lines: string[] = [];
    const log = createLog({ write: (line) => lines.push(line) });
    log.level = "warn";
    using monitor = startMailMonitor(app.running.deps.db, log, 200);
    app.smtp.behave(({ phase }) => (phase === "rcpt" ? { reply: "451 4.3.1 Insufficient system storage" } : null));
    await until(async () => (await health())["status"] === "ok");
    for (let at = 0; at < 5; at += 1) {
      await app.requestReset(await app.addPerson(`Person ${at}`));
    }
    await until(async () => (await health())["status"] === "degraded");
    expect(await health()).toMatchObject({
      database: "up",
      breaker: "closed",
      reasons: expect.arrayContaining(["mail_deferred"]),
    });

    const { access_token: token } = await app.logIn("michael-scott");
    expect((await app.call("GET", "/message/stats", { token })).body).toMatchObject({
      recent_attempts: { seconds: 300, last_deferral: "451 4.3.1 Insufficient system storage" },
      oldest_unsent_seconds_by_lane: { security: expect.any(Number), account: null, bulk: null },
      degraded: expect.arrayContaining([
        { reason: "mail_deferred", text: expect.stringContaining("451 4.3.1 Insufficient system storage") },
      ]),
    });
    await until(async () => monitor.degraded.length > 0);
    expect(JSON.parse(lines.find((line) => line.includes("mail_degraded")) ?? "{}")).toMatchObject({ level: "warn" });
    // The words are for those who may read them.
    expect(JSON.stringify(await health())).not.toContain("451");

    app.smtp.behave(null);
    await until(async () => {
      await app.sql`update message set due_at = now() where state = 'queued'`;
      return app.smtp.accepted().length === 5;
    });
    // The deferrals are in the past five minutes still: as if those had gone by.
    await until(async () => {
      await app.sql`update courier set recent_deferred = 0`;
      return monitor.degraded.length === 0;
    });
    expect(lines.some((line) => line.includes("mail_recovered"))).toBe(true);
  }, 120_000);
});

test("figures that are slow to read are as of the last look, and no request waits for them", async () => {
  await using api = await startApi();
  const log = createLog({ write: () => {} });
  const ask = () => api.call("POST", "/user/pwd_reset_token/", { json: { email: "mscott@dm.com" } });
  // Nothing is quick enough, and the next look is an hour away.
  using slow = startMailMonitor(api.deps.db, log, 3_600_000, -1);
  await until(async () => slow.condition !== null);
  const before = await slow.stats();
  await ask();
  api.statements.length = 0;
  expect(await slow.stats()).toBe(before);
  expect(api.statements).toEqual([]);
  using looking = startMailMonitor(api.deps.db, log, 10, -1);
  await until(async () => (await looking.stats()).queued.security === 1);
  await ask();
  await until(async () => (await looking.stats()).queued.security === 2);
  // Everything is quick enough: each is fresh.
  using quick = startMailMonitor(api.deps.db, log, 3_600_000, 60_000);
  await ask();
  expect((await quick.stats()).queued.security).toBe(3);
});
