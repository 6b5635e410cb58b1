/** SMTP servers as they are: what they say, how slowly, and under which certificate. */
import { afterAll, describe, expect, test } from "bun:test";
import { parseSmtpTimeouts } from "../src/config/smtp-timeouts.ts";
import {
  createSmtpTransport,
  replySecondsOf,
  type OutgoingMail,
  type Transport,
} from "../src/mail/courier/transport.ts";
import { relaySettingsId } from "../src/mail/courier/relay-record.ts";
import { ReplyReader, refusalSubject } from "../src/mail/courier/smtp/reply.ts";
import { openSession } from "../src/mail/courier/smtp/open-session.ts";
import { SmtpPool } from "../src/mail/courier/smtp/pool.ts";
import { sendsPasswordInClear, smtpSettings } from "../src/mail/courier/smtp/settings.ts";
import { readConfig } from "../src/config.ts";
import { makeCertificates } from "./support/certificates.ts";
import { startLineServer, type LineServer } from "./support/smtp-lines.ts";
import { testConfig } from "./support/settings.ts";
import { until } from "./support/waiting.ts";

const transports: Transport[] = [];
afterAll(() => {
  for (const transport of transports) transport.close();
});

const certificates = Bun.which("openssl") ? await makeCertificates() : null;
if (!certificates) console.error("SKIPPED: the TLS tests need the openssl command, which is not installed.");
afterAll(() => certificates?.[Symbol.asyncDispose]());

/** As the courier makes it, from the environment. */
function transportTo(smtpUrl: string, environment: Record<string, string> = {}): Transport {
  const address = {
    DATABASE_URL: "postgres://unused/unused",
    SMTP_URL: smtpUrl,
    PUBLIC_URL: "https://accounts.dm.com",
  };
  const config = testConfig({ ...address, ...environment });
  const from = config.mailFrom;
  const transport = createSmtpTransport({ smtp: smtpSettings(config, smtpUrl), from });
  transports.push(transport);
  return transport;
}

const mailTo = (address = "pam@example.com", changes: Partial<OutgoingMail> = {}): OutgoingMail => ({
  id: Bun.randomUUIDv7(),
  to: { name: "Pam", address },
  date: new Date(),
  subject: "s",
  html: "h",
  text: "t",
  linkLifetimeSeconds: null,
  ...changes,
});

const send = (transport: Transport, mail = mailTo(), signal = new AbortController().signal) =>
  transport.send(mail, signal);
const plain = ({ port }: LineServer): string => `smtp://127.0.0.1:${port}`;

describe("replies", () => {
  const read = (...chunks: string[]) => {
    const reader = new ReplyReader();
    for (const chunk of chunks) reader.push(Buffer.from(chunk));
    const replies = [];
    for (let reply = reader.next(); reply; reply = reader.next()) replies.push([reply.code, reply.text]);
    return replies;
  };

  test("of several lines are one, however the packets cut them", () => {
    const text = "250-one\r\n250-two\r\n250 three\r\n";
    const whole = [[250, "250-one\n250-two\n250 three"]];
    expect(read(text)).toEqual(whole);
    expect(read(...text)).toEqual(whole);
    expect(read("250-one\n", "250 two\n")).toEqual([[250, "250-one\n250 two"]]);
    expect(read("250-one\r\nno code\r\n250 two\r\n")).toEqual([[250, "250-one\nno code\n250 two"]]);
    expect(read("220 a\r\n\r\n250 b\r\n")).toEqual([
      [220, "220 a"],
      [250, "250 b"],
    ]);
  });

  test("have a code of exactly three digits, or none", () => {
    expect(read("250\r\n250OK\r\n")).toEqual([
      [250, "250"],
      [250, "250OK"],
    ]);
    for (const odd of ["2500000 Ok", "25 Ok", "2.5.0 Ok", "Ok", "999 Ok", "100 Ok", "\u0015\u0003\u0001"]) {
      expect(read(`${odd}\r\n`)).toEqual([[null, odd]]);
    }
  });

  test("beyond what is kept are complete, in one line or in many", () => {
    const line = read(`250 ${"x".repeat(100_000)}`);
    expect(line).toEqual([[250, expect.stringMatching(/^250 x{16000,16384}$/)]]);
    const lines = read("550-no\r\n".repeat(100_000));
    expect(lines).toHaveLength(1);
    expect(lines[0]?.[0]).toBe(550);
  });

  test("in UTF-8 are read as that, and others byte by byte", () => {
    expect(read("550 Usuário\r\n")).toEqual([[550, "550 Usuário"]]);
    const reader = new ReplyReader();
    reader.push(Buffer.from("550 Usu\u00e1rio\r\n", "latin1"));
    expect(reader.next()?.text).toBe("550 Usu\u00e1rio");
  });

  test("that end with the connection count as refusals only", () => {
    const end = (text: string) => {
      const reader = new ReplyReader();
      reader.push(Buffer.from(text));
      return reader.end()?.code ?? null;
    };
    expect([end("554 go away"), end("250 Ok"), end("55"), end("")]).toEqual([554, null, null, null]);
  });
});

