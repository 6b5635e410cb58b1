import { connect } from "node:tls";
import type { SmtpServer } from "../../../config/smtp-server.ts";

const HANDSHAKE_MS = 5_000;

/** Answers by server. A port does not change: it is asked once, and not at all once it has greeted us. */
const answers = new WeakMap<SmtpServer, Promise<boolean>>();

/** Whether a port that was met without TLS expects TLS from the first byte. Never rejects. */
export function isTlsPort(server: SmtpServer): Promise<boolean> {
  const known = answers.get(server);
  if (known) return known;
  const asked = offersTls(server);
  answers.set(server, asked);
  return asked;
}

/** The port has greeted us without TLS. */
export function noTlsPort(server: SmtpServer): void {
  answers.set(server, Promise.resolve(false));
}

/** Whether a TLS handshake succeeds on a new connection, with any certificate. */
function offersTls({ host, port }: SmtpServer): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host, port, rejectUnauthorized: false });
    const done = (offered: boolean): void => {
      clearTimeout(timer);
      socket.destroy();
      resolve(offered);
    };
    const timer = setTimeout(() => done(false), HANDSHAKE_MS);
    socket.once("secureConnect", () => done(true));
    socket.on("error", () => done(false));
    socket.once("close", () => done(false));
  });
}
