/**
 * A rolling upgrade under load: two APIs behind nginx and two workers, each restarted by SIGTERM and then killed by
 * SIGKILL, one after the other, while requests come. Every request is answered 200, and every email arrives.
 *
 * Old and new are the same executable, and the schema is that of a later version from the first restart on. With
 * `UPGRADE_FROM`, the directory of another checkout with its packages, the processes that are replaced are that
 * checkout's, and the new version migrates before the first one is.
 */
import { expect, test } from "bun:test";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openSql, type Sql } from "../../src/db/client.ts";
import { emptyDatabase } from "../support/database.ts";
import { freePort } from "../support/ports.ts";
import { runCli, startDundie, type Dundie } from "../support/process.ts";
import { findProxy, publicUrlUnder, startProxy } from "../support/proxies.ts";
import { SETTINGS } from "../support/settings.ts";
import { startScriptedSmtp } from "../support/smtp.ts";
import { until } from "../support/waiting.ts";
import { buildExecutable } from "./confined.ts";

const ACCOUNTS = 20_000;
const CLIENTS = 8;
/** Between two requests of a client: about 80 requests a second in all. */
const PACE_MS = 100;
/** Requests that are answered before the next process is stopped, so that each stop meets load. */
const REQUESTS_BETWEEN = 40;
/** A queued email of a killed worker is sent by another one when its lease has ended, after at most 35 s. */
const DRAIN_TIMEOUT_MS = 90_000;

const nginx = findProxy("nginx");
const oldCheckout = process.env["UPGRADE_FROM"];

interface Answer {
  readonly email: string;
  readonly status: number | string;
}

test.skipIf(nginx === null)(
  "two APIs and two workers are restarted and killed in turn under load: every request is answered, nothing is lost",
  async () => {
    await using stack = new AsyncDisposableStack();
    const directory = await mkdtemp(join(tmpdir(), "dundie-rolling-"));
    stack.defer(() => rm(directory, { recursive: true }));
    const executable = join(directory, "dundie");
    const [database, smtp] = await Promise.all([emptyDatabase(), startScriptedSmtp(), buildExecutable(executable)]);
    stack.use(database);
    stack.use(smtp);
    // Long enough that a stop meets emails on the wire.
    smtp.behave(({ phase }) => (phase === "reply" ? { delayMs: 100 } : null));

    const publicUrl = publicUrlUnder("/auth");
    const environment = {
      ...SETTINGS,
      ...{ DATABASE_URL: database.url, SMTP_URL: smtp.url, PUBLIC_URL: publicUrl },
      ...{ TRUST_PROXY: "127.0.0.1", SHUTDOWN_DELAY_SECONDS: "1", MIGRATE: "off" },
    };
    const old = oldCheckout === undefined ? { program: [executable] } : { root: oldCheckout };
    await runCli(["migrate"], { ...old, env: environment });
    const sql = openSql(database.url, { max: 2, name: "test" });
    stack.defer(() => sql.end({ timeout: 1 }));
    await makeAccounts(sql);

    const ports = [freePort(), freePort()] as const;
    const start = (name: string, version: "old" | "new"): Promise<Dundie> =>
      startDundie({
        command: name.startsWith("api") ? "serve" : "worker",
        ...(version === "old" && oldCheckout !== undefined ? { product: oldCheckout } : { executable }),
        environment: { ...environment, COURIER: "off", PORT: String(ports[name === "api-1" ? 0 : 1]) },
        logFile: join(directory, `${name}.log`),
      });
    const running = new Map<string, Dundie>();
    stack.defer(async () => {
      for (const { signal, exited } of running.values()) {
        signal("SIGKILL");
        await exited;
      }
    });
    for (const name of ["api-1", "api-2", "worker-1", "worker-2"]) running.set(name, await start(name, "old"));
    const proxy = stack.use(await startProxy("nginx", nginx ?? "", { publicUrl, ports }));

    const load = startLoad(proxy.url);
    stack.defer(async () => void (await load.stop()));
    await load.further();
    if (oldCheckout === undefined) await pretendLaterVersion(sql);
    else await runCli(["migrate"], { program: [executable], env: environment });

    for (const [name, process] of running) {
      process.signal("SIGTERM");
      expect([name, await process.exited]).toEqual([name, 0]);
      await load.further();
      running.set(name, await start(name, "new"));
      await load.further();
    }
    await until(async () => (await waiting(sql)) < 50, { timeoutMs: DRAIN_TIMEOUT_MS });
    const copiesByStops = copies(smtp.accepted());

    for (const name of ["worker-1", "worker-2", "api-1", "api-2"]) {
      running.get(name)?.signal("SIGKILL");
      await running.get(name)?.exited;
      await load.further();
      running.set(name, await start(name, "new"));
      await load.further();
    }
    const answers = await load.stop();
    await until(async () => (await waiting(sql)) === 0, { timeoutMs: DRAIN_TIMEOUT_MS, everyMs: 200 });

    expect(answers.length).toBeGreaterThan(16 * REQUESTS_BETWEEN);
    expect(answers.filter(({ status }) => status !== 200)).toEqual([]);
    const received = new Set(smtp.accepted().map(({ recipient }) => recipient));
    expect(answers.filter(({ email }) => !received.has(email))).toEqual([]);
    expect(copiesByStops).toEqual([]);
    // A copy is sent when a worker was killed between the server's reply and its record: such an attempt has no outcome.
    const interrupted = await sql<{ id: string }[]>`
      select distinct message_id as id from attempt where outcome is distinct from 'sent'`;
    const explained = new Set(interrupted.map(({ id }) => id));
    expect(copies(smtp.accepted()).filter((id) => !explained.has(id))).toEqual([]);
    // nginx asks the other API when one is killed before it answers, although it may have committed.
    const twice = await sql`select requested_email from message group by requested_email having count(*) > 1`;
    expect(twice.length).toBeLessThanOrEqual(2 * CLIENTS);
    const states = await sql<{ state: string; reason: string | null; count: number }[]>`
      select state, reason, count(*)::int as count from message group by state, reason order by count desc`;
    expect(states.filter(({ state, reason }) => state !== "sent" && reason !== "superseded")).toEqual([]);
    console.log(
      `${answers.length} requests, ${copies(smtp.accepted()).length} copies by kills, ${twice.length} asked for twice`,
    );
  },
  // About a minute on an idle machine; the twelve starts take most of it, and several times as long on a busy one.
  600_000,
);

