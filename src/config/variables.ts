/**
 * Every environment variable of dundie, once: its default as the environment would spell it, and what reads it.
 * `docs/configuration.md` has a row for each, which `test/config.test.ts` holds against this table.
 */
import { LOCALES } from "../mail/kinds.ts";
import { parseDatabaseUrl, parseSchemaName } from "./database-url.ts";
import { parseHost } from "./hosts.ts";
import { parseIpRanges } from "./ip-ranges.ts";
import {
  bearerToken,
  certificates,
  days,
  emailAddress,
  hexColor,
  httpUrl,
  integer,
  line,
  LOG_LEVELS,
  oneOf,
  origins,
  sender,
  share,
  timeZone,
  toggle,
  type Parse,
} from "./parsers.ts";
import { parseSecretKey } from "./secret-key.ts";
import { parseHelo, SMTP_TLS } from "./smtp-client.ts";
import { parseSmtpUrl } from "./smtp-server.ts";
import { parseSmtpTimeouts } from "./smtp-timeouts.ts";

export interface Variable<T> {
  /** Null: without a value of its own, or with one that depends on other variables (`config.ts`). */
  readonly fallback: string | null;
  readonly parse: Parse<T>;
  /** True: `NAME_FILE` may name a file that holds the value, as container platforms hand out secrets. */
  readonly fromFile: boolean;
}

export const VARIABLES = {
  HOST: withDefault("127.0.0.1", parseHost),
  PORT: withDefault("8000", integer(0, 65_535)),
  PUBLIC_URL: optional(httpUrl),
  PWD_RESET_URL: optional(httpUrl),
  APP_URL: optional(httpUrl),
  TRUST_PROXY: withDefault("", parseIpRanges),
  CORS_ORIGINS: withDefault("", origins),
  LOG_LEVEL: withDefault("info", oneOf(LOG_LEVELS)),
  // Bun's maximum is 255.
  IDLE_TIMEOUT_SECONDS: withDefault("75", integer(20, 255)),
  SHUTDOWN_GRACE_SECONDS: withDefault("25", integer(1, 600)),
  SHUTDOWN_DELAY_SECONDS: optional(integer(0, 60)),

  METRICS_TOKEN: secret(bearerToken),
  METRICS_PORT: optional(integer(1, 65_535)),
  METRICS_HOST: withDefault("127.0.0.1", parseHost),

  OTEL_EXPORTER_OTLP_ENDPOINT: optional(httpUrl),
  OTEL_TRACES_SAMPLER_ARG: withDefault("1", share),

  DATABASE_URL: secret(parseDatabaseUrl),
  DATABASE_CA_FILE: optional(line),
  DATABASE_SCHEMA: withDefault("dundie", parseSchemaName),
  DATABASE_POOL: withDefault("8", integer(1, 200)),
  COURIER_DATABASE_POOL: withDefault("4", integer(2, 50)),
  MIGRATE: withDefault("on", toggle),
  DATA_DIR: withDefault(".dundie", line),
  DEMO_PASSWORD: optional(line),

  SMTP_URL: secret((text) => (text === "inbox" ? text : (parseSmtpUrl(text), text))),
  SMTP_TLS: optional(oneOf(SMTP_TLS)),
  SMTP_CA_FILE: optional(certificates),
  SMTP_HELO: optional(parseHelo),
  SMTP_TIMEOUTS: withDefault("", parseSmtpTimeouts),
  SMTP_POOL: withDefault("5", integer(2, 100)),
  MAIL_FROM: optional(sender),
  COURIER: withDefault("on", toggle),
  MESSAGE_RETENTION: withDefault("30d", days),
  AUDIT_RETENTION: withDefault("365d", days),

  SECRET_KEY: secret(parseSecretKey),
  SECRET_KEY_PREVIOUS: secret(parseSecretKey),
  ACCESS_TOKEN_EXPIRE_MINUTES: withDefault("15", integer(1, 24 * 60)),
  REFRESH_TOKEN_EXPIRE_MINUTES: withDefault("43200", integer(1, 525_600)),
  // With less than 5 minutes a second attempt could not be sent with 2 minutes left on its link.
  RESET_TOKEN_EXPIRE_MINUTES: withDefault("10", integer(5, 24 * 60)),
  PASSWORD_MIN_LENGTH: withDefault("12", integer(8, 64)),
  REGISTRATION: withDefault("off", toggle),
  RATE_LIMIT: withDefault("on", toggle),
  DOCS: withDefault("on", toggle),
  OUTBOX: withDefault("on", toggle),
  PEOPLE: withDefault("on", toggle),

  BRAND_NAME: withDefault("Dundie", line),
  BRAND_COLOR: withDefault("#1f5eff", hexColor),
  BRAND_LOGO_URL: optional(httpUrl),
  SUPPORT_ADDRESS: optional(emailAddress),
  DEFAULT_LOCALE: withDefault("en", oneOf(LOCALES)),
  TIME_ZONE: withDefault("UTC", timeZone),
} satisfies Readonly<Record<string, Variable<unknown>>>;

export type VariableName = keyof typeof VARIABLES;

/** What the variables say, parsed. */
export type Values = { readonly [Name in VariableName]: ReturnType<(typeof VARIABLES)[Name]["parse"]> };

function withDefault<T>(fallback: string, parse: Parse<T>): Variable<T> {
  return { fallback, parse, fromFile: false };
}

/** Null when the variable is not set. */
function optional<T>(parse: Parse<T>): Variable<T | null> {
  return { fallback: null, parse, fromFile: false };
}

function secret<T>(parse: Parse<T>): Variable<T | null> {
  return { fallback: null, parse, fromFile: true };
}
