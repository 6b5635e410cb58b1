/** `dundie doctor`: what it says of a set-up that works, and of each that does not. */
import { afterAll, afterEach, beforeAll, describe, expect, test } from "bun:test";
import { checkClock } from "../src/doctor/database.ts";
import { checkDomain } from "../src/doctor/domain.ts";
import { examine } from "../src/doctor/doctor.ts";
import type { Finding } from "../src/doctor/finding.ts";
import { createNames } from "../src/doctor/names.ts";
import { sendTestEmail } from "../src/doctor/smtp.ts";
import { PASSWORD, startApi } from "./support/api.ts";
import { startApplication, type Application } from "./support/application.ts";
import { emptyDatabase, type TestDatabase } from "./support/database.ts";
import { startDns, type DnsRecords } from "./support/dns.ts";
import { freePort } from "./support/ports.ts";
import { spawnCli } from "./support/process.ts";
import { SETTINGS, testConfig } from "./support/settings.ts";
import { until } from "./support/waiting.ts";

let application: Application;
let empty: TestDatabase;
let databaseUrl: string;
beforeAll(async () => {
  [application, empty] = await Promise.all([startApplication(), emptyDatabase()]);
  databaseUrl = application.running.deps.config.databaseUrl ?? "";
}, 120_000);
afterAll(async () => {
  await application[Symbol.asyncDispose]();
  await empty[Symbol.asyncDispose]();
});
afterEach(() => application.smtp.behave(null));

/** Nothing answers there. */
const SILENT_DNS = ["127.0.0.1:9"];

async function findings(environment: Record<string, string> = {}, dns = SILENT_DNS): Promise<Finding[]> {
  const settings = { DATABASE_URL: databaseUrl, SMTP_URL: application.smtp.url, ...environment };
  const config = testConfig(settings);
  return await examine({
    config,
    databaseUrl: settings.DATABASE_URL,
    names: createNames(dns),
    dkimSelector: null,
  });
}

/** `verdict text` of each finding about a subject. */
const about = (found: readonly Finding[], subject: string): string[] =>
  found.filter((one) => one.subject === subject).map(({ verdict, text }) => `${verdict} ${text}`);

describe("a set-up that works", () => {
  test("has no fault, and what the DNS does not tell is not known", async () => {
    const found = await findings();
    expect(found.filter(({ verdict }) => verdict === "fault")).toEqual([]);
    expect(about(found, "database")[0]).toMatch(/^ok PostgreSQL \d+.*, encoding UTF8/);
    expect([...about(found, "pooler"), ...about(found, "schema")].every((one) => one.startsWith("ok "))).toBe(true);
    expect(about(found, "SMTP")).toEqual([
      `ok 127.0.0.1:${application.smtp.port} answers, without TLS on this machine`,
    ]);
    for (const subject of ["SPF", "DKIM", "DMARC"]) expect(about(found, subject)[0]).toStartWith("not known ");
  }, 60_000);

  test("is told at the command line, a line each, with exit code 0, and the test email is followed to its end", async () => {
    const env = { ...SETTINGS, DATABASE_URL: databaseUrl, SMTP_URL: application.smtp.url };
    await using doctor = spawnCli(["doctor", "--send-to", "mscott@dm.com"], { env });
    expect([await doctor.ended, doctor.stderr]).toEqual([0, ""]);
    const lines = doctor.stdout.trimEnd().split("\n");
    expect(lines.filter((line) => !/^(ok|warning|fault|not known) /.test(line))).toEqual([]);
    expect(lines.at(-1)).toMatch(/^ok +test email +mscott@dm\.com: the SMTP server accepted it: 250 /);
    expect(application.smtp.accepted().some(({ recipient }) => recipient === "mscott@dm.com")).toBe(true);
  }, 60_000);

  test("is told to a superuser by the API, and to no other account", async () => {
    const { access_token: token } = await application.logIn("michael-scott");
    const told = await application.call("GET", "/doctor/", { token });
    expect(told.status).toBe(200);
    expect(about(told.body as Finding[], "database")[0]).toStartWith("ok PostgreSQL");
    await using api = await startApi();
    const other = (await api.logIn("jim-halpert", PASSWORD)).access_token;
    expect((await api.call("GET", "/doctor/", { token: other })).status).toBe(403);
  }, 60_000);
});

