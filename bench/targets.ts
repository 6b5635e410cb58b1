/** Servers that answer the same question: dundie's, and the ones it is measured against. One load a sample of each. */
import { fileURLToPath } from "node:url";
import { findFreePort, startServer } from "./children.ts";
import { serverCpuSeconds, usageOf } from "./cpu.ts";
import type { Condition, Sample } from "./figure.ts";
import { emptyOutbox, makeAccounts, settleDown } from "./fixtures.ts";
import { kill, type BenchDatabase, type Ground } from "./ground.ts";
import type { Load, LoadReport } from "./generator.ts";

/** Fresh for each sample, so that none inherits another's backlog. */
export interface Target {
  readonly name: string;
  start(): Promise<RunningTarget>;
  /** After it was stopped: nothing of the sample is left in its database. */
  reset(): Promise<void>;
  /** How many requests its database holds, where an answer promises that. */
  committed?(): Promise<number>;
  close(): Promise<void>;
}

export interface RunningTarget extends Pick<Load, "url" | "expected"> {
  readonly pid: number;
  stop(): Promise<void>;
}

const CHAPTERS_ANSWER = '{"message":"If we found a user with that email, we sent a password reset token to it."}';
const BETTER_AUTHS_ANSWER =
  '{"status":true,"message":"If this email exists in our system, check your email for the reset link"}';
const RESET_PATH = "/user/pwd_reset_token/";
/** As browsers and nginx hold them: enough for a group commit to show, far from what makes one process queue. */
export const CONNECTIONS = 32;

/** A condition: starts the target, warms it up, loads it, and stops it. */
export function loaded(
  ground: Ground,
  target: Target,
  onLoad: (report: LoadReport) => void = () => {},
  name = target.name,
  smtpDelayMs = 0,
): Condition {
  const { plan, sink } = ground;
  return {
    name,
    async run() {
      await sink.reset({ delayMs: smtpDelayMs });
      const server = await target.start();
      const { url, expected } = server;
      const load: Omit<Load, "end" | "from"> = {
        ...{ url, expected, connections: CONNECTIONS, addresses: plan.accounts },
      };
      try {
        const warm = await warmUp(ground, load);
        const [before, mailedBefore] = [cpu(ground, server.pid), await sink.report()];
        const report = await ground.load({ ...load, end: { seconds: plan.loadSeconds }, from: warm.next });
        const [after, mailed] = [cpu(ground, server.pid), await sink.report()];
        if (report.requests === 0) throw new Error(`${target.name} answered nothing in ${plan.loadSeconds} s.`);
        onLoad(report);
        const committed = await target.committed?.();
        if (committed !== undefined && committed < report.requests + warm.requests) {
          throw new Error(`${target.name}: ${report.requests} answers, ${committed} committed.`);
        }
        const each = (seconds: number): number => (seconds * 1e6) / report.requests;
        return {
          "req/s": report.perSecond,
          "p50 ms": report.p50,
          "p99 ms": report.p99,
          "mails/s meanwhile": ((mailed.count - mailedBefore.count) * report.perSecond) / report.requests,
          "server µs CPU/req": each(after.server - before.server),
          "postgres µs CPU/req": each(after.postgres - before.postgres),
          "µs CPU/req": each(after.server + after.postgres - before.server - before.postgres),
          "warm-up s": warm.seconds,
          "repeated addresses": Number(report.repeated || warm.next + report.requests > plan.accounts),
        } satisfies Sample;
      } finally {
        await server.stop();
        await target.reset();
      }
    },
  };
}

/** Windows of a second; two that differ by no more than this agree. */
const AGREEMENT = 0.05;

/** Loads until two windows in a row agree: compilers and pools then change nothing more. */
async function warmUp(ground: Ground, load: Omit<Load, "end" | "from">) {
  let [requests, next, before] = [0, 0, 0];
  for (let seconds = 1; ; seconds += 1) {
    const window = await ground.load({ ...load, end: { seconds: 1 }, from: next });
    requests += window.requests;
    next = window.next;
    const agrees = Math.abs(window.perSecond / before - 1) <= AGREEMENT;
    if (agrees || seconds >= ground.plan.warmUps) return { requests, next, seconds };
    before = window.perSecond;
  }
}

const cpu = ({ postmaster }: Ground, pid: number): { server: number; postgres: number } => ({
  server: usageOf(pid)?.cpuSeconds ?? 0,
  postgres: serverCpuSeconds(postmaster),
});

/** @param environment of the server, such as `COURIER=off`. */
export async function dundie(
  ground: Ground,
  name: string,
  environment: Readonly<Record<string, string>> = {},
): Promise<Target> {
  const database = await ground.createDatabase("dundie");
  await makeAccounts(database.sql, ground.plan.accounts);
  return {
    name,
    async start() {
      const running = await ground.startDundie("serve", database, { environment });
      return {
        url: new URL(RESET_PATH, running.url ?? "").href,
        expected: CHAPTERS_ANSWER,
        pid: running.pid,
        stop: () => kill(running),
      };
    },
    async reset() {
      await emptyOutbox(database.sql);
      await settleDown(database.sql);
    },
    async committed() {
      const [row] = await database.sql<{ count: number }[]>`select count(*)::int as count from message`;
      return row?.count ?? 0;
    },
    close: () => database.drop(),
  };
}

