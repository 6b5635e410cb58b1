import type { Config } from "../../../config.ts";
import { isLoopback } from "../../../config/hosts.ts";
import { defaultHelo, type SmtpTls } from "../../../config/smtp-client.ts";
import { parseSmtpUrl, type SmtpServer } from "../../../config/smtp-server.ts";
import type { SmtpTimeouts } from "../../../config/smtp-timeouts.ts";

export interface SmtpSettings {
  readonly server: SmtpServer;
  /** A server with `implicitTls` is encrypted in any case. */
  readonly tls: SmtpTls;
  /** PEM; null: the authorities of the system. */
  readonly ca: string | null;
  /** The name or address literal that EHLO says (RFC 5321 §4.1.4). */
  readonly helo: string;
  readonly timeouts: SmtpTimeouts;
}

/**
 * @param smtpUrl where the server is: `config.smtpUrl`, unless that is `inbox`.
 */
export function smtpSettings(config: Config, smtpUrl: string): SmtpSettings {
  const server = parseSmtpUrl(smtpUrl);
  const { smtpTls, smtpCa, smtpHelo, smtpTimeouts, mailFrom, publicUrl } = config;
  // Traffic that stays on this machine crosses no network that could be read. A named authority is meant to be used.
  const usual = isLoopback(server.host) && smtpCa === null ? "opportunistic" : "required";
  return {
    server,
    tls: config.smtpUrl === "inbox" ? "off" : (smtpTls ?? usual),
    ca: smtpCa,
    helo: smtpHelo ?? defaultHelo(publicUrl, mailFrom.address),
    timeouts: smtpTimeouts,
  };
}

/** CRAM-MD5 would not send the password, but what the server offers is known only later, so it is not considered. */
export const sendsPasswordInClear = ({ server, tls }: SmtpSettings): boolean =>
  server.login !== null && !server.implicitTls && tls === "off" && !isLoopback(server.host);
