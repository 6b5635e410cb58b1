/** `dist/dundie`, which `bun run build` makes, as a container runs it: see `confined.ts`. */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { join } from "node:path";
import packageJson from "../../package.json" with { type: "json" };
import { loadAssets } from "../../src/web/assets.ts";
import { emptyDatabase, type TestDatabase } from "../support/database.ts";
import { freePort } from "../support/ports.ts";
import { listeningUrl, spawnCli, type CliOptions, type CliProcess } from "../support/process.ts";
import { startScriptedSmtp, type ScriptedSmtp } from "../support/smtp.ts";
import { until } from "../support/waiting.ts";
import { buildConfined, type Confined } from "./confined.ts";

/** Each test starts processes, which takes many times longer on a busy machine. */
setDefaultTimeout(120_000);

const PASSWORD = "a lighthouse in the fog";
const EMAIL = "ann@example.com";

let confined: Confined;
let database: TestDatabase;
let smtp: ScriptedSmtp;
let env: Record<string, string>;
let server: CliProcess;
let url: string;

const start = (args: readonly string[], options: CliOptions = {}): CliProcess =>
  spawnCli(args, { ...options, program: confined.program, cwd: confined.directory, env: options.env ?? env });

async function run(args: readonly string[], options: CliOptions = {}) {
  // Databases of tests are not durable, which is warned about.
  await using cli = start(args, { ...options, env: { LOG_LEVEL: "error", ...(options.env ?? env) } });
  const exitCode = await cli.ended;
  return { exitCode, stdout: cli.stdout, stderr: cli.stderr };
}

async function serve(environment: Readonly<Record<string, string>> = {}): Promise<[CliProcess, string]> {
  const process = start(["serve"], { env: { ...env, ...environment } });
  await process.until((cli) => listeningUrl(cli.stdout) !== undefined);
  return [process, listeningUrl(process.stdout) ?? ""];
}

/** The order matters: the first command finds an empty database, and the account is made before somebody logs in. */
beforeAll(async () => {
  [confined, database, smtp] = await Promise.all([buildConfined(), emptyDatabase(), startScriptedSmtp()]);
  env = {
    DATABASE_URL: database.url,
    PORT: "0",
    SMTP_URL: smtp.url,
    MAIL_FROM: "Dundie <no-reply@example.com>",
    PUBLIC_URL: "http://localhost:8000",
    SECRET_KEY: "tests of the executable: a key that is long and no secret",
    MIGRATE: "off",
    SHUTDOWN_DELAY_SECONDS: "0",
  };
  expect(await run(["migrate"])).toEqual({ exitCode: 0, stdout: "", stderr: "" });
  const account = ["--name", "Ann Example", "--email", EMAIL, "--dept", "management", "--no-mail"];
  expect(await run(["create-user", ...account], { stdin: PASSWORD })).toEqual({
    exitCode: 0,
    stdout: "created ann-example\n",
    stderr: "",
  });
  [server, url] = await serve();
}, 120_000);

afterAll(async () => {
  await server?.[Symbol.asyncDispose]();
  await smtp?.close();
  await database?.drop();
  await confined?.[Symbol.asyncDispose]();
});

const postJson = (path: string, body: unknown, headers: Readonly<Record<string, string>> = {}): Promise<Response> =>
  fetch(url + path, {
    method: "POST",
    headers: { "content-type": "application/json", ...headers },
    body: JSON.stringify(body),
  });

const logIn = (password: string): Promise<Response> =>
  fetch(`${url}/token`, { method: "POST", body: new URLSearchParams({ username: EMAIL, password }) });

/** Resolves when a reset email to the account has arrived that was asked for just now. @returns its link. */
async function resetLink(): Promise<string> {
  const before = smtp.accepted().length;
  const answer = await postJson("/user/pwd_reset_token/", { email: EMAIL });
  expect(answer.status).toBe(200);
  await smtp.until(({ accepted }) => accepted().length > before, 30_000);
  return smtp.accepted().at(-1)?.link ?? "";
}

test("without a configuration it says what is missing, the database first, and leaves nothing behind", async () => {
  for (const command of ["serve", "worker", "list-users"]) {
    const { exitCode, stdout, stderr } = await run([command], { env: {} });
    expect([exitCode, stdout]).toEqual([1, ""]);
    expect(stderr).toStartWith("Cannot start:\n  - DATABASE_URL must be set: this executable holds no PostgreSQL.");
    for (const name of ["SMTP_URL", "MAIL_FROM", "PUBLIC_URL", "SECRET_KEY"]) expect(stderr).toContain(`  - ${name} `);
  }
  expect((await run(["migrate"], { env: {} })).stderr).toStartWith("Cannot start:\n  - DATABASE_URL must be set");
});

