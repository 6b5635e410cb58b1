/** The environment as a frozen `Config`: every variable is parsed once (`config/variables.ts`), all faults are named. */
import { isLoopback } from "./config/hosts.ts";
import type { IpRange } from "./config/ip-ranges.ts";
import { metricsOf, type MetricsConfig } from "./config/metrics.ts";
import type { Sender } from "./config/parsers.ts";
import { readVariables } from "./config/read-variables.ts";
import { tlsConflict, type SmtpTls } from "./config/smtp-client.ts";
import type { SmtpTimeouts } from "./config/smtp-timeouts.ts";
import { VARIABLES, type Values, type VariableName } from "./config/variables.ts";
import { ConfigError } from "./errors.ts";
import type { Locale } from "./mail/kinds.ts";
import type { TracingConfig } from "./tracing/tracer.ts";

export interface Brand {
  readonly name: string;
  /** CSS hex colour, `#rrggbb`. */
  readonly color: string;
  readonly logoUrl: string | null;
  /** Null: emails and pages name no address for questions. */
  readonly supportAddress: string | null;
  /** Where people log in. Null: emails and pages lead to the front page. */
  readonly appUrl: string | null;
}

export interface Config {
  readonly host: string;
  /** 0 stands for a port that the system chooses; `atPort` then says which. */
  readonly port: number;
  /** Null: an embedded PostgreSQL under `dataDir`. */
  readonly databaseUrl: string | null;
  readonly databaseSchema: string;
  /** Connections of the API at most. */
  readonly databasePool: number;
  /** Connections of a courier at most, besides the one that it listens on. */
  readonly courierDatabasePool: number;
  /** False: the schema is checked at start and changed by `dundie migrate` only. */
  readonly migrate: boolean;
  readonly dataDir: string;
  /** `inbox`: the development inbox of this process, over SMTP on loopback. Else for `parseSmtpUrl`. */
  readonly smtpUrl: string;
  /** Null: `required`, but `opportunistic` to a server on this machine; see `smtpSettings`. */
  readonly smtpTls: SmtpTls | null;
  /** Certificates in PEM of the authorities that sign the SMTP server's; null: those of the system. */
  readonly smtpCa: string | null;
  /** Null: a name is taken from `publicUrl` or `mailFrom`; see `smtpSettings`. */
  readonly smtpHelo: string | null;
  readonly smtpTimeouts: SmtpTimeouts;
  readonly mailFrom: Sender;
  /** No trailing slash. The only source of link hosts. */
  readonly publicUrl: string;
  readonly resetUrl: string;
  readonly secretKey: string;
  readonly secretKeyPrevious: string | null;
  readonly accessTokenMinutes: number;
  readonly refreshTokenMinutes: number;
  readonly resetTokenMinutes: number;
  readonly smtpPool: number;
  readonly courier: boolean;
  readonly rateLimit: boolean;
  /** Peers whose `X-Forwarded-For` and `Forwarded` are believed. */
  readonly trustProxy: readonly IpRange[];
  readonly corsOrigins: readonly string[];
  readonly demoPassword: string | null;
  readonly passwordMinLength: number;
  readonly registration: boolean;
  /** Whether `/docs` and the OpenAPI document are served. */
  readonly docs: boolean;
  /** Whether the page `/outbox` is served; its API is served either way. */
  readonly outboxPage: boolean;
  /** Whether the page `/people` is served; its API is served either way. */
  readonly peoplePage: boolean;
  /** The language of emails and pages where neither the account nor its browser says one. */
  readonly defaultLocale: Locale;
  /** For the times in emails: a name of the IANA database. */
  readonly timeZone: string;
  readonly messageRetentionDays: number;
  readonly auditRetentionDays: number;
  /** How long a connection lives between two requests. */
  readonly idleTimeoutSeconds: number;
  readonly metrics: MetricsConfig;
  readonly tracing: TracingConfig;
  readonly shutdownGraceSeconds: number;
  /** How long requests are still answered after SIGTERM, while `/health/ready` sends load balancers elsewhere. */
  readonly shutdownDelaySeconds: number;
  readonly brand: Brand;
}