describe("what a refusal is about", () => {
  test.each([
    ["554 5.7.1 Relay access denied", "us"],
    ["554 5.7.1 <pam@example.com>: Relay access denied", "us"],
    ["550 5.7.26 This mail is unauthenticated", "us"],
    ["550-5.7.1 [192.0.2.1] Our system has detected that this message is likely unsolicited mail", "us"],
    ["550 5.7.60 SMTP; Client does not have permissions to send as this sender", "us"],
    ["550 relaying denied", "us"],
    ["550 Authentication required", "us"],
    ["550 You are not allowed to send as this sender", "us"],
    ["553 sorry, that domain isn't in my list of allowed rcpthosts (#5.7.1)", "us"],
    ["553 5.1.8 <no-reply@dm.com>: Sender address rejected: Domain not found", "us"],
    ["504 5.5.2 <[127.0.0.1]>: Helo command rejected: need fully-qualified hostname", "us"],
    ["554 5.3.5 Local configuration error", "us"],
    ["550 5.1.90 Your message can't be sent because you've reached your daily limit for message recipients", "us"],
    ["554 5.2.252 SendAsDenied; no-reply@dm.com not allowed to send as pam@dm.com", "us"],
    ["550 5.1.2 Relaying denied", "us"],
    ["454 4.7.1 <pam@example.com>: Relay access denied", "us"],
    ["552 5.3.4 Message too big for system", "us"],
    ["554 Service unavailable; Client host [192.0.2.1] blocked using zen.spamhaus.org", "us"],
    ["550 5.1.1 <pam@example.com>: Recipient address rejected: User unknown in virtual mailbox table", "recipient"],
    ["550-5.1.1 The email account that you tried to reach does not exist.\n550 5.1.1 Try again", "recipient"],
    ["550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient not found by SMTP address lookup", "recipient"],
    ["556 5.1.10 Null MX", "recipient"],
    ["550 5.2.1 The user you are trying to contact is disabled", "recipient"],
    ["552 5.2.2 Mailbox full", "recipient"],
    ["550 <relay@example.com>: User unknown", "recipient"],
    ["550 No such user here", "recipient"],
    ["550 5.1.1 <pam@example.com>: Recipient address rejected: User unknown in relay recipient table", "recipient"],
    ["550 sorry, no mailbox here by that name. (#5.1.1)", "recipient"],
    ["550 sorry, that address is not in use (#5.1.1)", "recipient"],
    ["550 5.5.0 Requested action not taken: mailbox unavailable", "unclear"],
    ["550 Requested action not taken: mailbox unavailable", "unclear"],
    ["550 No", "unclear"],
    ["554 5.0.0 Rejected", "unclear"],
    ["550 5.4.1 Recipient address rejected: Access denied", "unclear"],
    ["550 <relay@example.com> rejected", "unclear"],
    ["550", "unclear"],
  ] as const)("%s: %s", (reply, subject) => expect(refusalSubject(reply)).toBe(subject));
});

describe("an SMTP server that says odd things", () => {
  const LOGIN_MISSING = "530 5.7.0 login (SMTP_URL has no user and password)";
  test.each([
    ["a code of seven digits after the dot", { ".": "2500000 Ok\r\n" }, { type: "unknown", code: null }],
    ["a refusal of seven digits", { "RCPT TO": "5500000 no\r\n" }, { type: "deferred", code: null, phase: "rcpt" }],
    ["no code at all", { "": "hello\r\n" }, { type: "transport_down", code: null, phase: "greeting" }],
    ["a reply without text", { ".": "250\r\n" }, { type: "sent", code: 250 }],
    ["251 to RCPT", { "RCPT TO": "251 will forward\r\n" }, { type: "sent" }],
    ["250 to DATA", { DATA: "250 go\r\n" }, { type: "sent" }],
    ["354 after the dot", { ".": "354 more\r\n" }, { type: "unknown", code: null }],
    ["5 MB after the dot", { ".": `250 ${"x".repeat(5_000_000)}\r\n` }, { type: "sent", code: 250 }],
    ["5 MB of lines after the dot", { ".": `${"250-x\r\n".repeat(700_000)}250 y\r\n` }, { type: "sent", code: 250 }],
    ["421 at MAIL", { "MAIL FROM": "421 4.7.0 later\r\n" }, { type: "transport_down", code: 421, phase: "mail" }],
    ["421 at RCPT", { "RCPT TO": "421 4.7.0 later\r\n" }, { type: "deferred", code: 421 }],
    ["421 at DATA", { DATA: "421 4.7.0 later\r\n" }, { type: "deferred", code: 421 }],
    ["421 after the dot", { ".": "421 4.7.0 later\r\n" }, { type: "deferred", code: 421 }],
    ["421 at EHLO", { EHLO: "421 4.7.0 later\r\n" }, { type: "transport_down", code: 421, phase: "ehlo" }],
    ["554 as a greeting", { "": "554 5.7.1 no\r\n" }, { type: "transport_down", code: 554, phase: "greeting" }],
    ["452 at MAIL", { "MAIL FROM": "452 4.3.1 full\r\n" }, { type: "deferred", code: 452, phase: "mail" }],
    ["550 at MAIL", { "MAIL FROM": "550 5.7.1 no\r\n" }, { type: "transport_down", code: 550, phase: "mail" }],
    ["530 at MAIL", { "MAIL FROM": "530 5.7.0 login\r\n" }, { type: "transport_down", code: 530 }],
    ["530 at RCPT", { "RCPT TO": "530 5.7.0 login\r\n" }, { type: "rejected", code: 530, reply: LOGIN_MISSING }],
    ["535 at DATA", { DATA: "535 5.7.8 login\r\n" }, { type: "rejected", code: 535, phase: "data" }],
    ["538 after the dot", { ".": "538 5.7.11 no\r\n" }, { type: "rejected", code: 538, phase: "reply" }],
    ["a reply without CRLF before it hangs up", { "RCPT TO": "550 5.1.1 no" }, { type: "rejected", code: 550 }],
  ] as const)("%s", async (_name, said, expected) => {
    for (const extensions of [[], ["PIPELINING"]]) {
      await using server = await startLineServer({
        extensions,
        answer(line, { socket }) {
          const [, text] =
            Object.entries(said).find(([verb]) => (verb === "" ? line === "" : line.startsWith(verb))) ?? [];
          if (text && !text.endsWith("\n")) setTimeout(() => socket.end(), 20);
          return text;
        },
      });
      expect(await send(transportTo(plain(server)))).toMatchObject(expected);
    }
  });

  test("a line that begins with a dot arrives as it was", async () => {
    await using server = await startLineServer();
    expect(await send(transportTo(plain(server)), mailTo("pam@example.com", { text: ".a\n..b\nc" }))).toMatchObject({
      type: "sent",
    });
    expect(server.emails[0]).toContain("\r\n..a\r\n...b\r\nc\r\n");
  });

  test("no address becomes a command", async () => {
    await using server = await startLineServer();
    for (const address of ["a@b.c>\r\nRCPT TO:<eve@evil.example", "a b@c.d", "<a@b.c>", "jürgen@example.com"]) {
      expect(await send(transportTo(plain(server)), mailTo(address))).toMatchObject({ type: "rejected", code: null });
    }
    expect(server.connections).toBe(0);
  });

  test("a server that takes the email although it refused the recipient gets none", async () => {
    await using server = await startLineServer({
      extensions: ["PIPELINING"],
      answer: (line) => (line.startsWith("RCPT") ? "550 5.1.1 no\r\n" : undefined),
    });
    const transport = transportTo(plain(server));
    expect(await send(transport)).toMatchObject({ type: "rejected", phase: "rcpt" });
    expect(server.emails).toHaveLength(0);
    expect(await send(transport)).toMatchObject({ type: "rejected" });
    expect(server.connections).toBe(2);
  });

  test("a server that knows HELO only is used", async () => {
    await using server = await startLineServer({
      answer: (line) => (line.startsWith("EHLO") ? "500 5.5.1 What?\r\n" : undefined),
    });
    expect(await send(transportTo(plain(server)))).toMatchObject({ type: "sent" });
    expect(server.lines).toContain("HELO accounts.dm.com");
  });
});

