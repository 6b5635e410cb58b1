import type { Config } from "../../../config.ts";
import { isLoopback } from "../../../config/hosts.ts";
import { defaultHelo } from "../../../config/smtp-client.ts";
import { parseSmtpUrl } from "../../../config/smtp-server.ts";
import type { SmtpSettings } from "./session.ts";

/**
 * @param smtpUrl where the server is: `config.smtpUrl`, unless that is `inbox`.
 */
export function smtpSettings(config: Config, smtpUrl: string): SmtpSettings {
  const server = parseSmtpUrl(smtpUrl);
  const { smtpTls, smtpCa, smtpHelo, smtpTimeouts, mailFrom, publicUrl } = config;
  // On this machine there is nobody to hide from; an authority that is named is meant to be used.
  const usual = isLoopback(server.host) && smtpCa === null ? "opportunistic" : "required";
  return {
    server,
    tls: config.smtpUrl === "inbox" ? "off" : (smtpTls ?? usual),
    ca: smtpCa,
    helo: smtpHelo ?? defaultHelo(publicUrl, mailFrom.address),
    timeouts: smtpTimeouts,
  };
}