/** What embedded mode makes once and keeps in `DATA_DIR`. It is used where the environment sets nothing. */
export interface Generated {
  readonly secretKey: string;
  readonly demoPassword: string;
}

export type Environment = Readonly<Record<string, string | undefined>>;

/** True when this environment runs on the embedded PostgreSQL. */
export const isEmbedded = (env: Environment): boolean =>
  !Bun.isStandaloneExecutable && !env["DATABASE_URL"] && !env["DATABASE_URL_FILE"];

/** Where the embedded cluster and the generated secrets are. */
export const dataDirectory = (env: Environment): string => env["DATA_DIR"] || VARIABLES.DATA_DIR.fallback || ".";

const NAMES = Object.keys(VARIABLES) as VariableName[];

/** Without `DATABASE_URL` these have defaults for development. */
const REQUIRED = ["SMTP_URL", "MAIL_FROM", "PUBLIC_URL", "SECRET_KEY"] as const satisfies VariableName[];

/**
 * Reads every variable of `docs/configuration.md`. An empty one counts as unset, as container platforms write it.
 * @param generated null outside of embedded mode.
 * @throws {ConfigError} naming every bad and missing variable, each on one line.
 */
export function readConfig(env: Environment, generated: Generated | null): Config {
  const { values, problems, bad } = readVariables(env, NAMES);
  const embedded = isEmbedded(env);
  if (!embedded) {
    for (const name of REQUIRED) {
      if (values[name] === null && !bad.has(name)) problems.push(`${name} must be set when DATABASE_URL is set`);
    }
  }
  const smtpUrl = values.SMTP_URL ?? "inbox";
  if (!bad.has("HOST") && !isLoopback(values.HOST)) {
    const unlimited = !values.RATE_LIMIT && !bad.has("RATE_LIMIT");
    const reason = whyLoopbackOnly(embedded, smtpUrl === "inbox" && !bad.has("SMTP_URL"), unlimited);
    if (reason) problems.push(`HOST must be loopback ${reason}, not ${values.HOST}`);
  }
  if (smtpUrl !== "inbox" && !bad.has("SMTP_URL")) {
    const conflict = tlsConflict(smtpUrl, values.SMTP_TLS);
    if (conflict) problems.push(`SMTP_TLS ${conflict}`);
  }
  if (values.METRICS_PORT !== null && values.METRICS_PORT === values.PORT)
    problems.push("METRICS_PORT must differ from PORT");
  if (problems.length > 0) throw new ConfigError(problems);

  const mailFrom = values.MAIL_FROM ?? { name: "Dundie", address: "no-reply@dm.com" };
  const publicUrl = values.PUBLIC_URL ?? `http://localhost:${values.PORT}`;
  return deepFreeze({
    host: values.HOST,
    port: values.PORT,
    ...databaseOf(values),
    databasePool: values.DATABASE_POOL,
    courierDatabasePool: values.COURIER_DATABASE_POOL,
    migrate: values.MIGRATE,
    smtpUrl,
    smtpTls: values.SMTP_TLS,
    smtpCa: values.SMTP_CA_FILE,
    smtpHelo: values.SMTP_HELO,
    smtpTimeouts: values.SMTP_TIMEOUTS,
    mailFrom,
    publicUrl,
    resetUrl: values.PWD_RESET_URL ?? `${publicUrl}/reset_password`,
    secretKey: values.SECRET_KEY ?? generated?.secretKey ?? "",
    secretKeyPrevious: values.SECRET_KEY_PREVIOUS,
    accessTokenMinutes: values.ACCESS_TOKEN_EXPIRE_MINUTES,
    refreshTokenMinutes: values.REFRESH_TOKEN_EXPIRE_MINUTES,
    resetTokenMinutes: values.RESET_TOKEN_EXPIRE_MINUTES,
    smtpPool: values.SMTP_POOL,
    courier: values.COURIER,
    rateLimit: values.RATE_LIMIT,
    trustProxy: values.TRUST_PROXY,
    corsOrigins: values.CORS_ORIGINS,
    demoPassword: embedded ? (values.DEMO_PASSWORD ?? generated?.demoPassword ?? null) : null,
    passwordMinLength: values.PASSWORD_MIN_LENGTH,
    registration: values.REGISTRATION,
    docs: values.DOCS,
    outboxPage: values.OUTBOX,
    peoplePage: values.PEOPLE,
    defaultLocale: values.DEFAULT_LOCALE,
    timeZone: values.TIME_ZONE,
    messageRetentionDays: values.MESSAGE_RETENTION,
    auditRetentionDays: values.AUDIT_RETENTION,
    idleTimeoutSeconds: values.IDLE_TIMEOUT_SECONDS,
    tracing: { endpoint: values.OTEL_EXPORTER_OTLP_ENDPOINT, share: values.OTEL_TRACES_SAMPLER_ARG },
    metrics: metricsOf(values),
    shutdownGraceSeconds: values.SHUTDOWN_GRACE_SECONDS,
    shutdownDelaySeconds: values.SHUTDOWN_DELAY_SECONDS ?? (embedded ? 0 : SHUTDOWN_DELAY_SECONDS),
    brand: {
      name: values.BRAND_NAME,
      color: values.BRAND_COLOR,
      logoUrl: values.BRAND_LOGO_URL,
      supportAddress: values.SUPPORT_ADDRESS,
      appUrl: values.APP_URL,
    },
  });
}

