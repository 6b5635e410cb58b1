import { connect } from "node:tls";
import type { SmtpServer } from "../../../config/smtp-server.ts";

const HANDSHAKE_MS = 5_000;

/** Whether a TLS handshake succeeds on a new connection, whatever the certificate is. */
export function offersTls({ host, port }: SmtpServer, signal: AbortSignal): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host, port, rejectUnauthorized: false });
    const done = (offered: boolean): void => {
      clearTimeout(timer);
      signal.removeEventListener("abort", none);
      socket.destroy();
      resolve(offered);
    };
    const none = (): void => done(false);
    const timer = setTimeout(none, HANDSHAKE_MS);
    signal.addEventListener("abort", none, { once: true });
    socket.once("secureConnect", () => done(true));
    socket.on("error", none);
    socket.once("close", none);
  });
}