describe("sessions", () => {
  test("are used again, with RSET after a refused recipient", async () => {
    await using server = await startLineServer({
      answer: (line) => (line === "RCPT TO:<nobody@example.com>" ? "550 5.1.1 no\r\n" : undefined),
    });
    const transport = transportTo(plain(server));
    expect((await send(transport)).type).toBe("sent");
    expect((await send(transport, mailTo("nobody@example.com"))).type).toBe("rejected");
    expect((await send(transport)).type).toBe("sent");
    expect(server.connections).toBe(1);
    expect(server.lines.filter((line) => line === "RSET")).toHaveLength(1);
  });

  test("PIPELINING: one packet, and the same email", async () => {
    await using server = await startLineServer({ extensions: ["PIPELINING", "8BITMIME"] });
    const transport = transportTo(plain(server));
    for (let at = 0; at < 3; at += 1) expect((await send(transport)).type).toBe("sent");
    expect(server.emails).toHaveLength(3);
    expect(server.connections).toBe(1);
  });

  test("a connection that ends with the reply to DATA is known not to have taken the email", async () => {
    for (const extensions of [[], ["PIPELINING"]]) {
      await using server = await startLineServer({
        extensions,
        answer(line, { connection, emails, socket }) {
          // In the second email of the first connection, and in every email of the second connection.
          if (line !== "DATA" || connection > 2 || (connection === 1 && emails === 0)) return undefined;
          socket.end("354 Go on\r\n");
          return null;
        },
      });
      const transport = transportTo(plain(server));
      expect((await send(transport)).type).toBe("sent");
      expect(await send(transport)).toEqual({
        type: "deferred",
        phase: "data",
        code: null,
        reply: "the server closed the connection",
      });
      // A session that was used before is replaced without an attempt being counted; the new one failed, too.
      expect(server.connections).toBe(2);
      expect((await send(transport)).type).toBe("sent");
      expect(server.emails).toHaveLength(2);
    }
  });

  test("a surplus reply to RSET is not taken for the reply to an email", async () => {
    await using server = await startLineServer({
      answer(line) {
        if (line === "RCPT TO:<nobody@example.com>") return "550 5.1.1 no\r\n";
        if (line === "RSET") return "250 2.0.0 Ok\r\n".repeat(3);
        return line === "." && server.emails.length > 1 ? "554 5.6.0 no\r\n" : undefined;
      },
    });
    const transport = transportTo(plain(server));
    expect((await send(transport)).type).toBe("sent");
    expect((await send(transport, mailTo("nobody@example.com"))).type).toBe("rejected");
    expect(await send(transport)).toMatchObject({ type: "rejected", phase: "reply", code: 554 });
    expect(server.connections).toBe(2);
    // The first session ends before another command is sent in it.
    expect(server.lines.filter((line) => line.startsWith("MAIL"))).toHaveLength(3);
  });

  test("a surplus reply to DATA is not taken for the reply to the email", async () => {
    for (const extensions of [[], ["PIPELINING"]]) {
      await using server = await startLineServer({
        extensions,
        answer: (line) => (line === "DATA" ? "354 Go on\r\n250 2.0.0 Ok\r\n" : undefined),
      });
      expect(await send(transportTo(plain(server)))).toEqual({
        type: "deferred",
        phase: "data",
        code: null,
        reply: "the server sent more replies than there were commands",
      });
      expect(server.emails).toHaveLength(0);
    }
  });

  test.each([
    ["450 4.3.2 Service currently unavailable", 2],
    ["451 try later", 2],
    ["450 4.2.0 Greylisted", 1],
    ["550 5.1.1 no such user", 1],
    ["554 5.7.1 Relay access denied", 2],
  ])("after “%s” the next attempt makes connection %d", async (reply, connections) => {
    let refusals = 1;
    await using server = await startLineServer({
      answer: (line) => (line.startsWith("RCPT") && refusals-- > 0 ? `${reply}\r\n` : undefined),
    });
    const transport = transportTo(plain(server));
    await send(transport);
    expect((await send(transport)).type).toBe("sent");
    expect(server.connections).toBe(connections);
  });

  test("that the server ends after each email cost nothing, whether it says so or not", async () => {
    for (const goodbye of ["", "421 4.4.2 Idle for too long\r\n"]) {
      await using server = await startLineServer({
        async answer(line, { emails, socket }) {
          if (line === "." && goodbye) setTimeout(() => socket.write(goodbye), 5);
          // At once, and only when the next email comes.
          if (line !== "." && emails > 0) socket.destroy();
          return undefined;
        },
      });
      const transport = transportTo(plain(server));
      for (let at = 0; at < 5; at += 1) {
        expect((await send(transport)).type).toBe("sent");
        if (goodbye) await Bun.sleep(20);
      }
      expect(server.emails).toHaveLength(5);
    }
  });

  test.concurrent("that were idle and are dead without a sign of it cost 5 s, and no attempt", async () => {
    await using server = await startLineServer({
      answer: (line, { connection, emails }) => (connection === 1 && emails > 0 && line !== "." ? null : undefined),
    });
    const transport = transportTo(plain(server));
    expect((await send(transport)).type).toBe("sent");
    await Bun.sleep(1_100);
    const begun = performance.now();
    expect((await send(transport)).type).toBe("sent");
    expect(performance.now() - begun).toBeWithin(4_900, 25_000);
    expect(server.lines.filter((line) => line === "RSET")).toHaveLength(1);
    expect(server.connections).toBe(2);
  });

  test("a server that takes two connections: the others wait for them, and it is not asked again", async () => {
    for (const refusal of ["421 4.7.0 Too many connections\r\n", "554 5.7.1 Too many\r\n", null]) {
      await using server = await startLineServer({
        async answer(line, { socket, connection }) {
          if (line.startsWith("EHLO")) await Bun.sleep(20);
          if (line === "" && connection > 2 && server.open > 2) {
            if (refusal) socket.end(refusal);
            else socket.destroy();
            return null;
          }
          if (line === ".") await Bun.sleep(5);
          return undefined;
        },
      });
      const transport = transportTo(plain(server));
      // From the first: the refusals come while no session is open yet.
      const outcomes = await Promise.all(Array.from({ length: 41 }, () => send(transport)));
      expect(new Set(outcomes.map(({ type }) => type))).toEqual(new Set(["sent"]));
      expect(server.connections).toBeLessThan(42);
      const before = server.connections;
      await Promise.all(Array.from({ length: 20 }, () => send(transport)));
      expect(server.connections).toBe(before);
      expect(server.emails).toHaveLength(61);
    }
  });

  test("a server that is away is reported at once, and what waits for a session is, too", async () => {
    const server = await startLineServer({ answer: (line) => (line.startsWith("MAIL") ? null : undefined) });
    const transport = transportTo(plain(server));
    const sends = Array.from({ length: 4 }, () => send(transport));
    const { promise: asked, resolve } = Promise.withResolvers<void>();
    const look = setInterval(() => server.lines.filter((line) => line.startsWith("MAIL")).length === 4 && resolve(), 5);
    await asked;
    clearInterval(look);
    await server[Symbol.asyncDispose]();
    expect(new Set((await Promise.all(sends)).map(({ type }) => type))).toEqual(new Set(["deferred"]));
    const refused = await Promise.all(Array.from({ length: 5 }, () => send(transport)));
    for (const outcome of refused) {
      expect(outcome).toMatchObject({ type: "transport_down", phase: "connect", code: null });
    }
  });

  test("a server that turns every connection away is asked once by each email that is sent at the time", async () => {
    await using server = await startLineServer({
      async answer(_line, { socket }) {
        await Bun.sleep(20);
        socket.end("421 4.3.2 Not now\r\n");
        return null;
      },
    });
    const transport = transportTo(plain(server));
    const outcomes = await Promise.all(Array.from({ length: 5 }, () => send(transport)));
    for (const outcome of outcomes) expect(outcome).toMatchObject({ type: "transport_down", code: 421 });
    expect(server.connections).toBe(5);
  });

  test("a limit is forgotten after a while, also by what waits for a session that is in use", async () => {
    await using server = await startLineServer({
      answer(line, { connection, socket }) {
        if (line === "" && connection === 2) {
          socket.end("421 4.7.0 Too many connections\r\n");
          return null;
        }
        // The first session is kept busy.
        return line === "." && connection === 1 ? null : undefined;
      },
    });
    const settings = smtpSettings(
      readConfig({ SMTP_URL: plain(server) }, { secretKey: "", demoPassword: "" }),
      plain(server),
    );
    const pool = new SmtpPool({ open: (signal) => openSession(settings, signal), limitMs: 200 });
    const { signal } = new AbortController();
    const first = await pool.acquire(signal, () => {});
    const second = await pool.acquire(signal, () => {});
    expect(server.connections).toBe(3);
    for (const session of [first, second]) pool.release(session);
    pool.close();
  });

  test("broken off before the email is handed over ends as released, after it as unknown", async () => {
    for (const [phase, type] of [
      ["", "released"],
      ["RCPT", "released"],
      [".", "unknown"],
    ] as const) {
      const heard = Promise.withResolvers<void>();
      await using server = await startLineServer({
        answer(line) {
          if (phase === "" ? line !== "" : !line.startsWith(phase)) return undefined;
          heard.resolve();
          return null;
        },
      });
      const abort = new AbortController();
      const sending = send(transportTo(plain(server)), mailTo(), abort.signal);
      await heard.promise;
      abort.abort();
      expect((await sending).type).toBe(type);
    }
  });
});

