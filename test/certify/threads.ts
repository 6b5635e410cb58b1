/** A courier thread that ends, or that spins without ending. The process goes on, and its API answers meanwhile. */
import type { Scenario } from "./scenario.ts";

export type ThreadFault = "throws" | "exits" | "rejects" | "spins";

const NAMES: Record<ThreadFault, string> = {
  throws: "throws an error that is not caught",
  exits: "exits",
  rejects: "has a rejection that is not handled",
  spins: "spins without end",
};

export const brokenThread = (fault: ThreadFault): Scenario => ({
  name: `thread-${fault}`,
  fault: `a courier thread that ${NAMES[fault]}, while it sends emails`,
  async run(testbed) {
    const api = await testbed.serveBreakable();
    const held = await testbed.smtp.add({ phase: "reply", hold: true });
    await testbed.requestResets(await testbed.createAccounts(3));
    await held.applied(3);
    await testbed.explainCopies(`the thread ${fault}`, async () => {
      testbed.breakThread(fault);
      if (fault === "spins") await held.remove();
      await testbed.until(
        () => api.logged("courier_lost") > 0,
        "the main thread notices that its courier thread is lost",
        150_000,
      );
      const answers = await testbed.requestResets(await testbed.createAccounts(10));
      testbed.expect(
        answers.every(({ status }) => status === 200),
        "the API answers while its courier thread is lost",
      );
    });
    await held.remove();
    testbed.faultsEnd();
  },
});

export const threads = (["throws", "exits", "rejects", "spins"] as const).map(brokenThread);
