/** Questions to the DNS, each with a bounded wait. Without a DNS that knows the Internet the answers are not known. */
import { lookup, Resolver } from "node:dns/promises";
import { within } from "./finding.ts";

export interface Names {
  /** The TXT records of a name; empty: it has none; null: not known. */
  texts(name: string): Promise<readonly string[] | null>;
  /** Addresses as this system finds them, its hosts file included; empty: it has none; null: not known. */
  addresses(name: string): Promise<readonly string[] | null>;
}

const TIMEOUT_MS = 2_000;

/** @param servers in place of the system's: `127.0.0.1:5353`. */
export function createNames(servers: readonly string[] | null = null): Names {
  const resolver = new Resolver({ timeout: TIMEOUT_MS, tries: 1 });
  if (servers) resolver.setServers(servers);
  let known: Promise<boolean> | null = null;

  /** A resolver of a closed network says of every name that there is none: that tells nothing about the domain. */
  const knowsInternet = (): Promise<boolean> =>
    (known ??= within(TIMEOUT_MS, resolver.resolveNs("."))
      .then((names) => names.length > 0)
      .catch(() => false));

  const orAbsent = async (question: Promise<readonly string[]>): Promise<readonly string[] | null> => {
    try {
      return await within(TIMEOUT_MS, question);
    } catch (error) {
      const code = error instanceof Error && "code" in error ? error.code : null;
      const absent = code === "ENOTFOUND" || code === "ENODATA";
      return absent && (await knowsInternet()) ? [] : null;
    }
  };

  return {
    texts: (name) => orAbsent(resolver.resolveTxt(name).then((records) => records.map((parts) => parts.join("")))),
    addresses: (name) =>
      orAbsent(
        servers
          ? resolver.resolve4(name)
          : lookup(name, { all: true }).then((found) => found.map(({ address }) => address)),
      ),
  };
}
