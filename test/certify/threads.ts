/** A courier thread that dies, or worse, does not. The process lives, and its API answers all the while. */
import type { Scenario } from "./scenario.ts";

export type ThreadFault = "throws" | "exits" | "rejects" | "spins";

const NAMES: Record<ThreadFault, string> = {
  throws: "throws an error that nobody catches",
  exits: "exits",
  rejects: "has a rejection that nobody handles",
  spins: "spins for ever",
};

export const brokenThread = (fault: ThreadFault): Scenario => ({
  name: `thread-${fault}`,
  fault: `a courier thread that ${NAMES[fault]}, with letters on the wire`,
  async play(stage) {
    const api = await stage.serveBreakable();
    const held = await stage.smtp.set({ phase: "reply", hold: true });
    await stage.askAll(await stage.people(3));
    await held.struck(3);
    await stage.disturb(`the thread ${fault}`, async () => {
      stage.breakThread(fault);
      if (fault === "spins") await held.lift();
      await stage.until(() => api.logged("courier_lost") > 0, "the main thread misses its courier");
      const answers = await stage.askAll(await stage.people(10));
      stage.expect(
        answers.every(({ status }) => status === 200),
        "the API answers while its courier is dead",
      );
    });
    await held.lift();
    stage.faultsEnd();
  },
});

export const threads = (["throws", "exits", "rejects", "spins"] as const).map(brokenThread);
