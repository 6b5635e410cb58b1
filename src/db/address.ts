/**
 * `DATABASE_URL`, read as libpq reads a connection URI (PostgreSQL documentation, §32.1.1): several hosts, sockets and
 * `?parameters` included. Each parameter is used, dropped with a warning, or refused by its name; none is passed on
 * unread, because a server or a pooler refuses a connection for a startup parameter that it does not know.
 */
import { canonicalHost, isLoopback } from "../config/hosts.ts";

export type SslMode = "disable" | "allow" | "prefer" | "require" | "verify-ca" | "verify-full";

export interface DatabaseAddress {
  /** Names or addresses, tried in this order; or one absolute path: the directory of a socket. */
  readonly hosts: readonly string[];
  /** One for each host. */
  readonly ports: readonly number[];
  readonly database: string;
  readonly user: string;
  readonly password: string;
  readonly sslmode: SslMode;
  /** TLS starts with the first byte (PostgreSQL 17). */
  readonly directTls: boolean;
  /** Files in PEM. */
  readonly rootCertificate: string | null;
  readonly certificate: string | null;
  readonly key: string | null;
  /** Command-line options for the server, libpq's `options`. */
  readonly options: string | null;
}

export interface ParsedAddress {
  /** Null when there are problems. */
  readonly address: DatabaseAddress | null;
  /** What is wrong, each to be read after the name of the variable. Neither holds the password. */
  readonly problems: readonly string[];
  /** What has no effect. */
  readonly warnings: readonly string[];
}

const SSL_MODES = new Set<string>(["disable", "allow", "prefer", "require", "verify-ca", "verify-full"]);

/** Parameters whose loss would weaken the connection or lead elsewhere. */
const UNSUPPORTED = new Set([
  "gssencmode",
  "hostaddr",
  "passfile",
  "replication",
  "require_auth",
  "requirepeer",
  "service",
  "servicefile",
  "ssl_min_protocol_version",
  "sslcrl",
  "sslcrldir",
  "sslpassword",
]);

/** Values of unsupported parameters that ask for nothing: what libpq does without them, or allows. */
const HARMLESS = new Set(["gssencmode=disable", "gssencmode=prefer", "ssl_min_protocol_version=TLSv1.2"]);

export function parseAddress(url: string): ParsedAddress {
  const problems: string[] = [];
  const warnings: string[] = [];
  const match = /^postgres(?:ql)?:\/\/(?:([^@/?#]*)@)?([^@/?#]*)(?:\/([^?#]*))?(?:\?([^#]*))?$/.exec(url);
  if (!match) {
    const problem =
      "must look like postgres://user:password@host:5432/database; in a user or password, write / as %2F, ? as %3F, " +
      "# as %23, @ as %40 and % as %25";
    return { address: null, problems: [problem], warnings };
  }
  const decode = (text: string, what: string): string => {
    try {
      return decodeURIComponent(text);
    } catch {
      problems.push(`has a % in its ${what} that starts no percent-encoding: write it as %25`);
      return "";
    }
  };
  const [, credentials = "", authority = "", path = "", query = ""] = match;
  const colon = credentials.includes(":") ? credentials.indexOf(":") : credentials.length;
  const parameters = new Map<string, string>();
  for (const pair of query.split("&").filter(Boolean)) {
    const equals = pair.includes("=") ? pair.indexOf("=") : pair.length;
    const name = decode(pair.slice(0, equals), "parameters");
    parameters.set(name, decode(pair.slice(equals + 1), `parameter ${name}`));
  }
  /** Reads a parameter that has a meaning here; what is left at the end has none. An empty one is not set. */
  const take = (name: string): string | null => {
    const value = parameters.get(name) ?? "";
    parameters.delete(name);
    return value || null;
  };

  const user = take("user") ?? decode(credentials.slice(0, colon), "user name");
  const password = take("password") ?? decode(credentials.slice(colon + 1), "password");
  const database = take("dbname") ?? decode(path, "database name");
  const named = take("host");
  const places = named === null ? splitAuthority(authority) : named.split(",").map((host) => ({ host, port: "" }));
  const portList = (take("port") ?? "").split(",");
  const hosts: string[] = [];
  const ports: number[] = [];
  for (const [index, { host, port }] of places.entries()) {
    const name = decode(host, "host") || "localhost";
    hosts.push(name);
    if (!isSocket(name) && canonicalHost(name) === null)
      problems.push("has a host that is neither a name nor an address");
    const text = port || portList[index] || portList[0] || "5432";
    ports.push(Number(text));
    if (!/^\d{1,5}$/.test(text) || Number(text) < 1 || Number(text) > 65_535) {
      problems.push("has a port that is not a number from 1 to 65535");
    }
  }
  if (hosts.length > 1 && hosts.some(isSocket)) problems.push("has a socket beside other hosts: name one of them only");

  const rootCertificate = take("sslrootcert");
  const sslmode =
    take("sslmode") ??
    readSsl(take("ssl")) ??
    (rootCertificate ? "verify-full" : hosts.every(isLocal) ? "disable" : "prefer");
  if (!SSL_MODES.has(sslmode)) problems.push(`has sslmode=${sslmode}: libpq knows ${[...SSL_MODES].join(", ")}`);
  const negotiation = take("sslnegotiation") ?? "postgres";
  if (negotiation !== "postgres" && negotiation !== "direct") {
    problems.push(`has sslnegotiation=${negotiation}: libpq knows postgres and direct`);
  }
  const target = take("target_session_attrs");
  if (target !== null && !["any", "read-write", "primary"].includes(target)) {
    problems.push(
      `has target_session_attrs=${target}: dundie writes, so it always looks for a server that is read-write`,
    );
  }
  const certificate = take("sslcert");
  const key = take("sslkey");
  if ((certificate === null) !== (key === null)) problems.push("needs sslcert and sslkey together, or neither");
  const options = take("options");

  for (const [name, value] of parameters) {
    if (UNSUPPORTED.has(name) && !HARMLESS.has(`${name}=${value}`))
      problems.push(`has ${name}, which is not supported`);
    else warnings.push(`the parameter ${name} of DATABASE_URL has no effect`);
  }
  if (problems.length > 0) return { address: null, problems, warnings };
  const address: DatabaseAddress = {
    hosts,
    ports,
    user,
    password,
    database,
    sslmode: sslmode as SslMode,
    directTls: negotiation === "direct",
    // "system" stands for the authorities that the runtime trusts, which is what verification does without a file.
    rootCertificate: rootCertificate === "system" ? null : rootCertificate,
    certificate,
    key,
    options,
  };
  return { address, problems, warnings };
}

/** Whether what is sent stays on this machine. */
export const isLocal = (host: string): boolean => isSocket(host) || isLoopback(host);

export const isSocket = (host: string): boolean => host.startsWith("/");

/** The `ssl` of other drivers: a truth value, or an sslmode. */
const readSsl = (value: string | null): string | null =>
  value === "true" || value === "1" ? "require" : value === "false" || value === "0" ? "disable" : value;

/** `a:1,[::1]:2` → its parts, still encoded. An IPv6 address stands in brackets (RFC 3986 §3.2.2). */
function splitAuthority(authority: string): { host: string; port: string }[] {
  return authority.split(",").map((place) => {
    const [, bracketed, plain = "", port = ""] = /^(?:\[([^\]]*)\]|([^:]*))(?::(.*))?$/.exec(place) ?? [];
    return { host: bracketed ?? plain, port };
  });
}
