/** Looks at everything that dundie needs, and says of each whether it is as it should be. It changes nothing. */
import { isLoopback } from "../config/hosts.ts";
import type { Config } from "../config.ts";
import { openDatabase } from "../db/client.ts";
import { readCondition } from "../mail/operations/condition.ts";
import { checkDatabase } from "./database.ts";
import { checkDomain } from "./domain.ts";
import { ok, notKnown, warning, within, type Finding } from "./finding.ts";
import type { Names } from "./names.ts";
import { checkSmtp } from "./smtp.ts";

export interface DoctorOptions {
  readonly config: Config;
  /** `config.databaseUrl`, or that of the embedded PostgreSQL. */
  readonly databaseUrl: string;
  readonly names: Names;
  /** Of the DKIM key that the relay signs with; null: not known. */
  readonly dkimSelector: string | null;
}

/** Takes at most about 40 s, when nothing answers. */
export async function examine({ config, databaseUrl, names, dkimSelector }: DoctorOptions): Promise<Finding[]> {
  const [database, smtp, domain, mail] = await Promise.all([
    checkDatabase(databaseUrl, config.databaseSchema),
    checkSmtp(config, names),
    checkDomain(names, config.mailFrom.address, dkimSelector),
    checkMail(databaseUrl, config.databaseSchema),
  ]);
  return [...checkConfiguration(config), ...database, ...smtp, ...domain, ...mail];
}

/** What a configuration may say on purpose, and should not say in production. Pure. */
export function checkConfiguration(config: Config): Finding[] {
  if (config.databaseUrl === null) {
    return [ok("configuration", "for development: an embedded PostgreSQL, on this machine only")];
  }
  const { publicUrl, brand, rateLimit, trustProxy, metrics } = config;
  const { protocol, hostname } = new URL(publicUrl);
  const subject = "configuration";
  const found = [
    protocol === "http:" &&
      !isLoopback(hostname) &&
      warning(
        subject,
        "PUBLIC_URL starts with http://: links and passwords can be read on the way",
        "serve it over https",
      ),
    isLoopback(hostname) &&
      warning(
        subject,
        `PUBLIC_URL is ${publicUrl}: links in emails lead to the reader's own machine`,
        "set PUBLIC_URL",
      ),
    brand.supportAddress === null &&
      warning(subject, "SUPPORT_ADDRESS is not set: people are not told whom to ask", "set SUPPORT_ADDRESS"),
    !rateLimit && warning(subject, "RATE_LIMIT=off: clients and logins are not limited", "unset RATE_LIMIT"),
    trustProxy.some(({ prefix }) => prefix === 0) &&
      warning(subject, "TRUST_PROXY trusts every peer: any client can choose its own address", "name your proxies"),
    metrics.port !== null &&
      metrics.token === null &&
      !isLoopback(metrics.host) &&
      warning(subject, "METRICS_PORT answers every machine that reaches it", "set METRICS_TOKEN"),
  ].filter((one) => one !== false);
  return found.length > 0 ? found : [ok(subject, "every variable is valid")];
}

async function checkMail(databaseUrl: string, schema: string): Promise<Finding[]> {
  const db = openDatabase(databaseUrl, { max: 1, name: "dundie doctor", schema, statementTimeoutMs: 10_000 });
  try {
    const { degraded, couriers } = await within(10_000, readCondition(db));
    if (degraded.length === 0)
      return [ok("email", `nothing is late; couriers seen in the last minute: ${couriers.length}`)];
    return degraded.map(({ text }) => warning("email", text, "see docs/operations.md"));
  } catch {
    return [notKnown("email", "whether email is late: the database gives no answer")];
  } finally {
    await db.close();
  }
}