/** Each client asks for the reset of one account after the other, through the proxy. */
function startLoad(url: string) {
  const answers: Answer[] = [];
  let next = 0;
  const stopping = new AbortController();
  const ask = async (email: string): Promise<number | string> => {
    try {
      const answer = await fetch(`${url}/user/pwd_reset_token/`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ email }),
        tls: { rejectUnauthorized: false },
      });
      await answer.arrayBuffer();
      return answer.status;
    } catch (error) {
      return String(error);
    }
  };
  const client = async (): Promise<void> => {
    while (!stopping.signal.aborted && next < ACCOUNTS) {
      const email = addressOf(next);
      next += 1;
      answers.push({ email, status: await ask(email) });
      await Bun.sleep(PACE_MS);
    }
  };
  const clients = Promise.all(Array.from({ length: CLIENTS }, client));
  return {
    /** Resolves when this many more requests have been answered. */
    async further(requests = REQUESTS_BETWEEN): Promise<void> {
      const wanted = answers.length + requests;
      await until(() => answers.length >= wanted, { timeoutMs: 60_000 });
    },
    async stop(): Promise<readonly Answer[]> {
      stopping.abort();
      await clients;
      return answers;
    },
  };
}

const addressOf = (number: number): string => `person${number}@example.com`;

async function makeAccounts(sql: Sql): Promise<void> {
  await sql`
    insert into "user" (id, email, username, name, dept, created_at)
    select gen_random_uuid(), name || '@example.com', name, initcap(name), 'sales', now()
    from (select 'person' || n::text as name from generate_series(0, ${ACCOUNTS - 1}::int) n) as names`;
}

/** What the migration of a later version does: it adds, under a lock, while requests come. */
async function pretendLaterVersion(sql: Sql): Promise<void> {
  await sql`alter table message add column of_the_next_version text`;
  await sql`insert into schema_migration (hash, made_at) values ('of the next version', '2222-01-01')`;
}

async function waiting(sql: Sql): Promise<number> {
  const [row] = await sql<{ count: number }[]>`
    select count(*)::int as count from message where state in ('queued', 'sending')`;
  return row?.count ?? 0;
}

/** @returns the messages that were accepted more than once; a message's id is the first part of its Message-ID. */
function copies(emails: readonly { readonly messageId: string }[]): string[] {
  const counts = Map.groupBy(emails, ({ messageId }) => messageId.slice(1, messageId.indexOf("@")));
  return [...counts].filter(([, same]) => same.length > 1).map(([id]) => id);
}
