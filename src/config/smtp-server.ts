import { canonicalHost } from "./hosts.ts";
import { Invalid } from "./parsers.ts";

export interface SmtpServer {
  /** A name in ASCII or an address, without brackets. */
  readonly host: string;
  readonly port: number;
  /** TLS from the first byte: `smtps://`. */
  readonly implicitTls: boolean;
  readonly login: { readonly user: string; readonly password: string } | null;
}

/** RFC 8314 §3.3 and RFC 6409 §3.1. */
const DEFAULT_PORTS = { "smtps:": 465, "smtp:": 587 } as const;

/**
 * `smtp://user:password@host:587` or `smtps://…`. Messages never quote the URL, because it may hold a password.
 * @throws {Invalid}
 */
export function parseSmtpUrl(text: string): SmtpServer {
  const url = URL.parse(text);
  const protocol = url?.protocol;
  if (!url || !/^smtps?:\/\//i.test(text) || (protocol !== "smtp:" && protocol !== "smtps:")) {
    throw new Invalid(
      "must look like smtp://user:password@host:587 or smtps://user:password@host, or be inbox; in a user or password, " +
        "write / as %2F, ? as %3F, # as %23 and % as %25",
    );
  }
  if (url.search || url.hash || !/^\/?$/.test(url.pathname)) {
    throw new Invalid("must end after the host and the port: it takes no path, ?options or fragment");
  }
  const host = canonicalHost(decode(url.hostname, "host name"));
  if (!host) throw new Invalid("must name a host, such as smtp.example.com");
  const port = url.port === "" ? DEFAULT_PORTS[protocol] : Number(url.port);
  if (port === 0) throw new Invalid("must have a port from 1 to 65535");
  const user = decode(url.username, "user");
  const password = decode(url.password, "password");
  if (!user !== !password) throw new Invalid("must have both a user and a password, or neither");
  return { host, port, implicitTls: protocol === "smtps:", login: user ? { user, password } : null };
}

/** @param part what the text is, in words. */
function decode(text: string, part: string): string {
  let decoded: string;
  try {
    decoded = decodeURIComponent(text);
  } catch {
    throw new Invalid(`has a % in its ${part} that starts no percent-encoding: write it as %25`);
  }
  if (/\p{Cc}/u.test(decoded)) throw new Invalid(`has a control character in its ${part}`);
  return decoded;
}
