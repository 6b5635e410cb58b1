/**
 * PostgreSQL is restarted again and again under load: no process and no thread ends, every request that was answered 200
 * gets its email. `RESTARTS=100` for the long run.
 */
import { expect, test } from "bun:test";
import { join } from "node:path";
import { openSql } from "../../src/db/client.ts";
import { migrate } from "../../src/db/migrate.ts";
import { startDundie } from "../support/process.ts";
import { SETTINGS } from "../support/settings.ts";
import { startScriptedSmtp } from "../support/smtp.ts";
import { until } from "../support/waiting.ts";
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

    const environment = { ...SETTINGS, DATABASE_URL: url, SMTP_URL: smtp.url };
    const dundie = await startDundie({ command: "serve", environment, logFile: join(server.directory, "dundie.log") });
    const accepted = new Set<string>();
    const statuses = new Map<number, number>();
    const stop = new AbortController();
    let next = 0;
    const last = { acceptedAt: 0 };
    const ask = async (): Promise<void> => {
      while (!stop.signal.aborted) {
        const email = `person${(next += 1)}@example.com`;
        const status = await requestReset(dundie.url ?? "", email);
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
      await until(() => last.acceptedAt >= restartedAt, { timeoutMs: RECOVERY_MS });
      slowest = Math.max(slowest, performance.now() - restartedAt);
      expect(dundie.running()).toBe(true);
    }
    stop.abort();
    await Promise.all(clients);
    const lost = (): number => accepted.difference(received).size;
    await until(() => lost() === 0, { timeoutMs: 120_000, seen: () => `${lost()} lost` });

    console.info(
      `${RESTARTS} restarts: ${accepted.size} requests accepted, ${lost()} lost, slowest recovery ${Math.round(slowest)} ms,`,
      `answers ${JSON.stringify(Object.fromEntries(statuses))}, threads lost ${dundie.logged("courier_lost")}`,
    );
    // A process that ended would have refused connections (0); 500 would be an error that nothing expected.
    expect([...statuses.keys()].filter((status) => status !== 200 && status !== 503)).toEqual([]);
    expect(accepted.size).toBeGreaterThan(RESTARTS);
    expect(lost()).toBe(0);
    expect(dundie.logged("courier_lost")).toBe(0);
    expect(dundie.running()).toBe(true);
    dundie.signal("SIGTERM");
    expect(await dundie.exited).toBe(0);
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
