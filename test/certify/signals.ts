/** Processes that are asked to stop, or made to. */
import type { Scenario } from "./scenario.ts";

const SIGTERM_EXIT_SECONDS = 20;

const stopped: Scenario = {
  name: "sigterm",
  fault: "SIGTERM with letters on the wire: drained, exit 0, no copy",
  async play(stage) {
    const api = await stage.serve();
    const slow = await stage.smtp.set({ phase: "reply", delayMs: 2_000 });
    await stage.askAll(await stage.people(30));
    await slow.struck(5);
    const asked = performance.now();
    api.signal("SIGTERM");
    const code = await api.exited;
    stage.expect(code === 0, "SIGTERM ends it with exit code 0");
    stage.expect(performance.now() - asked < SIGTERM_EXIT_SECONDS * 1_000, "SIGTERM ends it within its grace");
    await slow.lift();
    stage.faultsEnd();
    await stage.serve();
  },
};

const forced: Scenario = {
  name: "sigterm-twice",
  fault: "a second SIGTERM while the first still drains",
  async play(stage) {
    const api = await stage.serve();
    const held = await stage.smtp.set({ phase: "reply", hold: true });
    await stage.askAll(await stage.people(30));
    await held.struck(5);
    await stage.disturb("the process was forced to stop", async () => {
      api.signal("SIGTERM");
      await stage.until(() => api.logged("stopping") > 0, "the first SIGTERM is heard");
      api.signal("SIGTERM");
      stage.expect((await api.exited) === 1, "the second SIGTERM ends it at once, with exit code 1");
    });
    await held.lift();
    stage.faultsEnd();
    await stage.serve();
  },
};

/**
 * The server has the letters when the worker freezes, and answers it then: with a 250 and with a 550. When it wakes,
 * another has sent copies, and what it has to say about its own must not count.
 */
const suspended: Scenario = {
  name: "sigstop",
  fault: "SIGSTOP of a worker for 40 s with letters on the wire; its late word must not count",
  async play(stage) {
    await stage.serve({ COURIER: "off" });
    const sleeper = await stage.worker();
    const people = await stage.people(4);
    const held = await stage.smtp.set({ phase: "reply", recipients: people.slice(0, 2), times: 2, hold: true });
    const refused = await stage.smtp.set({
      phase: "reply",
      recipients: people.slice(2),
      times: 2,
      hold: true,
      reply: "550 5.7.1 A word that comes too late",
    });
    await stage.askAll(people);
    await Promise.all([held.struck(2), refused.struck(2)]);
    await stage.disturb("the process was suspended", async () => {
      sleeper.signal("SIGSTOP");
      const asleep = Bun.sleep(40_000);
      await Promise.all([held.lift(), refused.lift()]);
      stage.faultsEnd();
      await stage.worker();
      await stage.askAll(await stage.people(20));
      await asleep;
      sleeper.signal("SIGCONT");
      await stage.until(() => sleeper.logged("lease_lost") >= people.length, "its late words are turned away");
    });
  },
};

export const signals = [suspended, forced, stopped];