describe.concurrent("time", () => {
  test("the defaults are what RFC 5321 §4.5.3.2 asks of a client, and each can be set", () => {
    const { smtpTimeouts } = readConfig({}, { secretKey: "", demoPassword: "" });
    expect(smtpTimeouts).toMatchObject({ greeting: 300, mail: 300, rcpt: 300, data: 120, body: 180, reply: 600 });
    expect(parseSmtpTimeouts("rcpt=60, reply=120")).toMatchObject({ greeting: 300, rcpt: 60, reply: 120 });
    for (const wrong of ["rcpt", "rcpt=0", "rcpt=3601", "rcpt=1m", "quit=5", "toString=5"]) {
      expect(() => parseSmtpTimeouts(wrong)).toThrow("must list steps");
    }
  });

  test.each([
    ["greeting", "", "transport_down"],
    ["ehlo", "EHLO", "transport_down"],
    ["mail", "MAIL", "deferred"],
    ["rcpt", "RCPT", "deferred"],
    ["data", "DATA", "deferred"],
    ["reply", ".", "unknown"],
  ] as const)("%s: silence, and a byte now and then, end after the time for it", async (phase, verb, type) => {
    for (const drip of [false, true]) {
      await using server = await startLineServer({
        answer(line, { socket }) {
          if (verb === "" ? line !== "" : !line.startsWith(verb)) return undefined;
          if (!drip) return null;
          const dripping = setInterval(() => socket.write("2"), 50);
          socket.on("close", () => clearInterval(dripping));
          return null;
        },
      });
      const transport = transportTo(plain(server), { SMTP_TIMEOUTS: `${phase}=1` });
      const begun = performance.now();
      expect(await send(transport)).toMatchObject({ type, phase, code: null, reply: "no reply within 1 s" });
      expect(performance.now() - begun).toBeWithin(950, 20_000);
    }
  });

  test("a server that is slow at every step is waited for", async () => {
    await using server = await startLineServer({
      async answer() {
        await Bun.sleep(300);
        return undefined;
      },
    });
    expect((await send(transportTo(plain(server)))).type).toBe("sent");
  });

  test.skipIf(!certificates)(
    "a TLS port met with smtp:// says so, and a port without TLS met with smtps://",
    async () => {
      await using encrypted = await startLineServer({ tls: { ...certificates!.good, implicit: true } });
      expect(await send(transportTo(plain(encrypted)))).toMatchObject({
        type: "transport_down",
        reply: "the server expects TLS from the first byte: SMTP_URL should start with smtps://",
      });
      await using open = await startLineServer();
      expect(await send(transportTo(plain(open).replace("smtp:", "smtps:")))).toMatchObject({
        type: "transport_down",
        reply: "the server does not speak TLS from the first byte on this port: SMTP_URL should start with smtp://",
      });
    },
  );

  test("a server that is slow to greet is asked nothing before, and nothing again once it has greeted", async () => {
    let slow = true;
    await using server = await startLineServer({
      async answer(line, { socket, emails }) {
        if (line === "" && slow) await Bun.sleep(12_000);
        // So that the next email needs a new connection.
        if (line.startsWith("MAIL") && emails > 0) socket.destroy();
        return undefined;
      },
    });
    const transport = transportTo(plain(server));
    expect((await send(transport)).type).toBe("sent");
    slow = false;
    expect((await send(transport)).type).toBe("sent");
    expect(server.connections).toBe(2);
  });

  test("a connection that is silent is given up for another after 30 s, once a later one has taken an email", async () => {
    await using server = await startLineServer({
      answer: (line, { connection }) => (line === "" && connection === 1 ? null : undefined),
    });
    const transport = transportTo(plain(server));
    const begun = performance.now();
    const waiting = send(transport);
    await until(() => server.connections > 0);
    expect((await send(transport)).type).toBe("sent");
    expect((await waiting).type).toBe("sent");
    expect(performance.now() - begun).toBeWithin(30_000, 55_000);
  }, 60_000);

  test("the wait for the reply is shorter for a link that ends soon, so that a copy can still be of use", () => {
    expect(replySecondsOf(null, 600)).toBe(600);
    expect(replySecondsOf(10 * 60, 600)).toBe(120);
    expect(replySecondsOf(5 * 60, 600)).toBe(120);
    expect(replySecondsOf(30 * 60, 600)).toBe(360);
    expect(replySecondsOf(24 * 3600, 600)).toBe(600);
    expect(replySecondsOf(10 * 60, 30)).toBe(30);
  });

  test.each([
    ["RCPT", "released"],
    [".", "sent"],
  ] as const)(
    "what waits at %s is said to be slow, once, and ends as %s when the courier drains",
    async (verb, type) => {
      const { promise: reply, resolve: answer } = Promise.withResolvers<void>();
      await using server = await startLineServer({
        async answer(line) {
          if (line.startsWith(verb)) await reply;
          return undefined;
        },
      });
      const transport = transportTo(plain(server));
      const slow = Promise.withResolvers<void>();
      let calls = 0;
      const onSlow = (): void => {
        calls += 1;
        slow.resolve();
      };
      const sending = transport.send(mailTo(), new AbortController().signal, { onSlow });
      await slow.promise;
      transport.drain();
      if (type === "sent") answer();
      expect((await sending).type).toBe(type);
      expect(calls).toBe(1);
    },
  );
});

