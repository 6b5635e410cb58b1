/** Debian's Postfix refuses, for a while or for good, and dundie finds out which. */
import { afterAll, afterEach, beforeAll, describe, expect, test } from "bun:test";
import { deliveredIds, startMtaHarness, type MtaHarness } from "./harness.ts";
import { startGreylisting } from "./policy.ts";
import { postfixIsMissing } from "./postfix.ts";

const missing = postfixIsMissing();
if (missing !== null) console.error(`\nSKIPPED: the tests with a real MTA do not run, because ${missing}.\n`);

describe.skipIf(missing !== null)("refusals by Postfix", () => {
  let mta: MtaHarness;
  beforeAll(async () => {
    mta = await startMtaHarness();
  }, 60_000);
  afterEach(() => mta.endTest());
  afterAll(() => mta.close());

  test("an unknown recipient ends rejected, and the others are delivered", async () => {
    const postfix = await mta.postfix();
    const api = await mta.serve(postfix.url);
    expect(await api.request(5)).toEqual(new Set([200]));
    expect(await api.request(1, "unknown")).toEqual(new Set([200]));
    expect(await api.settled(60)).toEqual({ sent: 5, "failed (rejected)": 1 });
    expect(await deliveredIds(postfix, 5)).toHaveLength(5);
  }, 90_000);

  test("a relay that denies access keeps the messages queued until it is configured", async () => {
    const postfix = await mta.postfix({ virtual_mailbox_domains: "another.example" });
    const api = await mta.serve(postfix.url);
    expect(await api.request(2)).toEqual(new Set([200]));
    await Bun.sleep(12_000);
    expect((await api.states())["failed (rejected)"]).toBeUndefined();
    await postfix.configure({ virtual_mailbox_domains: "example.com" });
    expect(await api.settled(90)).toEqual({ sent: 2 });
  }, 120_000);

  test("greylisted recipients are delivered at a later attempt", async () => {
    const greylisting = startGreylisting(2_000);
    mta.onEnd(() => greylisting.stop());
    const postfix = await mta.postfix({
      smtpd_recipient_restrictions: `check_policy_service inet:127.0.0.1:${greylisting.port}`,
    });
    const api = await mta.serve(postfix.url);
    expect(await api.request(10)).toEqual(new Set([200]));
    expect(await api.settled(60)).toEqual({ sent: 10 });
    expect(greylisting.deferred).toBeGreaterThanOrEqual(10);
    expect(await deliveredIds(postfix, 10)).toHaveLength(10);
  }, 90_000);

  test("postscreen's deep protocol tests are passed by a fresh connection", async () => {
    const postfix = await mta.postfix({
      postscreen_access_list: "",
      postscreen_greet_wait: "2s",
      postscreen_greet_action: "enforce",
      postscreen_pipelining_enable: "yes",
      postscreen_non_smtp_command_enable: "yes",
      postscreen_bare_newline_enable: "yes",
    });
    const api = await mta.serve(postfix.postscreenUrl);
    expect(await api.request(3)).toEqual(new Set([200]));
    expect(await api.settled(60)).toEqual({ sent: 3 });
    expect(postfix.log()).toContain("PASS NEW");
    expect(await deliveredIds(postfix, 3)).toHaveLength(3);
  }, 90_000);
});
