/** What the tests with a real MTA share: a cluster, instances of Postfix, and an API whose mail goes to one of them. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import postgres from "postgres";
import { startCluster } from "../support/cluster.ts";
import { requestReset } from "../certify/http-client.ts";
import { startDundie, type Dundie } from "../support/process.ts";
import { startPostfix, type Postfix } from "./postfix.ts";
import { until } from "../support/waiting.ts";
import { SETTINGS } from "../support/settings.ts";

export interface MtaHarness {
  /** Starts Postfix with these settings of `main.cf`. It ends with the test. */
  postfix(settings?: Readonly<Record<string, string>>): Promise<Postfix>;
  /** Starts an API with its courier on a database of its own. It ends with the test. */
  serve(smtpUrl: string, environment?: Readonly<Record<string, string>>): Promise<MtaApi>;
  /** Runs when the test ends, before what was started earlier ends. */
  onEnd(cleanUp: () => Promise<unknown> | void): void;
  /** Ends what a test has started. */
  endTest(): Promise<void>;
  close(): Promise<void>;
}

export interface MtaApi {
  readonly dundie: Dundie;
  readonly sql: postgres.Sql;
  /**
   * Creates accounts `<prefix>0@example.com` and so on, and requests a reset for each.
   * @returns the statuses that the requests were answered with.
   */
  request(count: number, prefix?: string): Promise<Set<number>>;
  /** @returns how many messages are in each state, as `{ sent: 5, "failed (rejected)": 1 }`. */
  states(): Promise<Record<string, number>>;
  /** Waits until no message is queued or being sent. @returns `states`. @throws after this time. */
  settled(seconds: number): Promise<Record<string, number>>;
}

export async function startMtaHarness(): Promise<MtaHarness> {
  const directory = mkdtempSync(join(tmpdir(), "dundie-mta-"));
  const cluster = await startCluster();
  const cleanUps: (() => Promise<unknown> | void)[] = [];

  return {
    async postfix(settings = {}) {
      const postfix = await startPostfix(settings);
      cleanUps.push(() => postfix.stop());
      return postfix;
    },
    async serve(smtpUrl, changes = {}) {
      const url = await cluster.createDatabase();
      const sql = postgres(url, { max: 1, onnotice: () => undefined, connection: { search_path: "dundie,public" } });
      const environment = {
        ...SETTINGS,
        DATABASE_URL: url,
        SMTP_URL: smtpUrl,
        ...changes,
      };
      const logFile = join(directory, `${crypto.randomUUID()}.log`);
      const dundie = await startDundie({ command: "serve", environment, logFile });
      cleanUps.push(async () => {
        dundie.signal("SIGTERM");
        await dundie.exited;
        await sql.end();
      });
      return apiOf(dundie, sql);
    },
    onEnd: (cleanUp) => void cleanUps.push(cleanUp),
    async endTest() {
      for (const cleanUp of cleanUps.splice(0).toReversed()) await cleanUp();
    },
    async close() {
      await cluster.remove();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

function apiOf(dundie: Dundie, sql: postgres.Sql): MtaApi {
  const states = async (): Promise<Record<string, number>> => {
    const rows = await sql<{ state: string; count: number }[]>`
      select state || coalesce(' (' || reason || ')', '') as state, count(*)::int from message group by 1`;
    return Object.fromEntries(rows.map(({ state, count }) => [state, count]));
  };
  return {
    dundie,
    sql,
    states,
    async request(count, prefix = "person") {
      const emails = Array.from({ length: count }, (_, at) => `${prefix}${at}@example.com`);
      await sql`
        insert into "user" (id, email, username, name, dept)
        select gen_random_uuid(), email, split_part(email, '@', 1), initcap(split_part(email, '@', 1)), 'sales'
        from unnest(${emails}::text[]) as email`;
      const waiting = emails.values();
      const statuses = new Set<number>();
      const requestNext = async (): Promise<void> => {
        for (const email of waiting) statuses.add((await requestReset(dundie.url, email)).status);
      };
      await Promise.all(Array.from({ length: 16 }, requestNext));
      return statuses;
    },
    async settled(seconds) {
      let now: Record<string, number> = {};
      const isSettled = async (): Promise<boolean> => ((now = await states()), !now["queued"] && !now["sending"]);
      await until(isSettled, { timeoutMs: seconds * 1_000, seen: () => JSON.stringify(now) });
      return now;
    },
  };
}

/** Waits until Postfix has put as many emails into mailboxes; it delivers after its 250. @returns their Message-IDs. */
export async function deliveredIds(postfix: Postfix, count: number): Promise<string[]> {
  await until(() => postfix.delivered >= count, { timeoutMs: 30_000, seen: () => `${postfix.delivered} delivered` });
  return postfix.deliveredIds();
}
