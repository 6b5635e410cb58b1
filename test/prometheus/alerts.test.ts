/** The alert rules of `ops/prometheus` in Debian's Prometheus: each fires in a running dundie that gives it a cause. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { join } from "node:path";
import { pauseMail } from "../../src/accounts/mail-operations.ts";
import { seedDemoStaff } from "../../src/accounts/seed.ts";
import { openSql, type Sql } from "../../src/db/client.ts";
import { PASSWORD } from "../support/api.ts";
import { testDatabase, type TestDatabase } from "../support/database.ts";
import { startApplication, type Application } from "../support/application.ts";
import { CONTEXT } from "../support/engine.ts";
import { freePort } from "../support/ports.ts";
import { hasPrometheus, startPrometheus, type Prometheus } from "../support/prometheus.ts";
import { startTcpProxy, type TcpProxy } from "../support/tcp-proxy.ts";
import { until } from "../support/waiting.ts";

const missing = !hasPrometheus();
const OPS = join(import.meta.dir, "../../ops");
const RULES = await Bun.file(join(OPS, "prometheus/dundie.rules.yml")).text();
const ALERTS = [...RULES.matchAll(/- alert: (\w+)/g)].map(([, name = ""]) => name);

/** The same rules with less patience, so that each fires within seconds of its cause. Thresholds stay. */
const HASTY = RULES.replace(/for: \S+/g, "for: 1s")
  .replace(/\[(5m|1h)\]/g, "[15s]")
  .replace("interval: 10s", "interval: 1s");

const promtool = (...args: string[]): string => {
  const { exitCode, stdout, stderr } = Bun.spawnSync(["/usr/bin/promtool", ...args]);
  return exitCode === 0 ? "" : `${stdout}${stderr}`;
};

describe.skipIf(missing)("promtool", () => {
  test("accepts the rules, and each of its unit tests passes", () => {
    expect(promtool("check", "rules", join(OPS, "prometheus/dundie.rules.yml"))).toBe("");
    expect(promtool("test", "rules", join(OPS, "prometheus/dundie.rules.test.yml"))).toBe("");
  });

  test("accepts what is scraped", async () => {
    const database = await testDatabase();
    await using dundie = await startApplication({ DATABASE_URL: database.url, METRICS_TOKEN: "a-token-of-the-tests" });
    const scrape = await fetch(`${dundie.url}/metrics`, { headers: { authorization: "Bearer a-token-of-the-tests" } });
    const check = Bun.spawnSync(["/usr/bin/promtool", "check", "metrics"], {
      stdin: Buffer.from(await scrape.arrayBuffer()),
    });
    expect(check.stderr.toString() + check.stdout.toString()).toBe("");
  }, 60_000);
});

test("each alert has a unit test and an entry in the runbook", async () => {
  const units = await Bun.file(join(OPS, "prometheus/dundie.rules.test.yml")).text();
  const runbook = await Bun.file(join(OPS, "../docs/operations.md")).text();
  expect(ALERTS.length).toBeGreaterThan(10);
  const without = ALERTS.filter(
    (name) =>
      !new RegExp(`alertname: ${name}\\n *exp_alerts`).test(units) ||
      !runbook.includes(`\n### ${name}\n`) ||
      !RULES.includes(`runbook: docs/operations.md#${name.toLowerCase()}\n`),
  );
  expect(without).toEqual([]);
});

