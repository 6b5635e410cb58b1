/** Environment -> frozen Config. Pure: files and generated secrets come in as `generated`. */
import { ConfigError } from "./errors.ts";

export interface Brand {
  readonly name: string;
  /** CSS hex colour, `#rrggbb`. */
  readonly color: string;
  readonly logoUrl: string | null;
  readonly supportAddress: string;
}

export interface Config {
  readonly host: string;
  readonly port: number;
  /** Null: an embedded PostgreSQL under `dataDir`. */
  readonly databaseUrl: string | null;
  readonly dataDir: string;
  /** `inbox`: the development inbox of this process, over SMTP on loopback. */
  readonly smtpUrl: string;
  readonly mailFrom: { readonly name: string; readonly address: string };
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
  readonly trustProxy: readonly string[];
  readonly corsOrigins: readonly string[];
  readonly demoPassword: string | null;
  readonly passwordMinLength: number;
  readonly registration: boolean;
  readonly messageRetentionDays: number;
  readonly shutdownGraceSeconds: number;
  readonly brand: Brand;
}

/** What embedded mode makes once and keeps in `DATA_DIR`: used where the environment is silent. */
export interface Generated {
  readonly secretKey: string;
  readonly demoPassword: string;
}

export type Environment = Readonly<Record<string, string | undefined>>;

/** True when this environment runs on the embedded PostgreSQL. */
export const isEmbedded = (env: Environment): boolean => !env["DATABASE_URL"];

/** Where the embedded cluster and the generated secrets live. */
export const dataDirectory = (env: Environment): string => env["DATA_DIR"] || ".dundie";

/**
 * Reads every variable of `docs/configuration.md`.
 * @throws {ConfigError} naming all bad and missing variables at once.
 */
