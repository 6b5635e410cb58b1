/** Relays that refuse everything, are slow, or have limits: the conversations that real relays have. */
import { losePackets, packetLossIsMissing } from "../support/packet-loss.ts";
import { LEASE_RECOVERY_SECONDS, type Scenario } from "./scenario.ts";
import type { Testbed } from "./testbed.ts";
import { secondsToMail } from "./workloads.ts";

/** The breaker pauses up to 60 s between two probes. */
const BREAKER_RECOVERY_SECONDS = 75;

/** @returns states of the messages to these addresses, in the order of the requests. */
async function statesOf({ sql }: Testbed, emails: readonly string[]): Promise<string[]> {
  const rows = await sql<{ state: string }[]>`
    select state from message where requested_email = any(${emails as string[]}::text[]) order by id`;
  return rows.map(({ state }) => state);
}

/** Refusals that say that the relay does not let dundie send, whoever the recipient is (RFC 3463 §3.8). */
const REFUSALS_OF_THE_SENDER = [
  "554 5.7.1 Relay access denied",
  "550 relay not permitted",
  "530 5.7.0 Authentication required",
  "553 5.7.1 Sender address rejected: not owned by user",
  "550 5.7.60 Client does not have permissions to send as this sender",
  "554 5.3.0 This system is not configured to relay mail",
];

/** So little mail that each message stands alone: no other recipient tells whose fault it is. */
const deniesQuietly: Scenario = {
  name: "relay-denies-quietly",
  fault: `a relay that refuses everything in ${REFUSALS_OF_THE_SENDER.length} ways, at one request every 7 s`,
  takesAway: "SMTP",
  recoverySeconds: BREAKER_RECOVERY_SECONDS,
  async run(testbed) {
    await testbed.serve();
    const emails = await testbed.createAccounts(REFUSALS_OF_THE_SENDER.length);
    const rules = await Promise.all(
      emails.map((email, at) =>
        testbed.smtp.add({ phase: "rcpt", recipients: [email], reply: REFUSALS_OF_THE_SENDER[at] ?? "" }),
      ),
    );
    for (const email of emails) {
      await testbed.requestReset(email);
      await Bun.sleep(7_000);
    }
    const states = await statesOf(testbed, emails);
    testbed.expect(!states.includes("failed"), `no message fails while the relay refuses everything (${states})`);
    for (const rule of rules) await rule.remove();
    testbed.faultsEnd();
  },
};

/** The reply does not say who is at fault. The acceptance of the next recipients does. */
const refusesUnclearly: Scenario = {
  name: "relay-refuses-unclearly",
  fault: "a 550 without a reason for one recipient: decided only when other recipients are accepted",
  recoverySeconds: BREAKER_RECOVERY_SECONDS,
  async run(testbed) {
    await testbed.serve();
    const [refused = "", ...others] = await testbed.createAccounts(6);
    testbed.touches([refused]);
    testbed.allowEnd([refused], "rejected");
    await testbed.smtp.add({ phase: "rcpt", recipients: [refused], reply: "550 Requested action not taken" });
    await testbed.requestReset(refused);
    await Bun.sleep(10_000);
    const [state] = await statesOf(testbed, [refused]);
    testbed.expect(state === "queued", `the message waits until other recipients tell whose fault it is (${state})`);
    await testbed.requestResets(others);
    testbed.faultsEnd();
  },
};

/** Credentials are configured, and the relay does not offer AUTH for a while. */
const asksForNoCredentials: Scenario = {
  name: "relay-without-auth",
  fault: "a relay that does not ask for the configured credentials for 10 s: nothing is sent without them",
  takesAway: "SMTP",
  recoverySeconds: BREAKER_RECOVERY_SECONDS,
  async run(testbed) {
    const url = new URL(testbed.smtp.url);
    url.username = "dundie";
    url.password = "a password of the certificate";
    const api = await testbed.serve({ SMTP_URL: url.href });
    await testbed.requestResets(await testbed.createAccounts(6));
    await Bun.sleep(10_000);
    testbed.expect(testbed.smtp.accepted === 0, "nothing is sent without the configured credentials");
    const named = api.log().some((line) => /\bauth|credential/i.test(JSON.stringify(line)));
    testbed.expect(named, "the log says that the relay does not ask for the credentials");
    await testbed.smtp.add({ phase: "ehlo", reply: "250-scripted\r\n250-AUTH PLAIN LOGIN\r\n250 8BITMIME" });
    await testbed.smtp.hangUpAll();
    testbed.faultsEnd();
  },
};

