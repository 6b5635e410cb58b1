/** An idle system, one reset at a time: how soon after its commit an email is accepted by SMTP. */
import type { Figure, Sample } from "../figure.ts";
import { emptyOutbox, makeAccounts, settleDown } from "../fixtures.ts";
import { addressOf } from "../generator.ts";
import { kill } from "../ground.ts";
import { percentile } from "../statistics.ts";

const CONDITION = "one reset at a time";
/** Long enough for everything behind an email to have ended, so that each finds an idle system. */
const PAUSE_MS = 40;
const WARM_UP = 20;

export const idle: Figure = {
  name: "idle",
  title: "commit → accepted by SMTP on an idle system",
  async prepare(ground) {
    const { sink, plan } = ground;
    const database = await ground.createDatabase("dundie");
    const { sql } = database;
    await makeAccounts(sql, plan.idle + WARM_UP);
    const run = async (): Promise<Sample> => {
      await emptyOutbox(sql);
      await settleDown(sql);
      const api = await ground.startDundie("serve", database);
      try {
        await sink.reset({ trace: true });
        for (let number = 0; number < plan.idle + WARM_UP; number += 1) {
          const answer = await fetch(new URL("/user/pwd_reset_token/", api.url ?? ""), {
            method: "POST",
            headers: { "content-type": "application/json" },
            body: JSON.stringify({ email: addressOf(number) }),
          });
          await answer.arrayBuffer();
          if (answer.status !== 200) throw new Error(`A reset was answered ${answer.status}.`);
          await Bun.sleep(PAUSE_MS);
        }
        const { accepted } = await sink.until(plan.idle + WARM_UP, 30);
        const rows = await sql<{ email: string; at: number }[]>`
          select requested_email as email, extract(epoch from created_at)::float8 * 1000 as at from message`;
        const created = new Map(rows.map(({ email, at }) => [email, at]));
        const waits = accepted.slice(WARM_UP).map(([email, at]) => at - (created.get(email) ?? Number.NaN));
        return { "p50 ms": percentile(waits, 50), "p99 ms": percentile(waits, 99), "longest ms": Math.max(...waits) };
      } finally {
        await kill(api);
      }
    };
    return {
      conditions: [{ name: CONDITION, run }],
      checks: [
        { what: "commit → accepted by SMTP, p50 (ms)", ours: [CONDITION, "p50 ms"], atMost: 5 },
        { what: "commit → accepted by SMTP, p99 (ms)", ours: [CONDITION, "p99 ms"], atMost: 40 },
      ],
      notes: () => [
        "From `created_at`, which is the start of the INSERT's transaction, so the commit's own fsync is counted too; " +
          "to the sink's clock when it has read the final dot.",
      ],
      close: () => database.drop(),
    };
  },
};
