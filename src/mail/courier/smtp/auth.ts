/** SMTP authentication (RFC 4954) with a user and a password. */
import type { SmtpServer } from "../../../config/smtp-server.ts";
import { SmtpFault, type SmtpConnection } from "./connection.ts";
import type { Reply } from "./reply.ts";

type Login = NonNullable<SmtpServer["login"]>;
type Mechanism = (connection: SmtpConnection, login: Login) => Promise<Reply>;

/** The mechanisms in the order of preference. */
const MECHANISMS: Readonly<Record<string, Mechanism>> = {
  /** RFC 4616, with the initial response in the command. */
  async PLAIN(connection, { user, password }) {
    const response = base64(`\0${user}\0${password}`);
    const reply = await ask(connection, `AUTH PLAIN ${response}`);
    return reply.code === 334 ? await ask(connection, response) : reply;
  },
  /** LOGIN was never standardised, but some servers offer nothing else. */
  async LOGIN(connection, { user, password }) {
    const first = await ask(connection, "AUTH LOGIN");
    if (first.code !== 334) return first;
    const second = await ask(connection, base64(user));
    return second.code === 334 ? await ask(connection, base64(password)) : second;
  },
  /** RFC 2195. */
  async "CRAM-MD5"(connection, { user, password }) {
    const first = await ask(connection, "AUTH CRAM-MD5");
    if (first.code !== 334) return first;
    const challenge = Buffer.from(first.text.slice(4), "base64");
    const digest = new Bun.CryptoHasher("md5", password).update(challenge).digest("hex");
    return await ask(connection, base64(`${user} ${digest}`));
  },
};

/**
 * @param offered what the server's EHLO reply lists after AUTH; null: it has no such line.
 * @throws {SmtpFault} when the login is refused, or when the server offers no way to use it: mail sent without the
 * login that is configured would be refused later, one recipient after the other.
 */
export async function authenticate(
  connection: SmtpConnection,
  login: Login,
  offered: readonly string[] | null,
): Promise<void> {
  if (offered === null) {
    throw new SmtpFault(
      "auth",
      "SMTP_URL has a user and a password, and the server offers no authentication (no AUTH)",
    );
  }
  const chosen = Object.entries(MECHANISMS).find(([name]) => offered.includes(name));
  if (!chosen) {
    const [names, ours] = [offered.join(", "), Object.keys(MECHANISMS).join(", ")];
    throw new SmtpFault("auth", `the server offers ${names} for authentication, and dundie can use ${ours}`);
  }
  const reply = await chosen[1](connection, login);
  if (reply.code !== 235) throw new SmtpFault("auth", reply.text, { code: reply.code });
}

async function ask(connection: SmtpConnection, command: string): Promise<Reply> {
  connection.write(`${command}\r\n`);
  return await connection.reply("auth");
}

const base64 = (text: string): string => Buffer.from(text).toString("base64");