describe("EHLO says", () => {
  test.each([
    ["https://accounts.dm.com", undefined, "accounts.dm.com"],
    ["https://bücher.example/auth", undefined, "xn--bcher-kva.example"],
    ["http://localhost:8000", undefined, "dm.com"],
    ["http://127.0.0.1:8000", undefined, "dm.com"],
    ["http://dundie:8000", undefined, "dm.com"],
    ["http://dundie.local", undefined, "dm.com"],
    ["http://203.0.113.5", undefined, "[203.0.113.5]"],
    ["http://[2001:db8::1]", undefined, "[IPv6:2001:db8::1]"],
    ["http://localhost", "Relay.Example.com", "relay.example.com"],
    ["http://localhost", "203.0.113.5", "[203.0.113.5]"],
    ["http://localhost", "[IPv6:2001:DB8::1]", "[IPv6:2001:db8::1]"],
  ])("PUBLIC_URL=%s SMTP_HELO=%s: %s", async (publicUrl, helo, name) => {
    await using server = await startLineServer();
    const transport = transportTo(plain(server), { PUBLIC_URL: publicUrl, ...(helo ? { SMTP_HELO: helo } : {}) });
    expect((await send(transport)).type).toBe("sent");
    expect(server.lines[0]).toBe(`EHLO ${name}`);
  });

  test("a name that the server refuses is a fault of ours, and the setting is named", async () => {
    await using server = await startLineServer({
      answer: (line) => (line.startsWith("EHLO") ? "550 5.7.1 Helo command rejected\r\n" : undefined),
    });
    expect(await send(transportTo(plain(server)))).toMatchObject({
      type: "transport_down",
      code: 550,
      reply: "550 5.7.1 Helo command rejected (EHLO accounts.dm.com: see SMTP_HELO)",
    });
  });
});

