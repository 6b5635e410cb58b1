/** What one scenario runs on: a database, an SMTP server, processes of dundie, and a client with a log. */
import { mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import postgres from "postgres";
import type { Disturbance, Facts, OutboxRow, Request } from "./check.ts";
import { freePort } from "../support/ports.ts";
import type { Cluster } from "../support/cluster.ts";
import { startFaultySmtp, type FaultySmtp } from "./faulty-smtp.ts";
import { askHealth, requestReset, requestResetAnd, type Health } from "./http-client.ts";
import { runCli, startDundie, type Dundie, type DundieOptions } from "../support/process.ts";
import type { Random } from "../support/random.ts";
import { startPgBouncer, type PgBouncer } from "../support/pgbouncer.ts";
import { comesTrue, until } from "../support/waiting.ts";
import { startTcpProxy, type ProxyOptions, type TcpProxy } from "../support/tcp-proxy.ts";
import type { ThreadFault } from "./threads.ts";
import { SETTINGS } from "../support/settings.ts";

export interface Testbed {
  readonly smtp: FaultySmtp;
  readonly sql: postgres.Sql;
  readonly databaseUrl: string;
  readonly cluster: Cluster;
  readonly random: Random;
  /** Creates accounts with an address each. No reset has been requested for any of them yet. */
  createAccounts(count: number): Promise<string[]>;
  /** Starts an API, with a courier unless `COURIER=off`. The client sends its requests to the newest API. */
  serve(environment?: Record<string, string>): Promise<Dundie>;
  /** Starts an API, with a courier, whose log goes to an open file descriptor. */
  serveInto(fd: number): Promise<Dundie>;
  /** Starts an API with a courier thread that `breakThread` can break. */
  serveBreakable(): Promise<Dundie>;
  worker(environment?: Record<string, string>): Promise<Dundie>;
  /** Starts a proxy in front of the database. It ends with the scenario. */
  proxyDatabase(options?: ProxyOptions): Promise<TcpProxy>;
  /** Starts PgBouncer in front of the database. It ends with the scenario, after the processes behind it. */
  poolDatabase(mode: "session" | "transaction"): Promise<PgBouncer>;
  /** Asks the newest API. @returns its status; 0 when it does not answer within 5 s. */
  health(): Promise<Health>;
  /** Runs `dundie …` to its end. @throws when it fails. @returns what it printed. */
  command(args: readonly string[]): Promise<string>;
  /** Writes a file for this scenario. @returns its path. */
  file(name: string, text: string): string;
  requestReset(email: string): Promise<Request>;
  /** @param atATime how many requests are open at once. @default 32 */
  requestResets(emails: readonly string[], atATime?: number): Promise<Request[]>;
  /** Requests resets of new accounts at this rate, one after the other, without waiting for answers. */
  startLoad(perSecond: number): Promise<Load>;
  /** Requests a reset, and kills the API as soon as its answer arrives. */
  requestAndKill(api: Dundie, email: string): Promise<void>;
  kill(dundie: Dundie): Promise<void>;
  breakThread(fault: ThreadFault): void;
  /** Copies of emails that were being sent meanwhile have this explanation. */
  explainCopies<T>(what: string, during: () => Promise<T>): Promise<T>;
  /** Says that the faults are over from now on. The last call counts. */
  faultsEnd(): void;
  /** Lets messages to these addresses end with this reason instead of being mailed. */
  allowEnd(emails: readonly string[], reason: string): void;
  /**
   * Says whose messages the fault touches: all others must not wait. Without a call, a message counts as untouched
   * when its first attempt sent it.
   */
  touches(emails: readonly string[]): void;
  /** Records a violation unless the sentence holds. */
  expect(holds: boolean, sentence: string): void;
  /** Waits for what the scenario needs to go on. @throws after the timeout. @default timeoutMs 60 s */
  until(condition: () => boolean | Promise<boolean>, what: string, timeoutMs?: number): Promise<void>;
  /** Waits for what must come true. Records a violation after the timeout. */
  eventually(condition: () => boolean | Promise<boolean>, sentence: string, timeoutMs: number): Promise<void>;
}

export interface Load {
  /** Resolves when every request that was sent has been answered. */
  stop(): Promise<void>;
}

export interface TestbedResult {
  readonly facts: Facts;
  /** Sentences that did not hold. */
  readonly violations: readonly string[];
}

export interface TestbedOptions {
  readonly cluster: Cluster;
  /** The directory of the checkout that is judged. */
  readonly product: string;
  readonly random: Random;
  /** How long pending messages may take to end once the faults are over, in seconds. */
  readonly patienceSeconds: number;
}

const RESET_TOKEN_MINUTES = 10;
const GRACE_SECONDS = 10;
/** No account gets two requests from one load, because a newer message may supersede an older one. */
const LONGEST_LOAD_SECONDS = 120;
/** Temporary directories of testbeds that are open: see the end of this file. */
const open = new Set<string>();

/** Runs a scenario to its end, waits until the outbox is empty, and returns the facts to be judged. */
export async function withTestbed(
  { cluster, product, random, patienceSeconds }: TestbedOptions,
  runScenario: (testbed: Testbed) => Promise<void>,
): Promise<TestbedResult> {
  // It is undone in reverse: the processes end first, then what they are connected to.
  await using stack = new AsyncDisposableStack();
  const directory = mkdtempSync(join(tmpdir(), "dundie-certify-"));
  open.add(directory);
  stack.defer(() => {
    rmSync(directory, { recursive: true, force: true });
    open.delete(directory);
  });
  const smtp = await startFaultySmtp(join(directory, "smtp.log"));
  stack.defer(() => smtp.stop());
  const faultFile = join(directory, "fault");
  const base = {
    ...SETTINGS,
    SMTP_URL: smtp.url,
    RESET_TOKEN_EXPIRE_MINUTES: String(RESET_TOKEN_MINUTES),
    SHUTDOWN_GRACE_SECONDS: String(GRACE_SECONDS),
    CERTIFY_FAULT_FILE: faultFile,
  };
  const url = await cluster.createDatabase(async (template) => {
    await runCli(["migrate"], { env: { ...base, DATABASE_URL: template }, root: product, cwd: product });
  });
  const environmentOfAll = { ...base, DATABASE_URL: url };
  const sql = postgres(url, {
    max: 2,
    onnotice: () => undefined,
    // The tables are in one of these.
    connection: { application_name: "certifier", search_path: "dundie,public" },
  });
  stack.defer(() => sql.end({ timeout: 1 }));
  const servers = stack.use(new AsyncDisposableStack());
  const running = new Set<Dundie>();
  stack.defer(async () => {
    for (const dundie of running) dundie.signal("SIGKILL");
    await Promise.all([...running].map(({ exited }) => exited));
  });
  const requests: Request[] = [];
  const disturbances: Disturbance[] = [];
  const allowedEnds = new Map<string, Set<string>>();
  let touched: Set<string> | null = null;
  const violations: string[] = [];
  let apiUrl: string | null = null;
  let faultsEndedAt: number | null = null;
  let accounts = 0;
  let starts = 0;

  const start = async (
    command: "serve" | "worker",
    environment: Record<string, string>,
    options: Pick<DundieOptions, "entry" | "output"> = {},
  ) => {
    const dundie = await startDundie({
      command,
      product,
      logFile: join(directory, `${command}-${(starts += 1)}.log`),
      environment: { ...environmentOfAll, ...environment },
      ...options,
    });
    running.add(dundie);
    void dundie.exited.then(() => running.delete(dundie));
    apiUrl = dundie.url ?? apiUrl;
    return dundie;
  };

  const testbed: Testbed = {
    smtp,
    sql,
    databaseUrl: url,
    cluster,
    random,
    async createAccounts(count) {
      const emails = Array.from({ length: count }, () => `person${(accounts += 1)}@example.com`);
      await sql`
        insert into "user" (id, email, username, name, dept)
        select gen_random_uuid(), email, split_part(email, '@', 1), initcap(split_part(email, '@', 1)), 'sales'
        from unnest(${emails}::text[]) as email`;
      return emails;
    },
    serve: (environment = {}) => start("serve", environment),
    serveBreakable: () => start("serve", {}, { entry: "test/certify/server.ts" }),
    serveInto(fd) {
      const port = freePort();
      return start("serve", { PORT: String(port) }, { output: { fd, port } });
    },
    worker: (environment = {}) => start("worker", environment),
    proxyDatabase: async (options) => servers.use(await startTcpProxy(url, options)),
    poolDatabase: async (mode) => servers.use(await startPgBouncer(url, [`pool_mode = ${mode}`])),
    health: () => askHealth(apiUrl),
    command: (args) => runCli(args, { env: environmentOfAll, root: product, cwd: product }),
    file(name, text) {
      writeFileSync(join(directory, name), text);
      return join(directory, name);
    },
    async requestReset(email) {
      const request = await requestReset(apiUrl, email);
      requests.push(request);
      return request;
    },
    async requestResets(emails, atATime = 32) {
      const waiting = emails.values();
      const answered: Request[] = [];
      const requestNext = async (): Promise<void> => {
        for (const email of waiting) answered.push(await testbed.requestReset(email));
      };
      await Promise.all(Array.from({ length: atATime }, requestNext));
      return answered;
    },
    async startLoad(perSecond) {
      const emails = await testbed.createAccounts(perSecond * LONGEST_LOAD_SECONDS);
      const stopped = new AbortController();
      const ended = requestAtRate(testbed, emails, perSecond, stopped.signal);
      return {
        async stop() {
          stopped.abort();
          await ended;
        },
      };
    },
    async requestAndKill(api, email) {
      const from = Date.now();
      requests.push(await requestResetAnd(api.url ?? "", email, () => api.signal("SIGKILL")));
      await api.exited;
      disturbances.push({ what: "the process was killed", from, until: Date.now() });
    },
    async kill(dundie) {
      await testbed.explainCopies("the process was killed", async () => {
        dundie.signal("SIGKILL");
        await dundie.exited;
      });
    },
    breakThread(fault) {
      // The file appears whole under its name, because the thread may look for it at any moment.
      writeFileSync(`${faultFile}.draft`, fault);
      renameSync(`${faultFile}.draft`, faultFile);
    },
    async explainCopies(what, during) {
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
    allowEnd(emails, reason) {
      for (const email of emails) allowedEnds.set(email, (allowedEnds.get(email) ?? new Set()).add(reason));
    },
    touches(emails) {
      touched = (touched ?? new Set()).union(new Set(emails));
    },
    expect(holds, sentence) {
      if (!holds) violations.push(sentence);
    },
    async until(condition, what, timeoutMs = 60_000) {
      await until(condition, { timeoutMs, seen: () => what });
    },
    async eventually(condition, sentence, timeoutMs) {
      testbed.expect(await comesTrue(condition, { timeoutMs }), `within ${timeoutMs / 1_000} s, ${sentence}`);
    },
  };

  await runScenario(testbed);
  faultsEndedAt ??= Date.now();
  await untilEmpty(sql, faultsEndedAt + patienceSeconds * 1_000);
  const codes = await Promise.all([...running].map(stop));
  testbed.expect(
    codes.every((code) => code === 0),
    "SIGTERM ends every process in time, with exit code 0",
  );
  const log = await smtp.readLog();
  const signals = log.flatMap((event) => (event.event === "signal" ? [event] : []));
  return {
    violations,
    facts: {
      ...{ requests, allowedEnds, touched, faultsEndedAt },
      smtp: log,
      outbox: await readOutbox(sql),
      disturbances: [
        ...disturbances,
        ...signals.map(({ at, signal }) => ({ what: `the process got a ${signal}`, from: at, until: at })),
      ],
      linkSeconds: RESET_TOKEN_MINUTES * 60,
    },
  };
}

async function requestAtRate(
  testbed: Testbed,
  emails: readonly string[],
  perSecond: number,
  signal: AbortSignal,
): Promise<void> {
  const sent: Promise<unknown>[] = [];
  const startedAt = performance.now();
  for (const email of emails) {
    if (signal.aborted) break;
    sent.push(testbed.requestReset(email));
    const ahead = startedAt + (sent.length * 1_000) / perSecond - performance.now();
    if (ahead > 0) await Bun.sleep(ahead);
  }
  await Promise.all(sent);
}

/** Waits until no message is queued or being sent. The checker reports what is left when the patience ends. */
async function untilEmpty(sql: postgres.Sql, until: number): Promise<void> {
  while (Date.now() < until) {
    try {
      const [pending] = await sql`select 1 from message where state in ('queued', 'sending') limit 1`;
      if (!pending) return;
    } catch (error) {
      // The scenario may have restarted the database, or ended its connections, a moment ago.
      if (!(error instanceof Error && "code" in error)) throw error;
    }
    await Bun.sleep(100);
  }
}

async function stop(dundie: Dundie): Promise<number | null> {
  dundie.signal("SIGTERM");
  const timer = setTimeout(() => dundie.signal("SIGKILL"), (GRACE_SECONDS + 10) * 1_000);
  const code = await dundie.exited;
  clearTimeout(timer);
  return code;
}

async function readOutbox(sql: postgres.Sql): Promise<OutboxRow[]> {
  return await sql<OutboxRow[]>`
    select id, request_id "requestId", coalesce(recipient, requested_email) as email, state, reason,
      (extract(epoch from ended_at) * 1000)::float8 "endedAt",
      (select count(*)::int from attempt where message_id = message.id) as attempts
    from message order by id`;
}

process.on("exit", () => {
  for (const directory of open) rmSync(directory, { recursive: true, force: true });
});