export function readConfig(env: Environment, generated: Generated | null): Config {
  const problems: string[] = [];
  const embedded = isEmbedded(env);
  const text = (name: string, fallback: string): string => env[name] || fallback;
  const bad = (name: string, what: string): void => {
    problems.push(`${name} ${what}`);
  };
  const integer = (name: string, fallback: number, min: number, max: number): number => {
    const raw = env[name];
    if (!raw) return fallback;
    const value = Number(raw);
    if (!/^\d+$/.test(raw) || value < min || value > max) {
      bad(name, `must be a whole number from ${min} to ${max}, not ${JSON.stringify(raw)}`);
    }
    return value;
  };
  const toggle = (name: string, fallback: boolean): boolean => {
    const raw = env[name];
    if (!raw) return fallback;
    if (raw !== "on" && raw !== "off") bad(name, `must be "on" or "off", not ${JSON.stringify(raw)}`);
    return raw === "on";
  };
  const required = (name: string): string => {
    const raw = env[name] ?? "";
    if (!raw) bad(name, "must be set when DATABASE_URL is set");
    return raw;
  };

  const port = integer("PORT", 8000, 0, 65_535);
  const host = text("HOST", "127.0.0.1");
  const rateLimit = toggle("RATE_LIMIT", true);
  const databaseUrl = env["DATABASE_URL"] || null;
  if (databaseUrl !== null && !/^postgres(ql)?:\/\//.test(databaseUrl)) {
    bad("DATABASE_URL", "must start with postgres://");
  }

  const smtpUrl = embedded ? text("SMTP_URL", "inbox") : required("SMTP_URL");
  const mailFrom = embedded ? text("MAIL_FROM", "Dundie <no-reply@dm.com>") : required("MAIL_FROM");
  const publicUrl = embedded ? text("PUBLIC_URL", `http://localhost:${port}`) : required("PUBLIC_URL");
  const secretKey = env["SECRET_KEY"] || (embedded ? (generated?.secretKey ?? "") : required("SECRET_KEY"));
  const sender = parseSender(mailFrom);

  if (smtpUrl && smtpUrl !== "inbox") checkSmtpUrl(smtpUrl, bad);
  if (smtpUrl === "inbox" && !isLoopback(host)) {
    bad("HOST", `must be loopback while mail goes to the development inbox, not ${host}`);
  }
  if (!sender && mailFrom) bad("MAIL_FROM", 'must look like "Name <address@example.com>"');
  checkHttpUrl("PUBLIC_URL", publicUrl, bad);
  const resetUrl = text("PWD_RESET_URL", `${publicUrl.replace(/\/$/, "")}/reset_password`);
  checkHttpUrl("PWD_RESET_URL", resetUrl, bad);
  checkSecret("SECRET_KEY", secretKey, bad);
  const secretKeyPrevious = env["SECRET_KEY_PREVIOUS"] || null;
  if (secretKeyPrevious !== null) checkSecret("SECRET_KEY_PREVIOUS", secretKeyPrevious, bad);

  if (embedded && !isLoopback(host)) {
    bad("HOST", `must be loopback with the embedded PostgreSQL (it is for development), not ${host}`);
  }
  if (!rateLimit && !isLoopback(host)) bad("HOST", `must be loopback with RATE_LIMIT=off, not ${host}`);

  const brandColor = text("BRAND_COLOR", "#1f5eff");
  if (!/^#[0-9a-f]{6}$/i.test(brandColor)) bad("BRAND_COLOR", "must look like #1f5eff");
  const logoUrl = env["BRAND_LOGO_URL"] || null;
  if (logoUrl !== null) checkHttpUrl("BRAND_LOGO_URL", logoUrl, bad);
  const corsOrigins = list(env["CORS_ORIGINS"]);
  for (const origin of corsOrigins) {
    if (URL.parse(origin)?.origin !== origin) {
      bad("CORS_ORIGINS", `must list origins like https://app.example.com, not ${JSON.stringify(origin)}`);
    }
  }
  const retention = text("MESSAGE_RETENTION", "30d");
  if (!/^\d{1,4}d$/.test(retention) || retention === "0d") {
    bad("MESSAGE_RETENTION", `must be a number of days like 30d, not ${JSON.stringify(retention)}`);
  }

  const config: Config = {
    host,
    port,
    databaseUrl,
    dataDir: dataDirectory(env),
    smtpUrl,
    mailFrom: sender ?? { name: "", address: "" },
    publicUrl: publicUrl.replace(/\/$/, ""),
    resetUrl,
    secretKey,
    secretKeyPrevious,
    accessTokenMinutes: integer("ACCESS_TOKEN_EXPIRE_MINUTES", 15, 1, 24 * 60),
    refreshTokenMinutes: integer("REFRESH_TOKEN_EXPIRE_MINUTES", 43_200, 1, 525_600),
    // Under 5 minutes a letter could not be sent a second time with 2 minutes of link left.
    resetTokenMinutes: integer("RESET_TOKEN_EXPIRE_MINUTES", 10, 5, 24 * 60),
    smtpPool: integer("SMTP_POOL", 5, 2, 100),
    courier: toggle("COURIER", true),
    rateLimit,
    trustProxy: list(env["TRUST_PROXY"]),
    corsOrigins,
    demoPassword: embedded ? env["DEMO_PASSWORD"] || (generated?.demoPassword ?? null) : null,
    passwordMinLength: integer("PASSWORD_MIN_LENGTH", 12, 8, 64),
    registration: toggle("REGISTRATION", false),
    messageRetentionDays: Number.parseInt(retention, 10),
    shutdownGraceSeconds: integer("SHUTDOWN_GRACE_SECONDS", 25, 1, 600),
    brand: {
      name: text("BRAND_NAME", "Dundie"),
      color: brandColor,
      logoUrl,
      supportAddress: text("SUPPORT_ADDRESS", sender?.address ?? ""),
    },
  };
  if (problems.length > 0) throw new ConfigError(problems);
  return deepFreeze(config);
}

export const isLoopback = (host: string): boolean =>
  host === "localhost" || host === "::1" || /^127\.\d+\.\d+\.\d+$/.test(host);

/** `Name <address>` or a bare address; null when it is neither. */
function parseSender(value: string): Config["mailFrom"] | null {
  const match = /^(?:"?([^"<>\r\n]*?)"?\s*<)?([^\s<>@]+@[^\s<>@]+)>?$/.exec(value.trim());
  return match?.[2] ? { name: match[1] ?? "", address: match[2] } : null;
}

function checkSmtpUrl(value: string, bad: (name: string, what: string) => void): void {
  const url = URL.parse(value);
  if (!url || !/^smtps?:$/.test(url.protocol) || !url.hostname) {
    bad("SMTP_URL", "must look like smtp://user:pass@host:587 or smtps://user:pass@host, or be inbox");
  } else if (url.search) {
    bad("SMTP_URL", "takes no ?options: TLS is verified everywhere but on loopback");
  }
}

function checkHttpUrl(name: string, value: string, bad: (name: string, what: string) => void): void {
  if (!value) return;
  const url = URL.parse(value);
  if (!url || !/^https?:$/.test(url.protocol) || url.search || url.hash) {
    bad(name, `must be an http(s) URL without query or fragment, not ${JSON.stringify(value)}`);
  }
}

/** At least 32 bytes that are not one character repeated or a well-known default (R49). */
function checkSecret(name: string, secret: string, bad: (name: string, what: string) => void): void {
  if (!secret) return;
  if (Buffer.byteLength(secret) < 32) bad(name, "must be at least 32 bytes, for example from: openssl rand -base64 33");
  else if (new Set(secret).size < 10) bad(name, "must be random, for example from: openssl rand -base64 33");
}

const list = (value: string | undefined): string[] =>
  (value ?? "")
    .split(",")
    .map((item) => item.trim())
    .filter(Boolean);

function deepFreeze<T extends object>(value: T): T {
  for (const inner of Object.values(value)) if (inner !== null && typeof inner === "object") deepFreeze(inner);
  return Object.freeze(value);
}