describe("a login", () => {
  const USER = "us@er";
  const PASSWORD = "50%off";
  const withLogin = ({ port }: LineServer): string => `smtp://us%40er:50%25off@127.0.0.1:${port}`;
  const base64 = (text: string): string => Buffer.from(text).toString("base64");
  const CHALLENGE = "<1896.697170952@postoffice.example>";

  test.each([
    ["AUTH PLAIN", [`AUTH PLAIN ${base64(`\0${USER}\0${PASSWORD}`)}`]],
    ["AUTH=PLAIN LOGIN", [`AUTH PLAIN ${base64(`\0${USER}\0${PASSWORD}`)}`]],
    ["AUTH LOGIN", ["AUTH LOGIN", base64(USER), base64(PASSWORD)]],
    [
      "AUTH XOAUTH2 CRAM-MD5",
      ["AUTH CRAM-MD5", base64(`${USER} ${new Bun.CryptoHasher("md5", PASSWORD).update(CHALLENGE).digest("hex")}`)],
    ],
  ])("over %s", async (extension, expected) => {
    let step = 0;
    await using server = await startLineServer({
      extensions: [extension],
      answer(line) {
        if (step === 0 && !line.startsWith("AUTH")) return undefined;
        if (step >= expected.length) return undefined;
        expect(line).toBe(expected[step] ?? "");
        step += 1;
        if (step === expected.length) return "235 2.7.0 Welcome\r\n";
        return `334 ${base64(line === "AUTH CRAM-MD5" ? CHALLENGE : "User:")}\r\n`;
      },
    });
    expect((await send(transportTo(withLogin(server)))).type).toBe("sent");
    expect(step).toBe(expected.length);
  });

  test.each([
    [[], "SMTP_URL has a user and a password, and the server offers no authentication (no AUTH)", null],
    [
      ["AUTH XOAUTH2 NTLM"],
      "the server offers XOAUTH2, NTLM for authentication, and dundie can use PLAIN, LOGIN, CRAM-MD5",
      null,
    ],
    [["AUTH PLAIN"], "535 5.7.8 Bad password", 535],
  ])("that cannot be used is said, and nothing is sent without it: %p", async (extensions, reply, code) => {
    await using server = await startLineServer({
      extensions,
      answer: (line) => (line.startsWith("AUTH") ? "535 5.7.8 Bad password\r\n" : undefined),
    });
    expect(await send(transportTo(withLogin(server)))).toEqual({ type: "transport_down", phase: "auth", code, reply });
    expect(server.lines.some((line) => line.startsWith("MAIL"))).toBe(false);
  });

  test("that the server wants and SMTP_URL lacks is said", async () => {
    await using server = await startLineServer({
      answer: (line) => (line.startsWith("MAIL") ? "530 5.7.0 Authentication required\r\n" : undefined),
    });
    const saying = (reply: string) => ({ type: "transport_down", reply: `530 5.7.0 Authentication required${reply}` });
    expect(await send(transportTo(plain(server)))).toMatchObject(saying(" (SMTP_URL has no user and password)"));
    expect(await send(transportTo(plain(server), { SMTP_TLS: "off" }))).toMatchObject(
      saying(" (STARTTLS is not used: SMTP_TLS=off; SMTP_URL has no user and password)"),
    );
  });
});

