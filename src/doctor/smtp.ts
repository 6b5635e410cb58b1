/** The SMTP server, by the courier's own session: a connection, TLS and a login, and what the server offers. */
import { isIP } from "node:net";
import { isLoopback } from "../config/hosts.ts";
import type { Config } from "../config.ts";
import { redactReply } from "../mail/outcome.ts";
import { SmtpFault } from "../mail/courier/smtp/connection.ts";
import { openSession } from "../mail/courier/smtp/open-session.ts";
import { sendsPasswordInClear, smtpSettings, type SmtpSettings } from "../mail/courier/smtp/settings.ts";
import { createSmtpTransport } from "../mail/courier/transport.ts";
import { fault, notKnown, ok, warning, type Finding } from "./finding.ts";
import type { Names } from "./names.ts";

/** A step of a healthy server takes seconds; the courier is more patient (`SMTP_TIMEOUTS`). */
const STEP_SECONDS = 10;
/** Our longest email is under 100 kB with every name at its limit. */
const LARGEST_EMAIL_BYTES = 100_000;

export async function checkSmtp(config: Config, names: Names): Promise<Finding[]> {
  if (config.smtpUrl === "inbox") return [ok("SMTP", "email goes to the development inbox at /inbox")];
  const settings = hasty(smtpSettings(config, config.smtpUrl));
  const { server, helo } = settings;
  return [
    ...(await checkHost(names, server.host)),
    ...(await checkSession(settings)),
    ...(sendsPasswordInClear(settings)
      ? [
          warning(
            "SMTP login",
            "the password in SMTP_URL is sent without encryption",
            "unset SMTP_TLS, or use smtps://",
          ),
        ]
      : []),
    ...(await checkHelo(names, helo)),
  ];
}

const hasty = (settings: SmtpSettings): SmtpSettings => ({
  ...settings,
  timeouts: Object.fromEntries(
    Object.entries(settings.timeouts).map(([step, seconds]) => [step, Math.min(seconds, STEP_SECONDS)]),
  ) as unknown as SmtpSettings["timeouts"],
});

async function checkHost(names: Names, host: string): Promise<Finding[]> {
  if (isIP(host) !== 0 || isLoopback(host)) return [];
  const addresses = await names.addresses(host);
  if (addresses === null) return [notKnown("SMTP host", `whether ${host} has an address: the DNS gives no answer`)];
  if (addresses.length === 0) return [fault("SMTP host", `${host} has no address`, "correct the host in SMTP_URL")];
  return [ok("SMTP host", `${host} is ${addresses.join(", ")}`)];
}

async function checkSession(settings: SmtpSettings): Promise<Finding[]> {
  const { server, tls } = settings;
  const at = `${server.host}:${server.port}`;
  const abort = new AbortController();
  try {
    const session = await openSession(settings, abort.signal);
    const { extensions, encrypted } = session;
    session.quit();
    return [
      encrypted
        ? ok("SMTP", `${at} answers, encrypted by TLS`)
        : isLoopback(server.host)
          ? ok("SMTP", `${at} answers, without TLS on this machine`)
          : warning(
              "SMTP",
              `${at} answers, without TLS (SMTP_TLS=${tls})`,
              "use a relay with TLS, or a private network",
            ),
      server.login ? ok("SMTP login", "the login in SMTP_URL is taken") : ok("SMTP login", "SMTP_URL has none"),
      sizeOf(extensions),
      extensions.has("SMTPUTF8")
        ? ok("SMTPUTF8", "the server takes addresses with letters beyond ASCII")
        : ok("SMTPUTF8", "the server takes ASCII addresses only, as dundie has them"),
    ];
  } catch (error) {
    const phase = error instanceof SmtpFault ? error.phase : "connect";
    return [fault(phase === "auth" ? "SMTP login" : "SMTP", `${at}: ${redactReply(wordsOf(error))}`, ADVICE[phase])];
  } finally {
    abort.abort();
  }
}

const ADVICE: Readonly<Record<string, string>> = {
  connect: "correct the host and the port in SMTP_URL, and let this machine through to it (firewall)",
  greeting: "ask the operator of the server; where it expects TLS first, start SMTP_URL with smtps://",
  ehlo: "set SMTP_HELO to the full name of this machine",
  starttls: "see SMTP_TLS and SMTP_CA_FILE in docs/configuration.md",
  auth: "correct the user and the password in SMTP_URL",
};

function sizeOf(extensions: ReadonlyMap<string, readonly string[]>): Finding {
  const limit = Number(extensions.get("SIZE")?.[0] ?? 0);
  // 0 stands for no limit (RFC 1870 §3).
  if (!(limit > 0)) return ok("SIZE", "the server names no limit");
  if (limit >= LARGEST_EMAIL_BYTES) return ok("SIZE", `the server takes emails of up to ${limit} bytes`);
  return fault("SIZE", `the server takes emails of ${limit} bytes at most`, "use a server that takes 100 kB");
}

async function checkHelo(names: Names, helo: string): Promise<Finding[]> {
  if (helo.startsWith("[")) return [ok("EHLO", `${helo} is an address`)];
  const addresses = await names.addresses(helo);
  if (addresses === null) return [notKnown("EHLO", `whether ${helo} has an address: the DNS gives no answer`)];
  if (addresses.length > 0) return [ok("EHLO", `${helo} is ${addresses.join(", ")}`)];
  return [warning("EHLO", `${helo} has no address, which some servers refuse`, "set SMTP_HELO to a name that has one")];
}

/** Sends an email past the outbox, and follows it to the SMTP server's reply. */
export async function sendTestEmail(config: Config, to: string): Promise<Finding> {
  if (config.smtpUrl === "inbox") {
    return notKnown(
      "test email",
      "the development inbox is in the process that serves it",
      "set SMTP_URL to try a server",
    );
  }
  const smtp = hasty(smtpSettings(config, config.smtpUrl));
  const transport = createSmtpTransport({ smtp, from: config.mailFrom });
  const words = `This is a test email from ${config.brand.name}. An operator ran "dundie doctor" to see whether email arrives. You don't need to do anything.`;
  try {
    const outcome = await transport.send(
      {
        id: Bun.randomUUIDv7(),
        to: { name: "", address: to },
        date: new Date(),
        subject: `Test email from ${config.brand.name}`,
        html: `<p>${Bun.escapeHTML(words)}</p>\n`,
        text: `${words}\n`,
        linkLifetimeSeconds: null,
      },
      AbortSignal.timeout(60_000),
    );
    if (outcome.type === "sent") return ok("test email", `${to}: the SMTP server accepted it: ${outcome.reply}`);
    const reply = outcome.type === "released" ? "stopped after 60 s without an answer" : outcome.reply;
    if (outcome.type === "deferred") {
      return warning("test email", `${to}: the server says "try again later": ${reply}`, "try again in a few minutes");
    }
    return fault("test email", `${to}: ${outcome.type}: ${reply}`, "docs/operations.md says what these words mean");
  } finally {
    transport.close();
  }
}

const wordsOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
