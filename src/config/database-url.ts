import { Invalid } from "./parsers.ts";

/**
 * A `postgres://` URL that the driver can read; several hosts may be separated by commas.
 * Messages never quote the URL, because it may hold a password.
 * @throws {Invalid}
 */
export function parseDatabaseUrl(text: string): string {
  const [, credentials = "", hosts, rest = ""] =
    /^postgres(?:ql)?:\/\/(?:([^@/?#]*)@)?([^@/?#]*)([/?].*)?$/.exec(text) ?? [];
  if (hosts === undefined) {
    throw new Invalid(
      "must look like postgres://user:password@host:5432/database; in a user or password, write / as %2F, ? as %3F, " +
        "# as %23, @ as %40 and % as %25",
    );
  }
  for (const part of [credentials, rest.split("?")[0] ?? ""]) {
    try {
      decodeURIComponent(part);
    } catch {
      throw new Invalid("has a % that starts no percent-encoding: write it as %25");
    }
  }
  for (const host of hosts.split(",")) {
    // A host may be left out where a socket is meant; a port must be one.
    if (host !== "" && !URL.parse(`postgres://${host}/`)) throw new Invalid("has a host or a port that is none");
  }
  return text;
}