describe("a fault", () => {
  test("in the configuration names each variable, and the exit code is 1", async () => {
    const env = { DATABASE_URL: databaseUrl, SMTP_URL: "http://x", PORT: "http" };
    await using doctor = spawnCli(["doctor", "--json"], { env });
    expect(await doctor.ended).toBe(1);
    const found = JSON.parse(doctor.stdout) as Finding[];
    expect(found.every(({ subject, verdict }) => subject === "configuration" && verdict === "fault")).toBe(true);
    for (const name of ["PORT", "SMTP_URL", "SECRET_KEY", "MAIL_FROM", "PUBLIC_URL"])
      expect(found.some(({ text }) => text.startsWith(`${name} `))).toBe(true);
  }, 60_000);

  test("of passwords that are refused and hosts that do not answer is told without a password", async () => {
    const secret = "pw-8d1f-secret";
    const port = freePort();
    const env = {
      ...SETTINGS,
      DATABASE_URL: `postgres://dundie:${secret}@127.0.0.1:${port}/none`,
      SMTP_URL: `smtp://dundie:${secret}@127.0.0.1:${port}`,
    };
    await using doctor = spawnCli(["doctor"], { env });
    expect(await doctor.ended).toBe(1);
    expect(doctor.stdout).toMatch(/^fault +database +.*ECONNREFUSED/m);
    expect(doctor.stdout).toMatch(/^fault +SMTP +.*ECONNREFUSED/m);
    expect(doctor.stdout + doctor.stderr).not.toContain(secret);
    expect(doctor.stdout + doctor.stderr).not.toContain(SETTINGS.SECRET_KEY);
  }, 60_000);

  test("of the schema is told beside a server that is well", async () => {
    const found = await findings({ DATABASE_URL: empty.url });
    expect(about(found, "database")[0]).toStartWith("ok ");
    expect(about(found, "schema")).toEqual([expect.stringMatching(/^fault the schema "dundie" has no tables/)]);
  }, 60_000);

  test.each([
    ["greeting", "554 5.7.1 Go away", "SMTP", /^fault .*554 5\.7\.1 Go away/],
    ["ehlo", "550 5.7.1 Helo command rejected", "SMTP", /^fault .*see SMTP_HELO/],
    ["ehlo", "250-mail.example.com\r\n250 SIZE 4096", "SIZE", /^fault the server takes emails of 4096 bytes at most/],
    ["ehlo", "250-mail.example.com\r\n250 SIZE 10240000", "SIZE", /^ok .*10240000/],
    ["ehlo", "250-mail.example.com\r\n250 SMTPUTF8", "SMTPUTF8", /^ok .*beyond ASCII/],
  ] as const)(
    "of the SMTP server at %s: %s",
    async (phase, reply, subject, expected) => {
      application.smtp.behave((moment) => (moment.phase === phase ? { reply } : null));
      expect(about(await findings(), subject).join("\n")).toMatch(expected);
    },
    60_000,
  );

  test("of a login or of encryption that is not to be had is told with the variable to change", async () => {
    const { port } = application.smtp;
    application.smtp.behave(({ phase }) => (phase === "auth" ? { reply: "535 5.7.8 Authentication failed" } : null));
    const found = await findings({ SMTP_URL: `smtp://dundie:wrong-pw@127.0.0.1:${port}` });
    const said = found.find(({ subject, verdict }) => subject.startsWith("SMTP") && verdict === "fault");
    expect(said?.advice).toContain("SMTP_URL");
    const plain = await findings({ SMTP_TLS: "required" });
    expect(about(plain, "SMTP")[0]).toMatch(/^fault .*STARTTLS.*SMTP_TLS/);
    expect(JSON.stringify([...found, ...plain])).not.toContain("wrong-pw");
  }, 60_000);

  test("of a server that says nothing is told within the time of a step", async () => {
    application.smtp.behave(({ phase }) => (phase === "greeting" ? { silent: true } : null));
    const startedAt = performance.now();
    expect(about(await findings(), "SMTP")).toEqual([expect.stringMatching(/^fault .*no reply within 10 s/)]);
    expect(performance.now() - startedAt).toBeLessThan(40_000);
  }, 60_000);

  test("of the clock begins at 30 s, and a warning at 2 s", async () => {
    const verdictAt = async (offsetMs: number) => (await checkClock(async () => Date.now() + offsetMs)).verdict;
    expect(await Promise.all([0, 3_000, -3_000, 31_000, -31_000].map(verdictAt))).toEqual([
      "ok",
      "warning",
      "warning",
      "fault",
      "fault",
    ]);
  });

  test("of the test email has the server's words: later, never, or not at all", async () => {
    const config = testConfig({ DATABASE_URL: databaseUrl, SMTP_URL: application.smtp.url });
    for (const [reply, verdict] of [
      ["451 4.3.1 Insufficient system storage", "warning"],
      ["550 5.1.1 User unknown", "fault"],
    ] as const) {
      application.smtp.behave(({ phase }) => (phase === "rcpt" ? { reply } : null));
      const { verdict: said, text } = await sendTestEmail(config, "mscott@dm.com");
      expect([said, text]).toEqual([verdict, expect.stringContaining(reply)]);
    }
  }, 60_000);
});

