/** R43: 500 logins at once leave `/health` and memory steady. */
import { usageOf } from "../cpu.ts";
import { makeAccounts } from "../fixtures.ts";
import { addressOf } from "../generator.ts";
import { kill, type Ground } from "../ground.ts";
import { median, percentile } from "../statistics.ts";
import { connect, get, type Connection } from "./connection.ts";
import { login } from "./login.ts";
import type { Said } from "./said.ts";

const LOGINS = 500;
const IDLE_LOOKS = 1_000;
/** Of who balances load, and looks often. */
const PAUSE_MS = 2;
const MAX_SLOWER = 5;
const MAX_MORE_MB = 150;

export async function timeFlood(ground: Ground): Promise<Said[]> {
  const database = await ground.createDatabase("dundie");
  await makeAccounts(database.sql, LOGINS);
  const api = await ground.startDundie("serve", database);
  const url = api.url ?? "";
  const [health, ...clients] = await Promise.all(Array.from({ length: LOGINS + 1 }, () => connect(url)));
  if (!health) throw new TypeError("No connection.");
  try {
    let looks = 0;
    await look(health, () => (looks += 1) <= 200);
    looks = 0;
    const idle = await look(health, () => (looks += 1) <= IDLE_LOOKS);
    const before = usageOf(api.pid)?.rssMb ?? Number.NaN;
    let highest = before;
    let answered = false;
    const flood = Promise.all(clients.map((client, number) => client.ask(login(addressOf(number)))));
    const during = look(health, () => {
      highest = Math.max(highest, usageOf(api.pid)?.rssMb ?? 0);
      return !answered;
    });
    const answers = await flood;
    answered = true;
    const counts = Map.groupBy(answers, ({ status }) => status);
    const times = await during;
    const [idleP99, duringP99] = [percentile(idle, 99), percentile(times, 99)];
    const looked = `of ${times.length} looks, half within ${median(times).toFixed(2)} ms`;
    const statuses = [...counts].map(([status, list]) => `${list.length} × ${status}`).join(", ");
    return [
      {
        what: `R43 /health p99 during ${LOGINS} parallel logins over idle`,
        measured: `${(duringP99 / idleP99).toFixed(2)} × (${duringP99.toFixed(2)} ms over ${idleP99.toFixed(2)} ms; ${looked})`,
        target: `≤ ${MAX_SLOWER} ×`,
        passed: duringP99 <= MAX_SLOWER * idleP99,
        values: { duringP99, idleP99 },
      },
      {
        what: `R43 memory during ${LOGINS} parallel logins (${statuses})`,
        measured: `+${(highest - before).toFixed(0)} MB`,
        target: `≤ +${MAX_MORE_MB} MB`,
        passed: highest - before <= MAX_MORE_MB,
        values: { before, highest },
      },
    ];
  } finally {
    for (const client of [health, ...clients]) client.close();
    await kill(api);
    await database.drop();
  }
}

async function look(health: Connection, goOn: () => boolean): Promise<number[]> {
  const times: number[] = [];
  while (goOn()) {
    const answer = await health.ask(get("/health"));
    if (answer.status !== 200) throw new Error(`/health is ${answer.status}.`);
    times.push(answer.ms);
    await Bun.sleep(PAUSE_MS);
  }
  return times;
}