test("the dashboard asks for metrics that there are", async () => {
  const dashboard = await Bun.file(join(OPS, "grafana/dundie.json")).text();
  expect(() => JSON.parse(dashboard)).not.toThrow();
  const served = await Bun.file(join(OPS, "../docs/operations.md")).text();
  const asked = [...(dashboard + RULES).matchAll(/\b(dundie_\w+?)(?:_bucket|_sum|_count)?\b(?=[{[)\s])/g)];
  const names = [...new Set(asked.map(([, name = ""]) => name))];
  expect(names.length).toBeGreaterThan(10);
  expect(names.filter((name) => !served.includes(`\`${name}\``))).toEqual([]);
});

/** A dundie at a METRICS_PORT of its own, with a database of its own. */
interface Scraped extends AsyncDisposable {
  readonly dundie: Application;
  readonly sql: Sql;
  readonly port: number;
  readonly proxy: TcpProxy;
}

async function startScraped(environment: Record<string, string> = {}): Promise<Scraped> {
  const database: TestDatabase = await testDatabase();
  const proxy = await startTcpProxy(database.url);
  const port = freePort();
  const dundie = await startApplication({
    DATABASE_URL: proxy.through(database.url),
    METRICS_PORT: String(port),
    ...environment,
  });
  // The causes below hold locks for longer than a statement may take.
  const sql = openSql(database.url, { max: 3, name: "test alerts" });
  await seedDemoStaff(dundie.running.deps, PASSWORD);
  return {
    ...{ dundie, sql, port, proxy },
    async [Symbol.asyncDispose]() {
      await dundie[Symbol.asyncDispose]();
      proxy.close();
      await sql.end({ timeout: 1 });
      await database.drop();
    },
  };
}

const logIn = async ({ url }: Application, password: string): Promise<Response> =>
  await fetch(`${url}/token`, { method: "POST", body: new URLSearchParams({ username: "michael-scott", password }) });

describe.skipIf(missing)("in a running dundie", () => {
  let busy: Scraped;
  let alone: Scraped;
  let refused: Scraped;
  let deferred: Scraped;
  let hasty: Prometheus;
  let patient: Prometheus;

  beforeAll(async () => {
    busy = await startScraped();
    alone = await startScraped({ COURIER: "off" });
    refused = await startScraped();
    deferred = await startScraped();
    const gone = freePort();
    hasty = await startPrometheus({
      jobs: { dundie: busy.port, "dundie-alone": alone.port, "dundie-refused": refused.port, "dundie-gone": gone },
      rules: HASTY,
      scrapeSeconds: 1,
    });
    patient = await startPrometheus({ jobs: { dundie: deferred.port }, rules: RULES, scrapeSeconds: 10 });
  }, 120_000);

  afterAll(async () => {
    for (const part of [hasty, patient, busy, alone, refused, deferred]) await part?.[Symbol.asyncDispose]();
  }, 60_000);

  test("each alert fires by what it is about, and a 451 for everything is told everywhere within a minute", async () => {
    expect(await hasty.firing()).not.toContain("DundieMailDeferred dundie");
    const outage = tellOutage(deferred, patient);
    const seen = new Set<string>();
    const fires = async (alert: string): Promise<void> => {
      await until(
        async () => {
          for (const one of await hasty.firing()) seen.add(one);
          return seen.has(alert);
        },
        { timeoutMs: 30_000, seen: () => `${alert}; seen ${[...seen].join(", ")}` },
      );
    };
    await fires("DundieDown dundie-gone");

    refused.dundie.smtp.behave(({ phase }) => (phase === "greeting" ? { reply: "421 4.3.2 Not available" } : null));
    await refused.dundie.requestReset(await refused.dundie.addPerson("Holly Flax"));
    await alone.dundie.requestReset(await alone.dundie.addPerson("Holly Flax"));
    await alone.sql`update message set created_at = now() - interval '31 seconds'`;

    await hashMany(busy, () => fires("DundieHashQueue dundie"));
    await slowCommits(busy, () => fires("DundieAcceptSlow dundie"));
    await fillPool(busy, () => fires("DundiePoolFull dundie"));
    await refuseRecipients(busy, () => fires("DundieBounces dundie"));
    await deferAll(busy);
    await fires("DundieMailDeferred dundie");
    await pauseMail(busy.dundie.running.deps, { caller: null, context: CONTEXT });
    await fires("DundieMailPaused dundie");
    await loseDatabase(busy, async () => {
      await fires("DundieErrors dundie");
      await fires("DundieNotReady dundie");
    });

    await fires("DundieSmtpUnusable dundie-refused");
    await fires("DundieNoCourier dundie-alone");
    await fires("DundieMailLate dundie-alone");
    expect(ALERTS.filter((name) => ![...seen].some((one) => one.startsWith(`${name} `)))).toEqual([]);

    const told = await outage;
    expect(Object.entries(told).filter(([, seconds]) => seconds > 60)).toEqual([]);
  }, 150_000);
});

/** More logins than a core can hash: those that would wait for too long are refused, and others take their place. */
async function hashMany({ dundie }: Scraped, done: () => Promise<void>): Promise<void> {
  const stop = new AbortController();
  const asking = Array.from({ length: 100 }, async () => {
    while (!stop.signal.aborted) {
      await logIn(dundie, "wrong").catch(() => null);
      // A refusal comes at once.
      await Bun.sleep(50);
    }
  });
  await done().finally(() => stop.abort());
  await Promise.all(asking);
}

/** Keeps the table of messages locked for 700 ms at a time while resets are asked for. */
async function slowCommits({ dundie, sql }: Scraped, done: () => Promise<void>): Promise<void> {
  const stop = new AbortController();
  const asking = (async () => {
    while (!stop.signal.aborted) {
      await sql.begin(async (tx) => {
        await tx`lock table message in exclusive mode`;
        void dundie.requestReset("somebody@example.com");
        await Bun.sleep(700);
      });
      await Bun.sleep(20);
    }
  })();
  await done().finally(() => stop.abort());
  await asking;
}

/** Keeps the table of accounts locked while more logins wait for it than the pool has connections. */
async function fillPool({ dundie, sql }: Scraped, done: () => Promise<void>): Promise<void> {
  const released = Promise.withResolvers<void>();
  const locked = sql.begin(async (tx) => {
    await tx`lock table "user" in access exclusive mode`;
    // A statement is given up after 15 s.
    const logins = Array.from({ length: 12 }, () => logIn(dundie, PASSWORD));
    await released.promise;
    void Promise.allSettled(logins);
  });
  await done().finally(() => released.resolve());
  await locked;
}

/** Every second recipient is unknown to the SMTP server. */
async function refuseRecipients({ dundie }: Scraped, done: () => Promise<void>): Promise<void> {
  dundie.smtp.behave(({ phase, recipient }) =>
    phase === "rcpt" && recipient?.startsWith("gone") ? { reply: "550 5.1.1 User unknown" } : null,
  );
  // The first scrape after each kind of attempt is where its counter begins.
  let asked = 0;
  const stop = new AbortController();
  const asking = (async () => {
    while (!stop.signal.aborted) {
      for (const name of [`Gone ${asked}`, `Here ${asked}`]) {
        await dundie.requestReset(await dundie.addPerson(name));
      }
      asked += 1;
      await Bun.sleep(250);
    }
  })();
  await done().finally(() => stop.abort());
  await asking;
  dundie.smtp.behave(null);
}

async function deferAll({ dundie }: Scraped): Promise<void> {
  dundie.smtp.behave(({ phase }) => (phase === "rcpt" ? { reply: "451 4.3.1 Insufficient system storage" } : null));
  for (let at = 0; at < 60; at += 1) await dundie.requestReset(await dundie.addPerson(`Deferred ${at}`));
}

async function loseDatabase({ dundie, proxy }: Scraped, done: () => Promise<void>): Promise<void> {
  proxy.setMode("reset");
  proxy.apply("reset");
  const stop = new AbortController();
  const asking = (async () => {
    while (!stop.signal.aborted) {
      await Promise.all(Array.from({ length: 5 }, () => dundie.requestReset("somebody@example.com")));
      await Bun.sleep(100);
    }
  })();
  await done().finally(() => stop.abort());
  await asking;
  proxy.setMode("forward");
}

/** Everything gets a 451. @returns after how many seconds each of those who tell of it did. */
async function tellOutage({ dundie, port }: Scraped, prometheus: Prometheus): Promise<Record<string, number>> {
  dundie.smtp.behave(({ phase }) => (phase === "rcpt" ? { reply: "451 4.3.1 Insufficient system storage" } : null));
  const { access_token: token } = (await (await logIn(dundie, PASSWORD)).json()) as { access_token: string };
  const people = await Promise.all(Array.from({ length: 5 }, (_, at) => dundie.addPerson(`Person ${at}`)));
  const begun = performance.now();
  for (const email of people) await dundie.requestReset(email);
  const ways: Record<string, () => Promise<boolean>> = {
    // What the page at /outbox asks for, and shows as its banner.
    page: async () => {
      const stats = await fetch(`${dundie.url}/message/stats`, { headers: { authorization: `Bearer ${token}` } });
      const { degraded } = (await stats.json()) as { degraded: { text: string }[] };
      return degraded.some(({ text }) => text.includes("451 4.3.1 Insufficient system storage"));
    },
    readiness: async () => (await (await fetch(`${dundie.url}/health/ready`)).text()).includes("mail_deferred"),
    metrics: async () => {
      const text = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
      return text.includes('dundie_mail_degraded{reason="mail_deferred"} 1');
    },
    alert: async () => (await prometheus.firing()).includes("DundieMailDeferred dundie"),
  };
  const told = Object.entries(ways).map(async ([way, tells]): Promise<[string, number]> => {
    await until(tells, { timeoutMs: 120_000, everyMs: 200 });
    return [way, (performance.now() - begun) / 1_000];
  });
  const seconds = Object.fromEntries(await Promise.all(told));
  console.log(`a 451 for everything is told after (s): ${JSON.stringify(seconds)}`);
  return seconds;
}