test("a password reset goes out, and its link sets the password", async () => {
  const link = new URL(await resetLink());
  expect(smtp.accepted().at(-1)?.source).toContain("text/html");
  const page = await fetch(`${url}${link.pathname}${link.search}`);
  expect([page.status, await page.text()]).toEqual([200, expect.stringContaining("password")]);
  const token = link.searchParams.get("token") ?? link.searchParams.get("pwd_reset_token") ?? "";
  const set = (password: string): Promise<Response> =>
    postJson(`/user/ann-example/password/?pwd_reset_token=${token}`, { password, password_confirm: password });
  // The dictionaries of the password policy are loaded at the first password that is judged.
  expect((await set("password1234")).status).toBe(422);
  expect((await set("another lighthouse, in the rain")).status).toBe(200);
  expect((await logIn("another lighthouse, in the rain")).status).toBe(200);
});

test("the pages and /docs load all they need, and it is what the sources make", async () => {
  const fromSources = await loadAssets({ color: "#1f5eff" });
  const seen = new Set<string>();
  for (const path of ["/", "/docs", "/outbox", "/reset_password", "/confirm_email"]) {
    const page = await fetch(url + path);
    expect([path, page.status]).toEqual([path, 200]);
    const html = await page.text();
    for (const [, link = ""] of html.matchAll(/(?:src|href|data-document)="([^"]*)"/g)) {
      if (/^(data|mailto):/.test(link)) continue;
      const target = new URL(link, url + path);
      const answer = await fetch(target);
      expect([target.pathname, answer.status]).toEqual([target.pathname, 200]);
      if (!target.pathname.startsWith("/assets/")) continue;
      const name = target.pathname.slice("/assets/".length);
      seen.add(name);
      expect(await answer.bytes(), name).toEqual(fromSources.get(name)?.body ?? new Uint8Array());
    }
  }
  expect(seen.size).toBeGreaterThan(6);
});

test("every command has its help, and its name is that of the executable", async () => {
  const { stdout } = await run(["--help"]);
  expect(stdout).toStartWith("Usage: dundie COMMAND [ARGUMENTS]\n");
  const commands = [...stdout.matchAll(/^ {2}(\S+(?: \S+)?) {2,}/gm)].map(([, name = ""]) => name);
  expect(commands).toEqual(expect.arrayContaining(["serve", "worker", "migrate", "create-user", "mail stats"]));
  for (const command of commands) {
    const help = await run([...command.split(" "), "--help"], { env: {} });
    expect([command, help.exitCode, help.stderr]).toEqual([command, 0, ""]);
    expect(help.stdout).toStartWith(`Usage: dundie ${command}`);
  }
  expect((await run(["--version"], { env: {} })).stdout).toBe(`${packageJson.version}\n`);
});

test("an operator administers with it", async () => {
  const file = join(confined.directory, "staff.csv");
  // A name in another script loads the tables of transliteration.
  await Bun.write(file, "name,email,dept\nДмитрий Орлов,dmitri@example.com,sales\n");
  const imported = await run(["import-users", confined.inside(file)]);
  expect([imported.exitCode, imported.stderr]).toEqual([0, ""]);
  const listed = await run(["list-users"]);
  expect(listed.stdout).toContain("dmitriy-orlov");
  expect(listed.stdout).toContain("superuser");
  expect((await run(["find-user", "dmitri@example.com"])).stdout).toContain("Дмитрий Орлов");
  expect((await run(["disable-user", "dmitriy-orlov"])).exitCode).toBe(0);
  expect((await run(["enable-user", "dmitriy-orlov"])).exitCode).toBe(0);
  expect((await run(["mail", "pause"])).exitCode).toBe(0);
  expect((await run(["mail", "resume"])).exitCode).toBe(0);
  expect((await run(["mail", "stats", "--json"])).exitCode).toBe(0);
  expect((await run(["mail", "list"])).stdout).toContain(EMAIL);
});

