/** nodemailer's pool alone: prebuilt emails of a given size, five connections, no queue, no record of anything. */
import { createTransport } from "nodemailer";

export interface BareDrain {
  readonly port: number;
  readonly emails: number;
  /** A whole email, as it goes over the wire. */
  readonly mime: string;
}

const CONNECTIONS = 5;
/** Enough waiting for each connection that none is ever idle. */
const WAITING = 4 * CONNECTIONS;

process.on("message", (order: BareDrain) => void drain(order).then(() => process.send?.("done")));
process.on("disconnect", () => process.exit(0));
process.send?.("ready");

async function drain({ port, emails, mime }: BareDrain): Promise<void> {
  const pool = createTransport({
    pool: true,
    host: "127.0.0.1",
    port,
    ignoreTLS: true,
    maxConnections: CONNECTIONS,
    // As dundie's.
    maxMessages: 100,
  });
  const raw = Buffer.from(mime, "latin1");
  let begun = 0;
  const send = async (): Promise<void> => {
    while (begun < emails) {
      const envelope = { from: "no-reply@dm.com", to: [`known${String(begun++).padStart(6, "0")}@example.com`] };
      await pool.sendMail({ envelope, raw });
    }
  };
  await Promise.all(Array.from({ length: WAITING }, send));
  pool.close();
}
