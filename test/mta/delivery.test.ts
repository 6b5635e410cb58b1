/** dundie sends through Debian's Postfix. What Postfix delivers is counted in its mailboxes by Message-ID. */
import { afterAll, afterEach, beforeAll, describe, expect, test } from "bun:test";
import { dirname, join } from "node:path";
import { makeCertificates } from "../support/certificates.ts";
import { deliveredIds, startMtaHarness, type MtaHarness } from "./harness.ts";
import { postfixIsMissing } from "./postfix.ts";
import { until } from "../support/waiting.ts";

const missing = postfixIsMissing();
if (missing !== null) console.error(`\nSKIPPED: the tests with a real MTA do not run, because ${missing}.\n`);

describe.skipIf(missing !== null)("deliveries by Postfix", () => {
  let mta: MtaHarness;
  beforeAll(async () => {
    mta = await startMtaHarness();
  }, 60_000);
  afterEach(() => mta.endTest());
  afterAll(() => mta.close());

  test("1,000 emails are in the mailboxes, each exactly once, although Postfix restarts meanwhile", async () => {
    const postfix = await mta.postfix();
    const api = await mta.serve(postfix.url);
    const requested = api.request(1_000);
    for (const share of [200, 600]) {
      await until(() => postfix.delivered >= share);
      await postfix.restart();
    }
    expect(await requested).toEqual(new Set([200]));
    expect(await api.settled(60)).toEqual({ sent: 1_000 });
    const ids = await deliveredIds(postfix, 1_000);
    const rows = await api.sql<{ id: string }[]>`select id from message`;
    expect(new Set(ids).size).toBe(1_000);
    expect(new Set(ids)).toEqual(new Set(rows.map(({ id }) => `<${id}@dm.com>`)));
    // A restart between an email and its 250 makes a copy; its reply was lost.
    const repeated = await api.sql`select 1 from attempt where outcome = 'unknown'`;
    expect(ids.length - 1_000).toBeLessThanOrEqual(repeated.length);
  }, 120_000);

  test("SIGTERM while emails are sent leaves none behind and doubles none", async () => {
    const postfix = await mta.postfix();
    const first = await mta.serve(postfix.url);
    const requested = first.request(200).catch(() => undefined);
    await until(() => postfix.delivered >= 50);
    await requested;
    first.dundie.signal("SIGTERM");
    expect(await first.dundie.exited).toBe(0);
    const sent = (await first.states())["sent"] ?? 0;
    const ids = await deliveredIds(postfix, sent);
    expect(ids).toHaveLength(sent);
    expect(new Set(ids).size).toBe(sent);
  }, 60_000);

  test("STARTTLS that Postfix requires, with a certificate of a private authority", async () => {
    await using certificates = await makeCertificates();
    const directory = dirname(certificates.caFile);
    await Bun.write(join(directory, "smtpd.pem"), certificates.good.key + certificates.good.cert);
    const postfix = await mta.postfix({
      smtpd_tls_security_level: "encrypt",
      smtpd_tls_chain_files: join(directory, "smtpd.pem"),
      smtpd_tls_loglevel: "1",
    });
    const api = await mta.serve(postfix.url, { SMTP_CA_FILE: certificates.caFile, SMTP_TLS: "required" });
    expect(await api.request(5)).toEqual(new Set([200]));
    expect(await api.settled(30)).toEqual({ sent: 5 });
    expect(await deliveredIds(postfix, 5)).toHaveLength(5);
    expect(postfix.log()).toContain("TLS connection established from");
  }, 60_000);

  test("a limit of two connections for one client delays no email", async () => {
    const postfix = await mta.postfix({
      smtpd_client_connection_count_limit: "2",
      smtpd_client_event_limit_exceptions: "",
    });
    const api = await mta.serve(postfix.url);
    expect(await api.request(50)).toEqual(new Set([200]));
    expect(await api.settled(15)).toEqual({ sent: 50 });
    expect(await deliveredIds(postfix, 50)).toHaveLength(50);
  }, 60_000);

  test("a relay that checks the EHLO name accepts ours", async () => {
    const postfix = await mta.postfix({
      smtpd_helo_required: "yes",
      smtpd_helo_restrictions: "reject_invalid_helo_hostname, reject_non_fqdn_helo_hostname",
    });
    const api = await mta.serve(postfix.url);
    expect(await api.request(5)).toEqual(new Set([200]));
    expect(await api.settled(40)).toEqual({ sent: 5 });
  }, 60_000);
});
