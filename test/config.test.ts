import { expect, test } from "bun:test";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { isLoopback } from "../src/config/hosts.ts";
import { parseSmtpUrl } from "../src/config/smtp-server.ts";
import { VARIABLES, type VariableName } from "../src/config/variables.ts";
import { atPort, type Config, type Environment, readConfig } from "../src/config.ts";
import { ConfigError } from "../src/errors.ts";
import { blockListOf } from "../src/http/client-address.ts";

const PRODUCTION = {
  DATABASE_URL: "postgres://dundie:secret@db.example.com/dundie",
  SMTP_URL: "smtps://user:secret@smtp.example.com",
  MAIL_FROM: "Dundie <no-reply@example.com>",
  PUBLIC_URL: "https://accounts.example.com",
  SECRET_KEY: "oJ0yKZ3m1p8WqV5sXcR7tB2nL4hG6fD9aE0uYiTkQwZx",
} as const;

const production = (changes: Environment = {}): Config => readConfig({ ...PRODUCTION, ...changes }, null);

/** The lines that name what is wrong. */
function problemsOf(env: Environment): readonly string[] {
  try {
    readConfig(env, null);
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
  return [];
}

/** For each variable, texts that must be named at start. A variable that takes every line of text takes no two lines. */
const WRONG: Readonly<Record<VariableName, readonly string[]>> = {
  HOST: ["not a host", "127.0.0.1:8000", "http://localhost", "user@localhost", "a/b", "::1::"],
  PORT: ["http", "-1", "65536", "80.5", "0x50", "8000/tcp", " 8000"],
  PUBLIC_URL: [
    "accounts.example.com",
    "ftp://example.com",
    "https://",
    "https://u:p@example.com",
    "https://a.b/?c",
    "/x",
  ],
  PWD_RESET_URL: ["/reset", "https://app.example.com/#/reset", "javascript:alert(1)"],
  APP_URL: ["app.example.com", "javascript:alert(1)", "https://user@app.example.com", "https://app.example.com/?x=1"],
  TRUST_PROXY: [
    "10.0.0.1/",
    "10.0.0.0/33",
    "10.0.0.0/-1",
    "10.0.0.0/8x",
    "proxy.example.com",
    "loopback",
    "::1/129",
    "010.0.0.1",
    "10.0.0.1 10.0.0.2",
    "10.0.0.0/255.0.0.0",
    "[::1]",
  ],
  CORS_ORIGINS: [
    "*",
    "app.example.com",
    "https://app.example.com/",
    "https://app.example.com:443",
    "HTTPS://app.example.com",
    "null",
    "file://",
    "mailto:a@b.c",
  ],
  LOG_LEVEL: ["warning", "INFO", "3", "verbose"],
  IDLE_TIMEOUT_SECONDS: ["0", "19", "256", "60s", "never"],
  SHUTDOWN_GRACE_SECONDS: ["0", "25s", "601", "soon"],
  SHUTDOWN_DELAY_SECONDS: ["-1", "5s", "61", "soon"],
  METRICS_TOKEN: ["short", "sixteen letters!", "a".repeat(257), "two words that are long"],
  METRICS_PORT: ["0", "65536", "http", "-1"],
  METRICS_HOST: ["not a host", "127.0.0.1:9090", "http://localhost"],
  OTEL_EXPORTER_OTLP_ENDPOINT: ["collector:4318", "grpc://collector:4317", "/v1/traces"],
  OTEL_TRACES_SAMPLER_ARG: ["2", "-0.1", "half", "1e-3", "0,5"],
  DATABASE_URL: [
    "mysql://h/d",
    "db.example.com:5432/d",
    "postgres:/h/d",
    "postgres://u:50%off@h/d",
    "postgres://u:p@h:99999/d",
    "postgres://u:p@h:port/d",
    "postgres://u:pa#ss@h/d",
    "postgres://u:p@ss@h/d",
  ],
  DATABASE_CA_FILE: ["a\nb"],
  DATABASE_SCHEMA: ["Dundie", "my-schema", "pg_dundie", "information_schema", "a.b", "1st", "a".repeat(64), '"x"'],
  DATABASE_POOL: ["0", "201", "many"],
  COURIER_DATABASE_POOL: ["1", "51", "-2"],
  MIGRATE: ["yes", "ON", "true"],
  DATA_DIR: ["a\nb"],
  DEMO_PASSWORD: ["a\nb"],
  SMTP_URL: [
    "smtp.example.com",
    "http://h",
    "smtp:h",
    "smtp://",
    "smtp://user:50%off@host",
    "smtp://us%er:p@host",
    "smtp://u:p%00@host",
    "smtp://user:pa#ss@host",
    "smtp://user:p/w@host",
    "smtp://h/path",
    "smtp://h?tls=no",
    "smtp://h#x",
    "smtp://h:0",
    "smtp://h:99999",
    "smtp://user@host",
    "smtp://:secret@host",
    "Inbox",
    "smtp://a b",
  ],
  SMTP_TLS: ["on", "none", "REQUIRED", "starttls"],
  SMTP_CA_FILE: ["/nowhere/ca.pem", import.meta.dir, import.meta.path],
  SMTP_HELO: ["not a host", "a/b", "user@host", "[127.0.0.1", "mail:25"],
  SMTP_TIMEOUTS: ["rcpt", "rcpt=0", "rcpt=3601", "rcpt=1m", "quit=5", "toString=5", "rcpt=1;data=1"],
  SMTP_POOL: ["1", "101", "many"],
  MAIL_FROM: [
    "Dundie",
    "a@b.com,",
    "A <a@b.com>, B <b@b.com>",
    "a@b.com, b@b.com",
    "a@",
    "Dundie a@b.com",
    "<a@b.com",
    "a@b.com>",
    "A\nB <a@b.com>",
    "a@[127.0.0.1]",
    "no-reply@bü cher.example",
    "jürgen@example.com",
    "a@localhost",
  ],
  COURIER: ["true", "ON", "1", "no"],
  AUDIT_RETENTION: ["365", "0d", "1y", "-1d"],
  MESSAGE_RETENTION: ["30", "0d", "000d", "4w", "99999d", "-1d"],
  SECRET_KEY: ["short", "x".repeat(31)],
  SECRET_KEY_PREVIOUS: ["short", "a".repeat(64)],
  ACCESS_TOKEN_EXPIRE_MINUTES: ["0", "1441", "15m"],
  REFRESH_TOKEN_EXPIRE_MINUTES: ["0", "525601", "30d"],
  RESET_TOKEN_EXPIRE_MINUTES: ["4", "1441", "ten"],
  PASSWORD_MIN_LENGTH: ["7", "65", "twelve"],
  REGISTRATION: ["yes"],
  RATE_LIMIT: ["false", "ture"],
  DOCS: ["no"],
  OUTBOX: ["false"],
  PEOPLE: ["false"],
  BRAND_NAME: ["Dundie\r\nBcc: a@b.com"],
  BRAND_COLOR: ["blue", "#fff", "1f5eff", "#1f5effaa"],
  BRAND_LOGO_URL: ["logo.png", "data:image/png;base64,AA=="],
  SUPPORT_ADDRESS: [
    "https://help.example.com",
    "mailto:help@example.com",
    "Help <help@example.com>",
    "help@example.com,",
    "help",
  ],
  DEFAULT_LOCALE: ["english", "pt", "pt_BR", "EN"],
  TIME_ZONE: ["Mars/Olympus", "GMT+25", "local"],
};

for (const [name, texts] of Object.entries(WRONG)) {
  for (const text of texts) {
    test(`${name}=${JSON.stringify(text)} is named at start, on one line`, () => {
      const problems = problemsOf({ ...PRODUCTION, [name]: text });
      expect(problems).toHaveLength(1);
      expect(problems[0]).toStartWith(`${name} `);
      expect(problems[0]).not.toContain("\n");
    });
  }
}

test("every bad and missing variable is named at once, and nothing else", () => {
  const problems = problemsOf({
    DATABASE_URL: "postgres://h:port/d",
    SMTP_URL: "smtp://user:50%off@host",
    PUBLIC_URL: "example.com",
    PORT: "x",
    TRUST_PROXY: "10.0.0.1/",
    LOG_LEVEL: "warning",
  });
  expect(problems).toHaveLength(8);
  expect(new Set(problems.map((line) => line.split(" ")[0]))).toEqual(
    new Set(["DATABASE_URL", "LOG_LEVEL", "MAIL_FROM", "PORT", "PUBLIC_URL", "SECRET_KEY", "SMTP_URL", "TRUST_PROXY"]),
  );
});

test("an empty variable counts as unset, as container platforms write it", () => {
  const empty = Object.fromEntries(Object.keys(VARIABLES).map((name) => [name, ""]));
  const generated = { secretKey: PRODUCTION.SECRET_KEY, demoPassword: "demo" };
  expect(readConfig(empty, generated)).toEqual(readConfig({}, generated));
});

test("a password that stands in a URL is in no message", () => {
  for (const [name, url] of [
    ["SMTP_URL", "smtp://user:hunter2%@host"],
    ["SMTP_URL", "smtp://user:hunter2#@host"],
    ["SMTP_URL", "smtp://user:hunter2@host/path"],
    ["DATABASE_URL", "postgres://user:hunter2%@host/d"],
    ["DATABASE_URL", "postgres://user:hunter2@host:x/d"],
    ["SECRET_KEY", "hunter2"],
  ] as const) {
    const problems = problemsOf({ ...PRODUCTION, [name]: url });
    expect(problems).toHaveLength(1);
    expect(problems.join()).not.toContain("hunter2");
  }
});

test("HOST must be loopback with the embedded PostgreSQL, the inbox and RATE_LIMIT=off, and one line says so", () => {
  for (const HOST of ["0.0.0.0", "::", "192.0.2.1", "accounts.example.com", "128.0.0.1", "localhost.example.com"]) {
    expect(problemsOf({ HOST })).toEqual([expect.stringMatching(/^HOST must be loopback with the embedded/)]);
    // Each of the three alone.
    expect(problemsOf({ HOST, SMTP_URL: PRODUCTION.SMTP_URL })).toEqual([expect.stringContaining("the embedded")]);
    expect(problemsOf({ ...PRODUCTION, HOST, SMTP_URL: "inbox" })).toEqual([expect.stringContaining("inbox")]);
    expect(problemsOf({ ...PRODUCTION, HOST, RATE_LIMIT: "off" })).toEqual([expect.stringContaining("RATE_LIMIT=off")]);
    expect(problemsOf({ ...PRODUCTION, HOST })).toEqual([]);
  }
  for (const HOST of ["localhost", "LOCALHOST", "127.0.0.1", "127.8.9.10", "::1", "0:0:0:0:0:0:0:1"]) {
    expect(problemsOf({ HOST, RATE_LIMIT: "off" })).toEqual([]);
  }
});

test("a demo password is for the embedded PostgreSQL only", () => {
  expect(readConfig({ DEMO_PASSWORD: "beets and battlestars" }, null).demoPassword).toBe("beets and battlestars");
  expect(production({ DEMO_PASSWORD: "beets and battlestars" }).demoPassword).toBeNull();
});

test("loopback is loopback in every spelling", () => {
  for (const host of [
    "localhost",
    "LocalHost",
    "localhost.",
    "127.1",
    "127.0.0.1",
    "::1",
    "[::1]",
    "::ffff:127.0.0.1",
  ]) {
    expect([host, isLoopback(host)]).toEqual([host, true]);
  }
  for (const host of ["127.0.0.1.example.com", "::", "0.0.0.0", "::ffff:10.0.0.1", "::2", "127", "localhost@x", ""]) {
    expect([host, isLoopback(host)]).toEqual([host, false]);
  }
});

test("TRUST_PROXY trusts the addresses of its ranges and no others", () => {
  const { trustProxy } = production({ TRUST_PROXY: "10.0.0.1, 192.168.0.5/16,2001:db8::/32,::ffff:172.16.0.0/108" });
  const trusted = blockListOf(trustProxy);
  const check = (address: string): boolean => trusted.check(address, address.includes(":") ? "ipv6" : "ipv4");
  expect(["10.0.0.1", "192.168.255.1", "2001:db8:1::1", "172.31.0.1"].map(check)).toEqual([true, true, true, true]);
  expect(["10.0.0.2", "192.169.0.1", "2001:db9::1", "172.32.0.1", "8.8.8.8", "::1"].filter(check)).toEqual([]);
});

test("an origin with the scheme of an app is allowed", () => {
  const list =
    "capacitor://localhost, ionic://localhost,http://localhost:8100,tauri://localhost,chrome-extension://abcdef";
  expect(production({ CORS_ORIGINS: list }).corsOrigins).toEqual([
    "capacitor://localhost",
    "ionic://localhost",
    "http://localhost:8100",
    "tauri://localhost",
    "chrome-extension://abcdef",
  ]);
});

test("SMTP_URL: host, port and login are read as they are meant", () => {
  const server = (url: string) => parseSmtpUrl(production({ SMTP_URL: url }).smtpUrl);
  expect(server("smtp://[::1]:2525")).toEqual({ host: "::1", port: 2525, implicitTls: false, login: null });
  expect(server("smtp://LOCALHOST")).toEqual({ host: "localhost", port: 587, implicitTls: false, login: null });
  expect(server("SMTPS://mail.Bücher.example/")).toMatchObject({ host: "mail.xn--bcher-kva.example", port: 465 });
  expect(server("smtp://us%40er:50%25off@host").login).toEqual({ user: "us@er", password: "50%off" });
  expect(server("smtp://a@b.com:p@host").login).toEqual({ user: "a@b.com", password: "p" });
  expect(server("smtp://127.1:25").host).toBe("127.0.0.1");
});

test("MAIL_FROM: one sender, its domain in ASCII", () => {
  const from = (text: string) => production({ MAIL_FROM: text }).mailFrom;
  expect(from("Dundie <no-reply@bücher.example>")).toEqual({
    name: "Dundie",
    address: "no-reply@xn--bcher-kva.example",
  });
  expect(from("No-Reply@Example.COM")).toEqual({ name: "", address: "No-Reply@example.com" });
  expect(from("<a@b.com>")).toEqual({ name: "", address: "a@b.com" });
  expect(from('"Dundie, \\"Inc\\"" <a@b.com>')).toEqual({ name: 'Dundie, "Inc"', address: "a@b.com" });
  expect(from(" Dundie, Inc.  <a@b.com> ")).toEqual({ name: "Dundie, Inc.", address: "a@b.com" });
  expect(from("Café ☕ <a@b.com>").name).toBe("Café ☕");
});

test("SUPPORT_ADDRESS is an address; without it there is none, least of all the sender's", () => {
  expect(production().brand.supportAddress).toBeNull();
  expect(production({ SUPPORT_ADDRESS: "Help@bücher.example" }).brand.supportAddress).toBe(
    "help@xn--bcher-kva.example",
  );
});

test("TIME_ZONE is a name of the IANA database", () => {
  expect(production().timeZone).toBe("UTC");
  expect(production({ TIME_ZONE: "America/Sao_Paulo" }).timeZone).toBe("America/Sao_Paulo");
});

test("PUBLIC_URL loses the slash at its end, and its host is in ASCII", () => {
  const { publicUrl, resetUrl } = production({ PUBLIC_URL: "https://bücher.example/auth//" });
  expect(publicUrl).toBe("https://xn--bcher-kva.example/auth");
  expect(resetUrl).toBe("https://xn--bcher-kva.example/auth/reset_password");
});

test("with PORT=0 links follow the port that was bound, unless PUBLIC_URL says where they lead", () => {
  const bound = atPort(readConfig({ PORT: "0" }, null), 43_210);
  expect(bound).toMatchObject({
    port: 43_210,
    publicUrl: "http://localhost:43210",
    resetUrl: "http://localhost:43210/reset_password",
  });
  expect(atPort(production({ PORT: "0" }), 43_210).publicUrl).toBe(PRODUCTION.PUBLIC_URL);
  expect(atPort(production({ PORT: "80" }), 80)).toMatchObject({ port: 80, publicUrl: PRODUCTION.PUBLIC_URL });
});

test("a secret may come from a file, without the line break at its end", async () => {
  const directory = await mkdtemp(join(tmpdir(), "dundie-config-"));
  try {
    const file = async (name: string, content: string | Uint8Array): Promise<string> => {
      const path = join(directory, name);
      await writeFile(path, content);
      return path;
    };
    const { DATABASE_URL, SMTP_URL, SECRET_KEY, ...others } = PRODUCTION;
    const files = {
      DATABASE_URL_FILE: await file("database", DATABASE_URL),
      SMTP_URL_FILE: await file("smtp", `${SMTP_URL}\n`),
      SECRET_KEY_FILE: await file("key", `${SECRET_KEY}\r\n`),
      SECRET_KEY_PREVIOUS_FILE: await file("previous", `${SECRET_KEY.toLowerCase()}\n`),
    };
    expect(readConfig({ ...others, ...files }, null)).toEqual(
      production({ SECRET_KEY_PREVIOUS: SECRET_KEY.toLowerCase() }),
    );

    const wrong: Record<string, [string, string]> = {
      "is set beside the variable": [files.SECRET_KEY_FILE, SECRET_KEY],
      "is absent": [join(directory, "absent"), ""],
      "is a directory": [directory, ""],
      "is empty": [await file("empty", "\n"), ""],
      "holds no text": [await file("binary", new Uint8Array(48).fill(0xff)), ""],
      "holds a weak key": [await file("weak", "short\n"), ""],
    };
    for (const [fault, [path, key]] of Object.entries(wrong)) {
      const problems = problemsOf({ ...PRODUCTION, SECRET_KEY: key, SECRET_KEY_FILE: path });
      expect([fault, problems]).toEqual([fault, [expect.stringMatching(/^SECRET_KEY /)]]);
    }
  } finally {
    await rm(directory, { recursive: true });
  }
});

test("R49 a key that documentation prints, a placeholder or a pattern is refused", () => {
  for (const key of [
    // FastAPI's and Flask's documentation, jwt.io, Symfony, tutorials of Spring.
    "09d25e094faa6ca2556c818166b7a9563b93f7099f6f0f4caa6cf63b88e8d3e7",
    "192b9bdd22ab9ed4d12e236c78afcb9a393ec15f71bbf5dc987d54727823bcbf",
    "a-string-secret-at-least-256-bits-long",
    "your-256-bit-secret-your-256-bit-secret",
    "ThisTokenIsNotSoSecretChangeIt-ThisTokenIsNotSoSecretChangeIt",
    "404E635266556A586E3272357538782F413F4428472B4B6250645367566B5970",
    "change-me-in-production-please-now!!",
    "please_change_this_to_a_random_value_",
    "django-insecure-3v$k1&0x#u7w(9z)q2m5b8n4c6",
    "my-super-secret-jwt-key-for-development",
    "0123456789abcdef0123456789abcdef",
    "abcdefghijklmnopqrstuvwxyz0123456789",
    "qwertyuiopasdfghjklzxcvbnm1234567890",
    "deadbeefdeadbeefdeadbeefdeadbeef",
    "k3yk3yk3yk3yk3yk3yk3yk3yk3yk3yk3yk3y",
    "00000000-0000-0000-0000-000000000000",
    "1111111122222222333333334444444455555555",
    "a".repeat(64),
  ]) {
    expect([key, problemsOf({ ...PRODUCTION, SECRET_KEY: key })]).toEqual([
      key,
      [expect.stringMatching(/^SECRET_KEY must be (random|your own)/)],
    ]);
  }
});

test("R49 a key of 31 bytes is refused, however random it is, and 32 are taken", () => {
  const key = PRODUCTION.SECRET_KEY.slice(0, 32);
  expect(problemsOf({ ...PRODUCTION, SECRET_KEY: key })).toEqual([]);
  expect(problemsOf({ ...PRODUCTION, SECRET_KEY: key.slice(1) })).toEqual([
    expect.stringMatching(/^SECRET_KEY must be at least 32 bytes/),
  ]);
});

test("R49 a random key is taken, in hexadecimal, base64 and as a UUID", () => {
  const bytes = (count: number): Uint8Array => crypto.getRandomValues(new Uint8Array(count));
  for (let round = 0; round < 30; round += 1) {
    for (const key of [bytes(16).toHex(), bytes(32).toHex(), bytes(33).toBase64(), crypto.randomUUID()]) {
      expect([key, problemsOf({ ...PRODUCTION, SECRET_KEY: key })]).toEqual([key, []]);
    }
  }
});

test("the table in docs/configuration.md has every variable, with its default, and no other", async () => {
  const text = await Bun.file(new URL("../docs/configuration.md", import.meta.url)).text();
  const rows = [...text.matchAll(/^\| `([A-Z_]+)` \| (.+?) \| (.+?) \|$/gm)];
  const documented = Object.fromEntries(rows.map(([, name = "", fallback]) => [name, fallback]));
  expect(Object.keys(documented)).toEqual(Object.keys(VARIABLES));
  for (const [name, { fallback }] of Object.entries(VARIABLES)) {
    // Without a default of its own a variable's row says in words, or by example, what is used.
    if (fallback !== null)
      expect([name, documented[name]]).toEqual([name, fallback === "" ? "none" : `\`${fallback}\``]);
  }
  const files = Object.entries(VARIABLES).filter(([, { fromFile }]) => fromFile);
  expect(files.length).toBeGreaterThan(0);
  for (const [name] of files) expect(text).toContain(`\`${name}_FILE\``);
});