describe.skipIf(!certificates)("TLS", () => {
  const { good, expired, otherName, otherAuthority, ca, caFile } =
    certificates ?? ({} as NonNullable<typeof certificates>);
  /** Leads to this machine, and is not its loopback name. */
  const away = ({ port }: LineServer, scheme = "smtp"): string => `${scheme}://0.0.0.0:${port}`;
  const TRUSTED = { SMTP_CA_FILE: caFile };

  test.each([["smtp"], ["smtps"]])("%s: a private authority is named by SMTP_CA_FILE", async (scheme) => {
    await using server = await startLineServer({ tls: { ...good, implicit: scheme === "smtps" } });
    expect(await send(transportTo(away(server, scheme)))).toMatchObject({
      type: "transport_down",
      reply: "the certificate of 0.0.0.0 is not signed by a known authority: SMTP_CA_FILE names a file with yours",
    });
    expect(server.emails).toHaveLength(0);
    expect((await send(transportTo(away(server, scheme), TRUSTED))).type).toBe("sent");
  });

  test.each([
    ["expired", expired, "the certificate of 0.0.0.0 has expired"],
    ["of another name", otherName, "the certificate is not for 0.0.0.0, the host in SMTP_URL"],
  ])("a certificate that is %s is refused in words", async (_name, certificate, words) => {
    for (const scheme of ["smtp", "smtps"]) {
      await using server = await startLineServer({ tls: { ...certificate, implicit: scheme === "smtps" } });
      const outcome = await send(transportTo(away(server, scheme), TRUSTED));
      expect(outcome).toMatchObject({ type: "transport_down", code: null, reply: expect.stringContaining(words) });
      expect(server.emails).toHaveLength(0);
    }
  });

  test("without STARTTLS nothing leaves the machine, and the setting that allows it is named", async () => {
    await using server = await startLineServer();
    const outcome = await send(transportTo(away(server)));
    expect(outcome).toMatchObject({ type: "transport_down", phase: "starttls", code: null });
    expect(outcome).toMatchObject({ reply: expect.stringContaining("SMTP_TLS=opportunistic or off") });
    expect(server.lines.some((line) => line.startsWith("MAIL"))).toBe(false);
    for (const setting of ["opportunistic", "off"]) {
      expect((await send(transportTo(away(server), { SMTP_TLS: setting }))).type).toBe("sent");
    }
  });

  test("SMTP_TLS=opportunistic encrypts where it can, off never", async () => {
    for (const [setting, secure] of [
      ["opportunistic", true],
      ["off", false],
    ] as const) {
      let seen: boolean | null = null;
      await using server = await startLineServer({
        tls: otherName,
        answer(line, heard) {
          if (line.startsWith("MAIL")) seen = heard.secure;
          return undefined;
        },
      });
      expect((await send(transportTo(away(server), { SMTP_TLS: setting }))).type).toBe("sent");
      expect<boolean | null>(seen).toBe(secure);
    }
  });

  test("a server on this machine is used with STARTTLS, with one that fails, and without", async () => {
    const insists = (line: string, { secure }: { secure: boolean }) =>
      line.startsWith("MAIL") && !secure ? "530 5.7.0 Must issue a STARTTLS command first\r\n" : undefined;
    await using strict = await startLineServer({ tls: otherName, answer: insists });
    expect((await send(transportTo(plain(strict)))).type).toBe("sent");
    await using broken = await startLineServer({
      extensions: ["STARTTLS"],
      answer: (line) => (line === "STARTTLS" ? "454 4.7.0 TLS not available\r\n" : undefined),
    });
    expect((await send(transportTo(plain(broken)))).type).toBe("sent");
    const refused = await send(transportTo(plain(strict), { SMTP_TLS: "off" }));
    expect(refused).toMatchObject({ type: "transport_down", reply: expect.stringContaining("SMTP_TLS=off") });
    const required = await send(transportTo(plain(strict), { SMTP_TLS: "required" }));
    expect(required).toMatchObject({ type: "transport_down", reply: expect.stringContaining("SMTP_CA_FILE") });
  });

  test("an authority that is named is used on this machine, too", async () => {
    await using server = await startLineServer({ tls: otherName });
    expect((await send(transportTo(plain(server), TRUSTED))).type).toBe("transport_down");
    await using right = await startLineServer({ tls: good });
    expect((await send(transportTo(plain(right), TRUSTED))).type).toBe("sent");
  });

  test("what is said before the handshake is not taken for an answer after it", async () => {
    await using server = await startLineServer({
      tls: good,
      answer: (line) => (line === "STARTTLS" ? "220 Go\r\n250-injected\r\n250 PIPELINING\r\n" : undefined),
    });
    expect((await send(transportTo(plain(server), TRUSTED))).type).toBe("sent");
    expect(server.lines.filter((line) => line.startsWith("EHLO"))).toHaveLength(2);
  });

  test("the file of authorities may hold several", async () => {
    await using server = await startLineServer({ tls: good });
    const bundle = `${caFile}.bundle`;
    await Bun.write(bundle, `${otherAuthority}\n${ca}`);
    expect((await send(transportTo(away(server), { SMTP_CA_FILE: bundle }))).type).toBe("sent");
    await Bun.write(bundle, otherAuthority);
    expect((await send(transportTo(away(server), { SMTP_CA_FILE: bundle }))).type).toBe("transport_down");
  });

  test("contradictions are named at start", () => {
    const problems = (url: string, tls: string) => {
      try {
        transportTo(url, { SMTP_TLS: tls });
      } catch (error) {
        return (error as { problems?: readonly string[] }).problems ?? [];
      }
      return [];
    };
    expect(problems("smtps://relay.example", "off")).toEqual([expect.stringContaining("smtps://")]);
    expect(problems("smtp://u:p@relay.example", "opportunistic")).toEqual([expect.stringContaining("password")]);
    expect(problems("smtp://u:p@LOCALHOST", "opportunistic")).toEqual([]);
    expect(problems("smtp://u:p@relay.example", "off")).toEqual([]);
    expect(() => readConfig({ SMTP_CA_FILE: "/nowhere" }, null)).toThrow("SMTP_CA_FILE cannot be read");
    expect(ca).toContain("BEGIN CERTIFICATE");
  });
});

