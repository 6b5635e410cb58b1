/** Where one scenario plays: a database, an SMTP server, processes and a client of its own. */
import { mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { openSql, type Sql } from "../../src/db/client.ts";
import { isConnectionError } from "../../src/db/errors.ts";
import type { Asked, Disturbance, Facts, Outcome } from "./check.ts";
import { ask, askAnd } from "./client.ts";
import type { Cluster } from "./cluster.ts";
import { startHostileSmtp, type HostileSmtp } from "./hostile.ts";
import { runDundie, startDundie, type Dundie } from "./processes.ts";
import type { Random } from "./random.ts";
import type { ThreadFault } from "./threads.ts";

export interface Stage {
  readonly smtp: HostileSmtp;
  readonly sql: Sql;
  readonly cluster: Cluster;
  readonly random: Random;
  /** Accounts with an address each, which nobody has asked for yet. */
  people(count: number): Promise<string[]>;
  /** Starts an API, with a courier unless `COURIER=off`; the client asks the newest one. */
  serve(environment?: Record<string, string>): Promise<Dundie>;
  /** The same, with a courier thread that `breakThread` can break. */
  serveBreakable(): Promise<Dundie>;
  worker(environment?: Record<string, string>): Promise<Dundie>;
  /** Runs `dundie …` to its end. @throws when it fails. @returns what it printed. */
  command(args: readonly string[]): Promise<string>;
  /** A file of this stage's own. @returns its path. */
  file(name: string, text: string): string;
  ask(email: string): Promise<Asked>;
  /** @param atATime questions that are under way at once. @default 32 */
  askAll(emails: readonly string[], atATime?: number): Promise<Asked[]>;
  /** Asks for one after the other at this rate, whatever is answered, until the signal. */
  pour(emails: readonly string[], perSecond: number, signal: AbortSignal): Promise<void>;
  /** Asks, and kills the API as soon as its answer arrives. */
  askAndKill(api: Dundie, email: string): Promise<void>;
  kill(dundie: Dundie): Promise<void>;
  breakThread(fault: ThreadFault): void;
  /** Copies of what was on the wire meanwhile are explained by it. */
  disturb<T>(what: string, during: () => Promise<T>): Promise<T>;
  /** From here on nothing is broken any more; the last call counts. */
  faultsEnd(): void;
  /** Letters to these end so, visibly, instead of being mailed. */
  provoke(emails: readonly string[], reason: string): void;
  expect(holds: boolean, sentence: string): void;
  until(condition: () => boolean | Promise<boolean>, what: string, timeoutMs?: number): Promise<void>;
}

export interface ClosedStage {
  readonly facts: Facts;
  /** Sentences that did not hold. */
  readonly broken: readonly string[];
}

export interface StageOptions {
  readonly cluster: Cluster;
  readonly random: Random;
  /** How long what is pending may take to end, once the faults are over, in seconds. */
  readonly patienceSeconds: number;
}

const RESET_TOKEN_MINUTES = 10;
const GRACE_SECONDS = 10;
const SERVER = fileURLToPath(new URL("./server.ts", import.meta.url));
/** Temporary directories of stages that are open: see the end. */
const open = new Set<string>();

/** Plays a scenario to its end, waits until the outbox is empty, and hands over what there is to judge. */
export async function withStage(
  { cluster, random, patienceSeconds }: StageOptions,
  play: (stage: Stage) => Promise<void>,
): Promise<ClosedStage> {
  const directory = mkdtempSync(join(tmpdir(), "dundie-certify-"));
  open.add(directory);
  const url = await cluster.createDatabase();
  const sql = openSql(url, { max: 2, name: "certifier" });
  const smtp = await startHostileSmtp(join(directory, "smtp.log"));
  const running = new Set<Dundie>();
  const asked: Asked[] = [];
  const disturbances: Disturbance[] = [];
  const provoked = new Map<string, Set<string>>();
  const broken: string[] = [];
  const faultFile = join(directory, "fault");
  let apiUrl: string | null = null;
  let faultsEndedAt: number | null = null;
  let people = 0;
  let starts = 0;

  const ground = {
    DATABASE_URL: url,
    SMTP_URL: smtp.url,
    PORT: "0",
    MAIL_FROM: "Dundie <no-reply@dm.com>",
    PUBLIC_URL: "http://localhost:8000",
    SECRET_KEY: "of the certifier: long, and no secret to anybody",
    RESET_TOKEN_EXPIRE_MINUTES: String(RESET_TOKEN_MINUTES),
    SHUTDOWN_GRACE_SECONDS: String(GRACE_SECONDS),
    RATE_LIMIT: "off",
    CERTIFY_FAULT_FILE: faultFile,
  };
  const start = async (command: "serve" | "worker", environment: Record<string, string>, entry?: string) => {
    const dundie = await startDundie({
      command,
      logFile: join(directory, `${command}-${(starts += 1)}.log`),
      environment: { ...ground, ...environment },
      ...(entry ? { entry } : {}),
    });
    running.add(dundie);
    void dundie.exited.then(() => running.delete(dundie));
    apiUrl = dundie.url ?? apiUrl;
    return dundie;
  };

  const stage: Stage = {
    smtp,
    sql,
    cluster,
    random,
    async people(count) {
      const emails = Array.from({ length: count }, () => `person${(people += 1)}@example.com`);
      await sql`
        insert into "user" (id, email, username, name, dept)
        select gen_random_uuid(), email, split_part(email, '@', 1), initcap(split_part(email, '@', 1)), 'sales'
        from unnest(${emails}::text[]) as email`;
      return emails;
    },
    serve: (environment = {}) => start("serve", environment),
    serveBreakable: () => start("serve", {}, SERVER),
    worker: (environment = {}) => start("worker", environment),
    command: (args) => runDundie(args, ground),
    file(name, text) {
      writeFileSync(join(directory, name), text);
      return join(directory, name);
    },
    async ask(email) {
      const entry = await ask(apiUrl, email);
      asked.push(entry);
      return entry;
    },
    async askAll(emails, atATime = 32) {
      const waiting = emails.values();
      const entries: Asked[] = [];
      const asker = async (): Promise<void> => {
        for (const email of waiting) entries.push(await stage.ask(email));
      };
      await Promise.all(Array.from({ length: atATime }, asker));
      return entries;
    },
    async pour(emails, perSecond, signal) {
      const underWay: Promise<unknown>[] = [];
      const begun = performance.now();
      for (const email of emails) {
        if (signal.aborted) break;
        underWay.push(stage.ask(email));
        const ahead = begun + (underWay.length * 1_000) / perSecond - performance.now();
        if (ahead > 0) await Bun.sleep(ahead);
      }
      await Promise.all(underWay);
    },
    async askAndKill(api, email) {
      const from = Date.now();
      asked.push(await askAnd(api.url ?? "", email, () => api.signal("SIGKILL")));
      await api.exited;
      disturbances.push({ what: "the process was killed", from, until: Date.now() });
    },
    async kill(dundie) {
      await stage.disturb("the process was killed", async () => {
        dundie.signal("SIGKILL");
        await dundie.exited;
      });
    },
    breakThread(fault) {
      // Whole under its name or not there: the thread may look at any moment.
      writeFileSync(`${faultFile}.draft`, fault);
      renameSync(`${faultFile}.draft`, faultFile);
    },
    async disturb(what, during) {
      const from = Date.now();
      try {
        return await during();
      } finally {
        disturbances.push({ what, from, until: Date.now() });
      }
    },
    faultsEnd() {
      faultsEndedAt = Date.now();
    },
    provoke(emails, reason) {
      for (const email of emails) provoked.set(email, (provoked.get(email) ?? new Set()).add(reason));
    },
    expect(holds, sentence) {
      if (!holds) broken.push(sentence);
    },
    async until(condition, what, timeoutMs = 60_000) {
      const deadline = performance.now() + timeoutMs;
      while (!(await condition())) {
        if (performance.now() > deadline) throw new Error(`Not within ${timeoutMs / 1_000} s: ${what}.`);
        await Bun.sleep(20);
      }
    },
  };

  try {
    await play(stage);
    faultsEndedAt ??= Date.now();
    await untilEmpty(sql, faultsEndedAt + patienceSeconds * 1_000);
    const codes = await Promise.all([...running].map(stopped));
    stage.expect(
      codes.every((code) => code === 0),
      "SIGTERM ends every process in time, with exit code 0",
    );
    const log = await smtp.readLog();
    const signals = log.flatMap((event) => (event.event === "signal" ? [event] : []));
    return {
      broken,
      facts: {
        ...{ asked, provoked, faultsEndedAt },
        smtp: log,
        outbox: await readOutbox(sql),
        disturbances: [
          ...disturbances,
          ...signals.map(({ at, signal }) => ({ what: `the process got a ${signal}`, from: at, until: at })),
        ],
        linkSeconds: RESET_TOKEN_MINUTES * 60,
      },
    };
  } finally {
    for (const dundie of running) dundie.signal("SIGKILL");
    await Promise.all([...running].map(({ exited }) => exited));
    await smtp.stop();
    await sql.end({ timeout: 1 });
    rmSync(directory, { recursive: true, force: true });
    open.delete(directory);
  }
}

/** Until nothing is queued or on its way, or until patience ends: what is left is for the checker to find. */
async function untilEmpty(sql: Sql, until: number): Promise<void> {
  while (Date.now() < until) {
    try {
      const [pending] = await sql`select 1 from message where state in ('queued', 'sending') limit 1`;
      if (!pending) return;
    } catch (error) {
      if (!isConnectionError(error)) throw error;
    }
    await Bun.sleep(100);
  }
}

async function stopped(dundie: Dundie): Promise<number | null> {
  dundie.signal("SIGTERM");
  const timer = setTimeout(() => dundie.signal("SIGKILL"), (GRACE_SECONDS + 10) * 1_000);
  const code = await dundie.exited;
  clearTimeout(timer);
  return code;
}

async function readOutbox(sql: Sql): Promise<Outcome[]> {
  return await sql<Outcome[]>`
    select id, request_id "requestId", coalesce(recipient, requested_email) as email, state, reason,
      (extract(epoch from ended_at) * 1000)::float8 "endedAt"
    from message order by id`;
}

process.on("exit", () => {
  for (const directory of open) rmSync(directory, { recursive: true, force: true });
});