test("a worker sends what an API without a courier accepts", async () => {
  await using worker = start(["worker"]);
  await worker.until(({ stdout }) => stdout.includes('"courier_ready"'));
  const [api, apiUrl] = await serve({ COURIER: "off" });
  await using _ = api;
  server.process.kill("SIGTERM");
  expect(await server.ended).toBe(0);
  url = apiUrl;
  try {
    expect(await resetLink()).toContain("http://localhost:8000/reset_password");
  } finally {
    [server, url] = await serve();
  }
});

test("on SIGTERM the email that is being sent is finished, and the exit code is 0", async () => {
  const [stopping, stoppingUrl] = await serve();
  await using _ = stopping;
  server.process.kill("SIGTERM");
  await server.ended;
  const reply = Promise.withResolvers<void>();
  const waiting = Promise.withResolvers<void>();
  smtp.behave(({ phase }) => {
    if (phase !== "reply") return null;
    waiting.resolve();
    return { held: reply.promise };
  });
  url = stoppingUrl;
  try {
    const before = smtp.accepted().length;
    expect((await postJson("/user/pwd_reset_token/", { email: EMAIL })).status).toBe(200);
    await waiting.promise;
    stopping.process.kill("SIGTERM");
    await stopping.until(({ stdout }) => stdout.includes('"stopping"'));
    reply.resolve();
    expect(await stopping.ended).toBe(0);
    expect(smtp.accepted()).toHaveLength(before + 1);
    expect(stopping.stdout).toContain('"event":"stopped"');
    expect(stopping.stderr).toBe("");
  } finally {
    smtp.behave(null);
    [server, url] = await serve();
  }
});

test("it is its own health check", async () => {
  const port = String(freePort());
  const [other] = await serve({ PORT: port, HOST: "0.0.0.0" });
  await using _ = other;
  const check = () => run(["health"], { env: { PORT: port, HOST: "0.0.0.0" } });
  await until(async () => (await check()).exitCode === 0);
  expect(JSON.parse((await check()).stdout)).toEqual({ status: "ready", reasons: [] });
  other.process.kill("SIGKILL");
  await other.ended;
  expect(await check()).toMatchObject({ exitCode: 1, stdout: "" });
});

test("it exports traces of both threads, and metrics", async () => {
  const threads = new Set<string>();
  using collector = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    async fetch(request) {
      for (const [, thread = ""] of (await request.text()).matchAll(/"thread.id","value":({[^}]*})/g))
        threads.add(thread);
      return Response.json({});
    },
  });
  const token = "the-token-of-the-tests";
  const [traced, tracedUrl] = await serve({
    OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${collector.port}`,
    METRICS_TOKEN: token,
    // The account has been sent resets by the other tests.
    RATE_LIMIT: "off",
  });
  await using _ = traced;
  // Otherwise its courier may send the email.
  server.process.kill("SIGTERM");
  await server.ended;
  url = tracedUrl;
  try {
    await resetLink();
    await until(() => threads.size === 2, { timeoutMs: 60_000 });
    const metrics = await fetch(`${url}/metrics`, { headers: { authorization: `Bearer ${token}` } });
    expect([metrics.status, await metrics.text()]).toEqual([200, expect.stringContaining("# TYPE dundie_")]);
  } finally {
    [server, url] = await serve();
  }
});

test("on a terminal its log is for people", async () => {
  let text = "";
  const shown = Promise.withResolvers<void>();
  const child = Bun.spawn([...confined.program, "serve"], {
    cwd: confined.directory,
    env: { ...env, NO_COLOR: "1" },
    terminal: {
      data(_terminal, bytes) {
        text += new TextDecoder().decode(bytes);
        if (/^\[\d\d:\d\d:\d\d\] INFO: listening /m.test(text)) shown.resolve();
      },
    },
  });
  await Promise.race([shown.promise, child.exited.then(() => Promise.reject(new Error(text)))]);
  child.kill("SIGTERM");
  expect(await child.exited).toBe(0);
});

test("files of the directory that it is started in change nothing", async () => {
  await Bun.write(join(confined.directory, ".env"), "TIME_ZONE=nonsense\n");
  await Bun.write(join(confined.directory, "bunfig.toml"), 'preload = ["./absent.ts"]\n');
  await Bun.write(join(confined.directory, "package.json"), '{"name": "not-dundie"}');
  const { exitCode, stderr } = await run(["list-users"]);
  expect([exitCode, stderr]).toEqual([0, ""]);
});
