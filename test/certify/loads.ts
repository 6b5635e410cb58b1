/** Much at once. */
import type { Scenario } from "./scenario.ts";

/** Nothing breaks: this is only how long the letters take, on a machine that does everything at once. */
const DRAIN_SECONDS = 120;

const twoWorkers: Scenario = {
  name: "two-workers",
  fault: "two workers over 5,000 messages: each once",
  heavy: true,
  recoverySeconds: DRAIN_SECONDS,
  async play(stage) {
    await stage.serve({ COURIER: "off" });
    const people = await stage.people(5_000);
    await Promise.all([stage.worker(), stage.worker()]);
    await stage.askAll(people, 64);
    stage.faultsEnd();
    await stage.until(async () => {
      const busy = await stage.sql`select 1 from attempt group by courier_id having count(*) > ${people.length / 10}`;
      return busy.length === 2;
    }, "both workers take their part");
  },
};

const burst: Scenario = {
  name: "burst",
  fault: "a burst of 10,000 requests for as many accounts",
  heavy: true,
  recoverySeconds: DRAIN_SECONDS,
  async play(stage) {
    await stage.serve();
    await stage.askAll(await stage.people(10_000), 256);
    stage.faultsEnd();
  },
};

export const loads = [twoWorkers, burst];
