/** Opens an SMTP session: connects, encrypts where that is asked for, and logs in. */
import { authenticate } from "./auth.ts";
import { SmtpConnection, SmtpFault } from "./connection.ts";
import { SmtpSession } from "./session.ts";
import type { SmtpSettings } from "./settings.ts";
import { isTlsPort, noTlsPort } from "./tls-port.ts";

/**
 * This is longer than servers hold back their greeting to find clients that speak first (Postfix 6 s, Sendmail and Exim
 * some 10 s). To such a server an earlier question would look like a client that speaks first.
 */
const SILENT_GREETING_MS = 15_000;
/**
 * Connects, encrypts and authenticates.
 * @throws {SmtpFault} when the server cannot be used as it is configured.
 */
export async function openSession(settings: SmtpSettings, signal: AbortSignal): Promise<SmtpSession> {
  try {
    return await open(settings, signal);
  } catch (error) {
    // With `opportunistic` a server whose STARTTLS does not work is used without TLS.
    const failed = error instanceof SmtpFault && error.phase === "starttls" && settings.tls === "opportunistic";
    if (!failed || signal.aborted) throw error;
    return await open({ ...settings, tls: "off" }, signal);
  }
}

async function open(settings: SmtpSettings, signal: AbortSignal): Promise<SmtpSession> {
  const { server, tls, ca, helo, timeouts } = settings;
  const connection = await SmtpConnection.open(server, { verify: tls === "required", ca }, timeouts, signal);
  const breakOff = (): void => connection.destroy();
  signal.addEventListener("abort", breakOff, { once: true });
  try {
    await greeted(connection, settings);
    let extensions = await hello(connection, settings);
    if (!server.implicitTls && tls !== "off") {
      if (extensions.has("STARTTLS")) {
        connection.write("STARTTLS\r\n");
        const { code, text } = await connection.reply("starttls");
        if (code !== 220) throw new SmtpFault("starttls", text, { code });
        await connection.startTls({ verify: tls === "required", ca }, signal);
        extensions = await hello(connection, settings);
      } else if (tls === "required") {
        throw new SmtpFault(
          "starttls",
          "the server offers no encryption (STARTTLS), which SMTP_TLS=required asks for; for a relay on a network that " +
            "you trust, set SMTP_TLS=opportunistic or off",
        );
      }
    }
    if (server.login) await authenticate(connection, server.login, extensions.get("AUTH") ?? null);
    if (signal.aborted) throw new SmtpFault("ehlo", `broken off after EHLO ${helo}`);
    return new SmtpSession(connection, extensions);
  } catch (error) {
    connection.quit();
    throw error;
  } finally {
    signal.removeEventListener("abort", breakOff);
  }
}

/** A port that expects TLS first says nothing: after a while of silence it is asked whether it does. */
async function greeted(connection: SmtpConnection, { server }: SmtpSettings): Promise<void> {
  const { promise: tlsPort, reject } = Promise.withResolvers<never>();
  const expectsTls = "the server expects TLS from the first byte: SMTP_URL should start with smtps://";
  const timer = setTimeout(() => {
    void isTlsPort(server).then((yes) => yes && reject(new SmtpFault("greeting", expectsTls)));
  }, SILENT_GREETING_MS);
  try {
    const greeting = connection.reply("greeting");
    const { code, text } = await (server.implicitTls ? greeting : Promise.race([greeting, tlsPort]));
    if (code !== 220) throw new SmtpFault("greeting", text, { code });
    noTlsPort(server);
  } finally {
    clearTimeout(timer);
  }
}

/** @returns the server's extensions by keyword, in upper case, with their parameters (RFC 5321 §4.1.1.1). */
async function hello(connection: SmtpConnection, settings: SmtpSettings): Promise<Map<string, readonly string[]>> {
  const { helo, tls, server } = settings;
  connection.write(`EHLO ${helo}\r\n`);
  let reply = await connection.reply("ehlo");
  // A server that does not know EHLO knows no extension either, and none is needed where nothing is required of it.
  if ((reply.code === 500 || reply.code === 502) && tls !== "required" && !server.login) {
    connection.write(`HELO ${helo}\r\n`);
    reply = await connection.reply("ehlo");
  }
  const { code, text } = reply;
  if (code === null || code >= 300) throw new SmtpFault("ehlo", `${text} (EHLO ${helo}: see SMTP_HELO)`, { code });
  return new Map(
    text
      .split("\n")
      .slice(1)
      .map((line) => {
        // "AUTH=LOGIN PLAIN" is what servers said before RFC 2554.
        const [keyword = "", ...parameters] = line
          .slice(4)
          .trim()
          .toUpperCase()
          .split(/[\s=]+/);
        return [keyword, parameters] as const;
      }),
  );
}
