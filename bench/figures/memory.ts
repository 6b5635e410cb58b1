/** What a process holds on to: after many emails against after few, and when nothing happens. */
import { usageOf } from "../cpu.ts";
import type { Figure, Sample } from "../figure.ts";
import { emptyOutbox, makeAccounts, settleDown } from "../fixtures.ts";
import { kill } from "../ground.ts";
import { CONNECTIONS } from "../targets.ts";

const MANY = "API and courier, all by HTTP";
const IDLE = "API and courier, idle";
/** For what is garbage to be collected, as far as it ever is. */
const REST_MS = 5_000;
const ANSWER = '{"message":"If we found a user with that email, we sent a password reset token to it."}';

export const memory: Figure = {
  name: "memory",
  title: "resident memory",
  async prepare(ground) {
    const { sink, plan } = ground;
    const [few, many] = plan.memory;
    const database = await ground.createDatabase("dundie");
    await makeAccounts(database.sql, many);

    const rss = async (pid: number): Promise<number> => {
      await Bun.sleep(REST_MS);
      return usageOf(pid)?.rssMb ?? Number.NaN;
    };
    /** Accepted as fast as they come, `few` at a time, and drained before the next. */
    const runMany = async (): Promise<Sample> => {
      await emptyOutbox(database.sql);
      await settleDown(database.sql);
      await sink.reset();
      const api = await ground.startDundie("serve", database);
      try {
        const url = new URL("/user/pwd_reset_token/", api.url ?? "").href;
        const load = { url, expected: ANSWER, connections: CONNECTIONS, addresses: many };
        let afterFew = Number.NaN;
        for (let sent = 0; sent < many; sent += few) {
          await ground.load({ ...load, end: { requests: few }, from: sent });
          await sink.until(sent + few, 300);
          if (sent === 0) afterFew = await rss(api.pid);
        }
        return { "MB after few": afterFew, "MB after many": await rss(api.pid) };
      } finally {
        await kill(api);
      }
    };
    const runIdle = async (): Promise<Sample> => {
      await emptyOutbox(database.sql);
      const api = await ground.startDundie("serve", database);
      try {
        return { MB: await rss(api.pid) };
      } finally {
        await kill(api);
      }
    };
    return {
      // Once: it takes minutes, and memory depends little on what else the machine does.
      rounds: 1,
      conditions: [
        { name: MANY, run: runMany },
        { name: IDLE, run: runIdle },
      ],
      checks: [
        {
          what: `memory after ${many} mails over after ${few}`,
          ...{ ours: [MANY, "MB after many"], theirs: [MANY, "MB after few"], atMost: 1.1 },
        },
        { what: "idle API and courier, without the database (MB)", ours: [IDLE, "MB"], atMost: 130 },
      ],
      close: () => database.drop(),
    };
  },
};