test("a sender's domain outside ASCII is in A-labels in the envelope, the header and the Message-ID", async () => {
  await using server = await startLineServer();
  const transport = transportTo(plain(server), { MAIL_FROM: "Dundie <no-reply@bücher.example>" });
  const mail = mailTo();
  expect((await send(transport, mail)).type).toBe("sent");
  expect(server.lines).toContain("MAIL FROM:<no-reply@xn--bcher-kva.example>");
  expect(server.emails[0]).toContain("\r\nFrom: Dundie <no-reply@xn--bcher-kva.example>\r\n".slice(2));
  expect(server.emails[0]).toContain(`\r\nMessage-ID: <${mail.id}@xn--bcher-kva.example>\r\n`);
});

test("a password that leaves this machine without encryption is warned about", () => {
  const settings = (smtpUrl: string, tls?: string) => {
    const environment = { DATABASE_URL: "postgres://unused/unused", SMTP_URL: smtpUrl, MAIL_FROM: "a@dm.com" };
    const others = { PUBLIC_URL: "https://dm.com", SECRET_KEY: "smtp tests: a key that is long and no secret" };
    const config = readConfig({ ...environment, ...others, ...(tls ? { SMTP_TLS: tls } : {}) }, null);
    return smtpSettings(config, smtpUrl);
  };
  expect(sendsPasswordInClear(settings("smtp://u:p@relay.example", "off"))).toBe(true);
  expect(sendsPasswordInClear(settings("smtp://u:p@relay.example"))).toBe(false);
  expect(sendsPasswordInClear(settings("smtp://relay.example", "off"))).toBe(false);
  expect(sendsPasswordInClear(settings("smtps://u:p@relay.example"))).toBe(false);
  expect(sendsPasswordInClear(settings("smtp://u:p@localhost", "off"))).toBe(false);
});

test("what a relay has accepted counts for these settings, and for a new password, too", () => {
  const id = (smtpUrl: string, address = "a@dm.com") => {
    const config = readConfig({ SMTP_URL: smtpUrl }, { secretKey: "", demoPassword: "" });
    return relaySettingsId(smtpSettings(config, smtpUrl), { name: "Dundie", address });
  };
  expect(id("smtp://u:p@relay.example")).toBe(id("smtp://u:other@relay.example:587"));
  const others = ["smtp://v:p@relay.example", "smtps://u:p@relay.example", "smtp://u:p@other.example"];
  for (const other of others) expect(id(other)).not.toBe(id("smtp://u:p@relay.example"));
  expect(id("smtp://u:p@relay.example", "b@dm.com")).not.toBe(id("smtp://u:p@relay.example"));
});

test("every spelling of this machine leads there", async () => {
  await using server = await startLineServer();
  for (const host of ["127.0.0.1", "127.1", "localhost", "LOCALHOST", "localhost."]) {
    expect((await send(transportTo(`smtp://${host}:${server.port}`))).type).toBe("sent");
  }
  await using six = await startLineServer({ host: "::1" });
  for (const host of ["[::1]", "[0:0:0:0:0:0:0:1]"]) {
    expect((await send(transportTo(`smtp://${host}:${six.port}`))).type).toBe("sent");
  }
});
