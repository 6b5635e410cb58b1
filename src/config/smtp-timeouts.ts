import { Invalid, listOf, quote } from "./parsers.ts";

/**
 * How long each step of an SMTP conversation may take, in seconds. Where RFC 5321 §4.5.3.2 names the step, the default
 * is the minimum that it asks of a client.
 */
const DEFAULTS = {
  /** TCP, and TLS where it comes first. The RFC names no limit; a host that is away answers nothing at all. */
  connect: 30,
  greeting: 300,
  ehlo: 300,
  /** The command and the handshake. */
  starttls: 300,
  /** Each step of the exchange. */
  auth: 300,
  mail: 300,
  rcpt: 300,
  data: 120,
  /** The time until the connection has taken the whole email, which fits the socket's buffer. */
  body: 180,
  /** After the final dot: the server may be delivering the email. Shorter for emails whose link ends soon. */
  reply: 600,
};

export type SmtpTimeouts = Readonly<Record<keyof typeof DEFAULTS, number>>;

/**
 * `rcpt=60,reply=120`: the steps that differ from the defaults, in seconds.
 * @throws {Invalid}
 */
export function parseSmtpTimeouts(text: string): SmtpTimeouts {
  const changed = listOf(text).map((part) => {
    const [, step = "", seconds] = /^([a-z]+)\s*=\s*(\d{1,4})$/.exec(part) ?? [];
    if (!Object.hasOwn(DEFAULTS, step) || Number(seconds) < 1 || Number(seconds) > 3_600) {
      const steps = Object.keys(DEFAULTS).join(", ");
      throw new Invalid(
        `must list steps (${steps}) with 1 to 3600 seconds, such as rcpt=60,reply=120; not ${quote(part)}`,
      );
    }
    return [step, Number(seconds)] as const;
  });
  return { ...DEFAULTS, ...Object.fromEntries(changed) };
}
