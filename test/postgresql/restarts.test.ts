/**
 * PostgreSQL is restarted again and again under load: no process and no thread ends, every request that was answered 200
 * gets its email. `RESTARTS=100` for the long run.
 */
import { expect, test } from "bun:test";
import { join } from "node:path";
import { openSql } from "../../src/db/client.ts";
import { migrate } from "../../src/db/migrate.ts";
import { startScriptedSmtp } from "../support/smtp.ts";
import { startPostgres } from "./servers.ts";

const RESTARTS = Number(process.env["RESTARTS"] ?? 10);
const CLIENTS = 24;
/** Between two requests of one client. */
const PAUSE_MS = 150;
/** After a restart, until requests are accepted again. */
const RECOVERY_MS = 10_000;

test(
  `${RESTARTS} restarts of PostgreSQL under load end no process and no thread, and lose no request`,
  async () => {
    await using server = await startPostgres();
    const url = (await server.newDatabase()).href;
    await migrate(url);
    const smtp = await startScriptedSmtp(0, { keep: false, onEmail: (email) => void received.add(email.recipient) });
    const received = new Set<string>();
    await addPeople(url, RESTARTS * 2_000);

    const dundie = await startProcess(url, smtp.url);
    const accepted = new Set<string>();
    const statuses = new Map<number, number>();
    const stop = new AbortController();
    let next = 0;
    const last = { acceptedAt: 0 };
    const ask = async (): Promise<void> => {
      while (!stop.signal.aborted) {
        const email = `person${(next += 1)}@example.com`;
        const status = await requestReset(dundie.url, email);
        statuses.set(status, (statuses.get(status) ?? 0) + 1);
        if (status === 200) {
          accepted.add(email);
          last.acceptedAt = performance.now();
        }
        await Bun.sleep(PAUSE_MS);
      }
    };
    const clients = Array.from({ length: CLIENTS }, ask);

    let slowest = 0;
    for (let restarts = 1; restarts <= RESTARTS; restarts += 1) {
      await server.restart(restarts % 2 === 0 ? "fast" : "immediate");
      const restartedAt = performance.now();
      while (last.acceptedAt < restartedAt) {
        if (performance.now() - restartedAt > RECOVERY_MS)
          throw new Error(`No request accepted after restart ${restarts}.`);
        await Bun.sleep(20);
      }
      slowest = Math.max(slowest, performance.now() - restartedAt);
      expect(dundie.process.exitCode).toBeNull();
    }
    stop.abort();
    await Promise.all(clients);
    const deadline = performance.now() + 120_000;
    while (accepted.difference(received).size > 0 && performance.now() < deadline) await Bun.sleep(50);

    const lost = accepted.difference(received).size;
    console.info(
      `${RESTARTS} restarts: ${accepted.size} requests accepted, ${lost} lost, slowest recovery ${Math.round(slowest)} ms,`,
      `answers ${JSON.stringify(Object.fromEntries(statuses))}, threads lost ${dundie.threadsLost()}`,
    );
    // A process that ended would have refused connections (0); 500 would be an error that nothing expected.
    expect([...statuses.keys()].filter((status) => status !== 200 && status !== 503)).toEqual([]);
    expect(accepted.size).toBeGreaterThan(RESTARTS);
    expect(lost).toBe(0);
    expect(dundie.threadsLost()).toBe(0);
    expect(dundie.process.exitCode).toBeNull();
    dundie.process.kill("SIGTERM");
    expect(await dundie.process.exited).toBe(0);
    await smtp.close();
  },
  60_000 + RESTARTS * 10_000,
);

/** The status, or 0 when there was no answer. */
const requestReset = (url: string, email: string): Promise<number> =>
  fetch(`${url}/user/pwd_reset_token/`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ email }),
  }).then(
    async (answer) => (await answer.text(), answer.status),
    () => 0,
  );

async function addPeople(url: string, count: number): Promise<void> {
  const sql = openSql(url, { max: 1, name: "test" });
  await sql`
    insert into "user" (id, email, username, name, dept)
    select gen_random_uuid(), 'person' || n || '@example.com', 'person' || n, 'Person ' || n, 'sales'
    from generate_series(1, ${count}::int) n`;
  await sql.end();
}

/** `dundie serve` as a process of its own, at a port that the system chose. */
async function startProcess(databaseUrl: string, smtpUrl: string) {
  const child = Bun.spawn([process.execPath, join(import.meta.dir, "../../src/cli.ts"), "serve"], {
    env: {
      PATH: process.env["PATH"] ?? "",
      DATABASE_URL: databaseUrl,
      SMTP_URL: smtpUrl,
      PORT: "0",
      MAIL_FROM: "Dundie <no-reply@dm.com>",
      PUBLIC_URL: "http://localhost:8000",
      SECRET_KEY: "tests of the restarts: a key that is long and no secret",
      RATE_LIMIT: "off",
      SHUTDOWN_DELAY_SECONDS: "0",
      LOG_LEVEL: "info",
    },
    stdout: "pipe",
    stderr: "inherit",
  });
  const listening = Promise.withResolvers<string>();
  let threadsLost = 0;
  void (async () => {
    let rest = "";
    for await (const chunk of child.stdout.pipeThrough(new TextDecoderStream())) {
      const lines = (rest + chunk).split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) {
        if (line.includes('"event":"listening"')) listening.resolve((JSON.parse(line) as { url: string }).url);
        if (line.includes('"event":"courier_lost"')) threadsLost += 1;
      }
    }
    listening.reject(new Error(`dundie ended with ${await child.exited}.`));
  })();
  return { process: child, url: await listening.promise, threadsLost: () => threadsLost };
}