const checksHelo: Scenario = {
  name: "relay-checks-helo",
  fault: "a relay that refuses an EHLO name without a dot or an address in brackets",
  async run(testbed) {
    await testbed.serve();
    const reply = "504 5.5.2 Helo command rejected: need fully-qualified hostname";
    await testbed.smtp.add({ phase: "rcpt", heloNotQualified: true, reply });
    await testbed.requestResets(await testbed.createAccounts(10));
    testbed.faultsEnd();
  },
};

/** RFC 5321 §4.5.3.2 asks a client to wait 5 minutes for each of these replies. */
const slowSteps: Scenario = {
  name: "relay-slow-steps",
  fault: "a greeting after 12 s, and a reply to RCPT after 32 s: both emails are sent at their first attempt",
  recoverySeconds: 60,
  async run(testbed) {
    await testbed.serve();
    const [greeted = "", slow = "", ...others] = await testbed.createAccounts(12);
    testbed.touches([greeted, slow]);
    await testbed.smtp.add({ phase: "greeting", times: 1, delayMs: 12_000 });
    await testbed.smtp.add({ phase: "rcpt", recipients: [slow], delayMs: 32_000 });
    await testbed.requestReset(greeted);
    await testbed.requestReset(slow);
    await Bun.sleep(1_000);
    await testbed.requestResets(others);
    testbed.faultsEnd();
    await testbed.eventually(() => testbed.smtp.accepted >= 12, "all emails are accepted", 50_000);
    const retried = await testbed.sql`select 1 from attempt where number > 1`;
    testbed.expect(retried.length === 0, "no message needs a second attempt");
  },
};

/** As many slow recipients as the courier has connections: a relay that verifies addresses at a slow domain. */
const slowRecipients: Scenario = {
  name: "relay-slow-recipients",
  fault: "five recipients whose RCPT takes 60 s hold no connection that others need",
  recoverySeconds: 90,
  async run(testbed) {
    await testbed.serve();
    const slow = await testbed.createAccounts(5);
    testbed.touches(slow);
    const rule = await testbed.smtp.add({ phase: "rcpt", recipients: slow, delayMs: 60_000 });
    await testbed.requestResets(slow);
    await rule.applied(3);
    testbed.faultsEnd();
    const load = await testbed.startLoad(2);
    await Bun.sleep(30_000);
    await load.stop();
  },
};

/** A relay that allows two connections from one client, as shared hosting does. */
const twoConnections: Scenario = {
  name: "relay-two-connections",
  fault: "a relay that answers 421 to a third connection: the pool learns the limit",
  async run(testbed) {
    await testbed.serve();
    testbed.touches([]);
    const reply = "421 4.7.0 Too many concurrent SMTP connections";
    const refused = await testbed.smtp.add({ phase: "greeting", aboveConnections: 2, reply });
    await testbed.smtp.add({ phase: "reply", delayMs: 100 });
    await testbed.requestResets(await testbed.createAccounts(60));
    await testbed.until(() => testbed.smtp.accepted >= 60, "all emails are accepted", 60_000);
    testbed.expect(refused.count <= 15, `few connections are refused for 60 emails (${refused.count})`);
    testbed.faultsEnd();
  },
};

/** What Postfix's postscreen does with its deep protocol tests: the connection that was tested is never let through. */
const deepTests: Scenario = {
  name: "relay-deep-tests",
  fault: "a relay that answers 450 as long as a connection lives, and accepts on the next one (postscreen)",
  async run(testbed) {
    await testbed.serve();
    const reply = "450 4.3.2 Service currently unavailable";
    const rule = await testbed.smtp.add({ phase: "rcpt", firstConnections: 1, reply });
    await testbed.requestResets(await testbed.createAccounts(1));
    await rule.applied();
    testbed.faultsEnd();
  },
};

const longReply: Scenario = {
  name: "relay-long-reply",
  fault: "a reply of 4 MB after the email: read as the 250 that it is, and not copied",
  async run(testbed) {
    await testbed.serve();
    await testbed.smtp.add({ phase: "reply", times: 3, replyBytes: 4_000_000 });
    await testbed.requestResets(await testbed.createAccounts(6));
    testbed.faultsEnd();
  },
};