/** Load balancers ask every few seconds whether a process is ready. */
const SHUTDOWN_DELAY_SECONDS = 5;

/** Where the database is. */
export type DatabaseConfig = Pick<Config, "databaseUrl" | "databaseSchema" | "dataDir">;

/**
 * Reads the variables of the database alone: a step that only migrates needs no key and no mail server.
 * @throws {ConfigError} as `readConfig` does.
 */
export function readDatabaseConfig(env: Environment): DatabaseConfig {
  const { values, problems } = readVariables(env, ["DATABASE_URL", "DATABASE_CA_FILE", "DATABASE_SCHEMA", "DATA_DIR"]);
  if (problems.length > 0) throw new ConfigError(problems);
  return databaseOf(values);
}

/**
 * Reads where the API listens, and nothing else.
 * @throws {ConfigError} as `readConfig` does.
 */
export function readListenConfig(env: Environment): Pick<Config, "host" | "port"> {
  const { values, problems } = readVariables(env, ["HOST", "PORT"]);
  if (values.PORT === 0) problems.push("PORT must be the port that the API listens on, and 0 says none");
  if (problems.length > 0) throw new ConfigError(problems);
  return { host: values.HOST, port: values.PORT };
}

const databaseOf = (
  values: Pick<Values, "DATABASE_URL" | "DATABASE_CA_FILE" | "DATABASE_SCHEMA" | "DATA_DIR">,
): DatabaseConfig => ({
  databaseUrl: withAuthority(values.DATABASE_URL, values.DATABASE_CA_FILE),
  databaseSchema: values.DATABASE_SCHEMA,
  dataDir: values.DATA_DIR,
});

/** The same for the port that was bound, where `PORT=0` left the choice to the system: links lead there. */
export function atPort(config: Config, port: number): Config {
  if (config.port !== 0) return config;
  const bound = (url: string): string => url.replace(/^(http:\/\/localhost):0(?=\/|$)/, `$1:${port}`);
  return Object.freeze({ ...config, port, publicUrl: bound(config.publicUrl), resetUrl: bound(config.resetUrl) });
}

/** `DATABASE_CA_FILE` is the URL's `sslrootcert`, for platforms that hand out the URL whole. */
function withAuthority(url: string | null, caFile: string | null): string | null {
  if (url === null || caFile === null) return url;
  return `${url}${url.includes("?") ? "&" : "?"}sslrootcert=${encodeURIComponent(caFile)}`;
}

/** The rest of the sentence "HOST must be loopback …"; null when HOST need not be loopback. */
function whyLoopbackOnly(embedded: boolean, inbox: boolean, unlimited: boolean): string | null {
  if (embedded) return "with the embedded PostgreSQL, which is for development";
  if (inbox) return "while mail goes to the development inbox";
  return unlimited ? "with RATE_LIMIT=off" : null;
}

function deepFreeze<T extends object>(value: T): T {
  for (const inner of Object.values(value)) if (inner !== null && typeof inner === "object") deepFreeze(inner);
  return Object.freeze(value);
}