/** Null, and a word about it, where Debian's packages are not installed. */
export async function chapter(
  ground: Ground,
  path = RESET_PATH,
  name = "the chapter's design",
): Promise<Target | null> {
  const python = findPython();
  if (python === null) return null;
  const database = await ground.createDatabase("empty");
  const target = peer(ground, database, name, path, (port) => [
    ...[python, "-m", "uvicorn", "--app-dir", "bench/peers", "chapter:app"],
    ...["--host", "127.0.0.1", "--port", String(port), "--no-access-log", "--log-level", "warning"],
  ]);
  // Its first start makes its tables.
  await (await target.start()).stop();
  await database.sql`
    insert into "user" (email, username, name, dept, currency)
    select name || '@example.com', name, initcap(name), 'sales', 'USD'
    from (select 'known' || lpad(n::text, 6, '0') as name from generate_series(0, ${ground.plan.accounts - 1}::int) n) as names`;
  await database.sql`analyze`;
  return target;
}

export const WITHOUT_PYTHON =
  "skipped the chapter's design: apt-get install python3-fastapi python3-uvicorn python3-uvloop python3-httptools " +
  "python3-sqlmodel python3-psycopg2 python3-jose";

/** Debian's own first: another python3 on the path does not see its packages. */
function findPython(): string | null {
  const needed = "import fastapi, uvicorn, uvloop, httptools, sqlmodel, psycopg2, jose";
  const runs = (python: string): boolean =>
    Bun.which(python) !== null && Bun.spawnSync([python, "-c", needed], { stderr: "ignore" }).exitCode === 0;
  return ["/usr/bin/python3", "python3"].find(runs) ?? null;
}

export async function betterAuth(ground: Ground): Promise<Target> {
  const directory = fileURLToPath(new URL("./peers", import.meta.url));
  const installed = Bun.spawnSync([process.execPath, "install", "--frozen-lockfile"], { cwd: directory });
  if (installed.exitCode !== 0) throw new Error(`bench/peers cannot be installed: ${installed.stderr.toString()}`);
  const database = await ground.createDatabase("empty");
  const path = "/api/auth/request-password-reset";
  const target = peer(ground, database, "better-auth", path, () => [process.execPath, "bench/peers/better-auth.ts"]);
  await (await target.start()).stop();
  await database.sql`
    insert into "user" (id, name, email, "emailVerified", "createdAt", "updatedAt")
    select name, initcap(name), name || '@example.com', true, now(), now()
    from (select 'known' || lpad(n::text, 6, '0') as name from generate_series(0, ${ground.plan.accounts - 1}::int) n) as names`;
  await database.sql`analyze`;
  return {
    ...target,
    start: async () => ({ ...(await target.start()), expected: BETTER_AUTHS_ANSWER }),
    async reset() {
      await database.sql`truncate verification`;
      await database.sql`checkpoint`;
    },
  };
}

/** A bare Elysia with the schema of our route: it answers and does nothing. */
export async function bareRoute(ground: Ground): Promise<Target> {
  const database = await ground.createDatabase("empty");
  return peer(ground, database, "a bare Elysia route", "/no-op/", () => BARE);
}

/** The same, with a row of one index for each request in a group commit of its own. */
export async function bareCommit(ground: Ground): Promise<Target> {
  const database = await ground.createDatabase("empty");
  return {
    ...peer(ground, database, "a bare group commit", RESET_PATH, () => BARE),
    async reset() {
      await database.sql`truncate request`;
      await database.sql`checkpoint`;
    },
    async committed() {
      const [row] = await database.sql<{ count: number }[]>`select count(*)::int as count from request`;
      return row?.count ?? 0;
    },
  };
}

const BARE = [process.execPath, "bench/peers/bare.ts"];

function peer(
  { sink }: Ground,
  database: BenchDatabase,
  name: string,
  path: string,
  command: (port: number) => readonly string[],
): Target {
  return {
    name,
    async start() {
      const port = findFreePort();
      const environment = {
        NODE_ENV: "production",
        DATABASE_URL: database.url,
        PORT: String(port),
        SMTP_PORT: String(sink.port),
        // Nothing is written beside the sources.
        PYTHONDONTWRITEBYTECODE: "1",
      };
      const server = await startServer(command(port), environment, `http://127.0.0.1:${port}/health`);
      const url = `http://127.0.0.1:${port}${path}`;
      return { url, expected: CHAPTERS_ANSWER, pid: server.pid, stop: () => server.stop() };
    },
    async reset() {
      await database.sql`checkpoint`;
    },
    close: () => database.drop(),
  };
}
