/** The reset request from HTTP to SMTP, as a stranger and as an owner meet it: the whole process, without its port. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import PostalMime from "postal-mime";
import { SMTPServer } from "smtp-server";
import type { Sql } from "../src/db/client.ts";
import { smtpSettings } from "../src/mail/courier/smtp/settings.ts";
import { createSmtpTransport } from "../src/mail/courier/transport.ts";
import { startApi } from "./support/api.ts";
import { startApplication, type Application } from "./support/application.ts";
import type { ScriptedSmtp } from "./support/smtp.ts";
import { until } from "./support/waiting.ts";

let app: Application;
let smtp: ScriptedSmtp;
let sql: Sql;

beforeAll(async () => {
  app = await startApplication({ PUBLIC_URL: "https://accounts.example.com" });
  ({ smtp, sql } = app);
});
afterAll(() => app[Symbol.asyncDispose]());

const ask = (email: string, init: RequestInit = {}) =>
  fetch(`${app.url}/user/pwd_reset_token/`, {
    method: "POST",
    body: JSON.stringify({ email }),
    ...init,
    headers: { "content-type": "application/json", ...init.headers },
  });
const ANSWER = '{"message":"If we found a user with that email, we sent a password reset token to it."}';
const emailsTo = (recipient: string) => smtp.emails.filter((email) => email.recipient === recipient);

describe("the answer", () => {
  test("R1 is the same, byte for byte and header for header, for known, unknown and disabled accounts", async () => {
    await sql`update "user" set disabled_at = now() where email = 'dschrute@dm.com'`;
    const answers = await Promise.all(
      ["mscott@dm.com", "nobody@example.com", "dschrute@dm.com"].map((email) => ask(email)),
    );
    for (const answer of answers) {
      expect(answer.status).toBe(200);
      expect(await answer.text()).toBe(ANSWER);
    }
    // What differs in every answer is there in each.
    const [known, ...others] = answers.map(({ headers }) => {
      const { date, "x-request-id": id, ...rest } = Object.fromEntries(headers);
      return { ...rest, date: typeof date, id: id?.length };
    });
    for (const headers of others) expect(headers).toEqual(known!);
  });

  test("R2 costs the same statements for known and unknown: one insert, and no look-up", async () => {
    await using api = await startApi();
    const statementsOf = async (email: string): Promise<string[]> => {
      api.statements.length = 0;
      await api.call("POST", "/user/pwd_reset_token/", { json: { email } });
      return [...api.statements];
    };
    // The insert is the outbox's, on its own connection; the use case itself asks the database nothing.
    expect(await statementsOf("mscott@dm.com")).toEqual([]);
    expect(await statementsOf("nobody@example.com")).toEqual([]);
    const rows = await api.sql`select kind, lane, user_id, attempts from message order by id`;
    expect(rows[0]).toEqual(rows[1] ?? {});
  });

  test("R3 shows nothing of a mail failure", async () => {
    await smtp.refuse();
    const answer = await ask("jhalpert@dm.com");
    expect(await answer.text()).toBe(ANSWER);
    await smtp.open();
    await smtp.until(() => emailsTo("jhalpert@dm.com").length === 1, 20_000);
  }, 30_000);

  test("R4 a malformed address gets one 422, whoever exists", async () => {
    const malformed = [
      "mscott",
      "mscott@",
      "@dm.com",
      "mscott@dm.com, other@dm.com",
      "<mscott@dm.com>",
      "mscott@[127.0.0.1]",
      "a b@dm.com",
    ];
    const answers = await Promise.all(malformed.map((email) => ask(email)));
    expect(answers.map(({ status }) => status)).toEqual(malformed.map(() => 422));
    expect(new Set(await Promise.all(answers.map((answer) => answer.text()))).size).toBe(1);
  });
});

describe("the email", () => {
  const PASSWORD = "four sparrows on a wire";
  const logIn = (username: string) =>
    fetch(`${app.url}/token`, { method: "POST", body: new URLSearchParams({ username, password: PASSWORD }) });

  test("R9 asking changes nothing of the account: the password and the sessions stay", async () => {
    const { access_token } = (await (await logIn("pam-beesly")).json()) as { access_token: string };
    const state = () => sql`
      select u.*, (select json_agg(s) from session s where s.user_id = u.id) as sessions
      from "user" u where email = 'pbeesly@dm.com'`;
    const before = await state();
    await ask("pbeesly@dm.com");
    await smtp.until(() => emailsTo("pbeesly@dm.com").length === 1);
    expect(await state()).toEqual(before);
    const me = await fetch(`${app.url}/user/me`, { headers: { authorization: `Bearer ${access_token}` } });
    expect(me.status).toBe(200);
    expect((await logIn("pam-beesly")).status).toBe(200);
  });

  test("R10 a flood of requests locks nobody: the password works on, and the emails end", async () => {
    const answers = await Promise.all(Array.from({ length: 60 }, () => ask("jhalpert@dm.com")));
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(60);
    const ended = async () =>
      (await sql`select 1 from message where requested_email = 'jhalpert@dm.com' and state in ('queued', 'sending')`)
        .length === 0;
    await until(ended);
    expect((await logIn("jim-halpert")).status).toBe(200);
    const [account] = await sql`select disabled_at from "user" where email = 'jhalpert@dm.com'`;
    expect(account).toMatchObject({ disabled_at: null });
  }, 30_000);

  test("R12 goes to the stored address, not to what was typed", async () => {
    await ask("AMartin@DM.com");
    await smtp.until(() => emailsTo("amartin@dm.com").length === 1);
    expect(emailsTo("amartin@dm.com")[0]?.source).toContain("To: Angela Martin <amartin@dm.com>");
    expect(smtp.emails.some(({ recipient }) => recipient !== recipient.toLowerCase())).toBe(false);
  });

  test("R13 has links to the configured host only, whatever Host and Forwarded say", async () => {
    const sent = emailsTo("mscott@dm.com").length;
    await ask("mscott@dm.com", {
      headers: { host: "evil.example", "x-forwarded-host": "evil.example", forwarded: "host=evil.example" },
    });
    await smtp.until(() => emailsTo("mscott@dm.com").length > sent);
    const email = emailsTo("mscott@dm.com").at(-1);
    expect(email?.source).not.toContain("evil.example");
    expect(email?.link).toStartWith("https://accounts.example.com/reset_password?pwd_reset_token=");
  });

  test("R59 goes to one recipient, with one header of each kind and a text, whatever the name is", async () => {
    // As no route takes it: what an older version or an import of one's own may have stored.
    const name = 'Angela" <eve@evil.example>,\r\nBcc: eve@evil.example\r\n\r\n<b>x</b>\u202e';
    await sql`update "user" set name = ${name} where email = 'amartin@dm.com'`;
    const seen = smtp.emails.length;
    await ask("amartin@dm.com");
    await smtp.until(() => smtp.emails.slice(seen).some(({ recipient }) => recipient === "amartin@dm.com"));
    const email = smtp.emails.slice(seen).find(({ recipient }) => recipient === "amartin@dm.com")!;
    await sql`update "user" set name = 'Angela Martin' where email = 'amartin@dm.com'`;
    expect(smtp.emails.map(({ recipient }) => recipient)).not.toContain("eve@evil.example");
    const parsed = await PostalMime.parse(email.source);
    const names = parsed.headers.map(({ key }) => key);
    expect(names).not.toContain("bcc");
    expect(new Set(names).size).toBe(names.length);
    const to = { address: "amartin@dm.com", name: 'Angela" <eve@evil.example>, Bcc: eve@evil.example <b>x</b>' };
    expect(parsed.to).toEqual([to]);
    expect(parsed.text).toContain("reset_password?pwd_reset_token=");
    expect(parsed.html).not.toContain("<b>x</b>");
  });

  test("R14 takes no redirect from the client", async () => {
    const body = JSON.stringify({ email: "mscott@dm.com", redirect: "https://evil.example" });
    expect((await ask("", { body })).status).toBe(422);
    const query = await fetch(`${app.url}/reset_password?next=https://evil.example&redirect=https://evil.example`);
    expect(await query.text()).not.toContain("evil.example");
  });
});

describe("R60 SMTP to anything but loopback", () => {
  /** 0.0.0.0 is not loopback's name, and leads there. */
  const sendTo = async (smtpUrl: string) => {
    const email = {
      id: crypto.randomUUID(),
      to: { name: "A", address: "a@example.com" },
      date: new Date(),
      subject: "s",
      html: "h",
      text: "t",
      linkLifetimeSeconds: null,
    };
    const from = { name: "Dundie", address: "no-reply@dm.com" };
    const smtp = smtpSettings({ ...app.running.deps.config, smtpUrl }, smtpUrl);
    const transport = createSmtpTransport({ smtp, from });
    const outcome = await transport.send(email, new AbortController().signal);
    transport.close();
    return outcome.type;
  };

  test("is not spoken without TLS", async () => {
    const seen = smtp.emails.length;
    expect(await sendTo(`smtp://0.0.0.0:${smtp.port}`)).toBe("transport_down");
    expect(smtp.emails).toHaveLength(seen);
  });

  test.each([
    ["smtp", false],
    ["smtps", true],
  ] as const)("is not spoken to a certificate that nobody vouches for: %s", async (scheme, secure) => {
    let emails = 0;
    const server = new SMTPServer({
      secure,
      authOptional: true,
      onData(stream, _session, done) {
        emails += 1;
        stream.resume().on("end", () => done());
      },
    });
    server.on("error", () => {});
    const { promise: listening, resolve } = Promise.withResolvers<void>();
    const listener = server.listen(0, "127.0.0.1", resolve);
    await listening;
    const { port } = listener.address() as { port: number };
    expect(await sendTo(`${scheme}://0.0.0.0:${port}`)).toBe("transport_down");
    expect(emails).toBe(0);
    const { promise: closed, resolve: close } = Promise.withResolvers<void>();
    server.close(close);
    await closed;
  });
});