/** A reply code has three digits (RFC 5321 §4.2). Seven do not fit the column that stores it. */
const oddReplyCode: Scenario = {
  name: "relay-odd-reply-code",
  fault: "a reply code of seven digits for one recipient for 15 s: others do not wait, and the log stays short",
  recoverySeconds: BREAKER_RECOVERY_SECONDS,
  async run(testbed) {
    const api = await testbed.serve();
    const odd = await testbed.createAccounts(1);
    testbed.touches(odd);
    testbed.allowEnd(odd, "*");
    const rule = await testbed.smtp.add({ phase: "rcpt", recipients: odd, reply: "5500000 5.1.1 No such user here" });
    await testbed.requestResets(odd);
    await rule.applied();
    const load = await testbed.startLoad(2);
    await Bun.sleep(15_000);
    await load.stop();
    const complaints = api.log().filter(({ level }) => level === "error" || Number(level) >= 50).length;
    testbed.expect(complaints <= 20, `the log does not repeat one failure (${complaints} errors in 15 s)`);
    await rule.remove();
    testbed.faultsEnd();
  },
};

/** RFC 5890: a domain outside ASCII is sent as A-labels, because this relay has no SMTPUTF8. */
const asciiOnly: Scenario = {
  name: "relay-ascii-only",
  fault: "a sender at bücher.example, and a relay that takes ASCII only",
  async run(testbed) {
    await testbed.serve({ MAIL_FROM: "Dundie <no-reply@bücher.example>" });
    const reply = "553 5.6.7 Internationalized addresses are not supported";
    await testbed.smtp.add({ phase: "mail", senderNotAscii: true, reply });
    await testbed.requestResets(await testbed.createAccounts(6));
    testbed.faultsEnd();
  },
};

/** The breaker stays closed, since each 451 is about one message. The operator must hear of it all the same. */
const defersEverything: Scenario = {
  name: "relay-defers-everything",
  fault: "451 to everything: within a minute /health stops saying ok, and the log says why",
  takesAway: "SMTP",
  // The backoff of a reset may have grown to 80 s by then, with full jitter.
  recoverySeconds: 100,
  async run(testbed) {
    const api = await testbed.serve();
    const rule = await testbed.smtp.add({ phase: "rcpt", reply: "451 4.3.0 Temporary system problem" });
    const load = await testbed.startLoad(1);
    await testbed.eventually(
      async () => !/"status":"ok"/.test((await testbed.health()).body),
      "/health does not say ok while everything is deferred",
      60_000,
    );
    await load.stop();
    const said = api.log().some((line) => Number(line["level"]) >= 40 || /warn|error/.test(String(line["level"])));
    testbed.expect(said, "the log has a warning or an error");
    await rule.remove();
    testbed.faultsEnd();
  },
};

/** The first bytes of an email are out, and the reply to it does not come. Other messages have other connections. */
const silentAfterDot: Scenario = {
  name: "relay-silent-pool",
  fault: "four of five connections silent after the email for 40 s: the others are sent meanwhile",
  recoverySeconds: LEASE_RECOVERY_SECONDS + 30,
  async run(testbed) {
    await testbed.serve();
    const silent = await testbed.createAccounts(4);
    testbed.touches(silent);
    const rule = await testbed.smtp.add({ phase: "reply", recipients: silent, times: 4, silent: true });
    await testbed.requestResets(silent);
    await rule.applied(4);
    const load = await testbed.startLoad(4);
    await Bun.sleep(40_000);
    await load.stop();
    const [last = ""] = await testbed.createAccounts(1);
    const seconds = await secondsToMail(testbed, last);
    testbed.expect(seconds <= 3, `a message takes 3 s at most meanwhile (${seconds} s)`);
    await testbed.smtp.hangUpAll();
    testbed.faultsEnd();
  },
};

/** A bad network. TCP repairs it, with pauses that grow. */
const packetLoss: Scenario = {
  name: "relay-packet-loss",
  fault: "one of ten packets to and from the SMTP server lost for 20 s, under load",
  // A packet that is lost several times in a row is sent again after up to 12 s.
  takesAway: "capacity",
  missing: packetLossIsMissing,
  async run(testbed) {
    await testbed.serve();
    const loss = losePackets(Number(new URL(testbed.smtp.url).port), 0.1);
    try {
      const load = await testbed.startLoad(10);
      await Bun.sleep(20_000);
      await load.stop();
    } finally {
      loss.restore();
    }
    testbed.faultsEnd();
  },
};

export const relays: readonly Scenario[] = [
  deniesQuietly,
  defersEverything,
  slowRecipients,
  packetLoss,
  refusesUnclearly,
  slowSteps,
  silentAfterDot,
  asksForNoCredentials,
  checksHelo,
  twoConnections,
  deepTests,
  longReply,
  oddReplyCode,
  asciiOnly,
];