test("names that the DNS has, and has not, are told", async () => {
  await using dns = await startDns({ "A accounts.example.com": ["192.0.2.1"], "A mail.example.com": ["192.0.2.2"] });
  const named = await findings({ PUBLIC_URL: "https://accounts.example.com" }, [dns.address]);
  expect(about(named, "EHLO")).toEqual(["ok accounts.example.com is 192.0.2.1"]);
  const changes = { PUBLIC_URL: "https://accounts.example.com", SMTP_HELO: "other.example.com" };
  expect(about(await findings(changes, [dns.address]), "EHLO")[0]).toMatch(
    /^warning other\.example\.com has no address/,
  );
  const host = await findings({ SMTP_URL: "smtp://nowhere.invalid" }, [dns.address]);
  expect(about(host, "SMTP host")).toEqual(["fault nowhere.invalid has no address"]);
}, 60_000);

test("what waits is told as the page tells it", async () => {
  await application.sql`insert into mail_control (paused_at, paused_by) values (now(), 'a test')
    on conflict (singleton) do update set paused_at = now()`;
  expect(about(await findings(), "email")[0]).toMatch(/^warning Mail has been paused since /);
  await application.sql`update mail_control set paused_at = null`;
  await until(async () => about(await findings(), "email")[0]?.startsWith("ok"));
}, 60_000);

describe("the sender's domain", () => {
  const KEY = "v=DKIM1; k=rsa; p=MIGfMA0";
  const ALL_WELL: DnsRecords = {
    "TXT dm.com": ["google-site-verification=x", "v=spf1 include:relay.example ~all"],
    "TXT mail._domainkey.dm.com": [`${KEY}${"A".repeat(300)}`],
    "TXT _dmarc.dm.com": ["v=DMARC1; p=quarantine; rua=mailto:d@dm.com"],
  };
  const verdicts = async (
    changes: DnsRecords,
    { sender = "no-reply@dm.com", selector = null as string | null } = {},
  ) => {
    await using dns = await startDns({ ...ALL_WELL, ...changes });
    const found = await checkDomain(createNames([dns.address]), sender, selector);
    return found.map(({ subject, verdict }) => `${subject} ${verdict}`);
  };

  test("with all three is well, with and without the selector", async () => {
    expect(await verdicts({}, { selector: "mail" })).toEqual(["SPF ok", "DKIM ok", "DMARC ok"]);
    expect(await verdicts({})).toEqual(["SPF ok", "DKIM not known", "DMARC ok"]);
  });

  test.each([
    ["no SPF record", { "TXT dm.com": ["something else", "v=spf10 -all"] }, "SPF warning"],
    // RFC 7208 §4.5: more than one record is a permanent error.
    ["two SPF records", { "TXT dm.com": ["v=spf1 -all", "v=spf1 mx -all"] }, "SPF fault"],
    ["an SPF record that lets everyone send", { "TXT dm.com": ["v=spf1 mx +all"] }, "SPF warning"],
    ["an SPF record of -all", { "TXT dm.com": ["v=spf1 mx -all"] }, "SPF ok"],
    ["no DMARC record", { "TXT _dmarc.dm.com": ["v=DMARC2; p=none"] }, "DMARC warning"],
    ["a DMARC record without a policy", { "TXT _dmarc.dm.com": ["v=DMARC1; rua=mailto:d@dm.com"] }, "DMARC fault"],
  ] as const)("with %s", async (_, records, expected) => {
    expect(await verdicts(records)).toContain(expected);
  });

  test("with a key that is missing or revoked", async () => {
    expect(await verdicts({}, { selector: "other" })).toContain("DKIM fault");
    // RFC 6376 §3.6.1: an empty p= revokes the key.
    expect(await verdicts({ "TXT mail._domainkey.dm.com": ["v=DKIM1; p="] }, { selector: "mail" })).toContain(
      "DKIM fault",
    );
    expect(await verdicts({}, { sender: "no-reply@other.example" })).toEqual([
      "SPF warning",
      "DKIM not known",
      "DMARC warning",
    ]);
  });

  test("below another one has the policy of that", async () => {
    expect(await verdicts({ "TXT mail.dm.com": ["v=spf1 -all"] }, { sender: "no-reply@mail.dm.com" })).toContain(
      "DMARC ok",
    );
  });

  test("is not known where no DNS answers", async () => {
    const startedAt = performance.now();
    const found = await checkDomain(createNames(SILENT_DNS), "no-reply@dm.com", "mail");
    expect(found.map(({ verdict }) => verdict)).toEqual(["not known", "not known", "not known"]);
    expect(performance.now() - startedAt).toBeLessThan(10_000);
  });
});
