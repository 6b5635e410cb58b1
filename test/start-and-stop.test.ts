/** `dundie serve` and `worker` as processes: what a start leaves behind, and a stop, however it is asked for. */
import { afterAll, afterEach, beforeAll, expect, test, setDefaultTimeout } from "bun:test";
import { chmod, cp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { openSql } from "../src/db/client.ts";
import { connectEmbedded } from "../src/db/embedded.ts";
import { testDatabase, temporaryDirectory, type TemporaryDirectory, type TestDatabase } from "./support/database.ts";
import { type CliProcess, listeningUrl, ROOT, spawnCli } from "./support/process.ts";
import { startScriptedSmtp } from "./support/smtp.ts";
import { until } from "./support/waiting.ts";
import { SETTINGS } from "./support/settings.ts";

/** Each test starts processes, which takes many times longer on a busy machine. */
setDefaultTimeout(120_000);

let database: TestDatabase;
let production: Record<string, string>;
/** One data directory that the tests use in turn, because making a cluster takes most of a second. */
let shared: TemporaryDirectory;
const directories: TemporaryDirectory[] = [];

beforeAll(async () => {
  [database, shared] = await Promise.all([testDatabase(), temporaryDirectory()]);
  production = {
    ...SETTINGS,
    DATABASE_URL: database.url,
    SMTP_URL: "smtp://127.0.0.1:1",
  };
});

afterEach(async () => {
  for (const directory of directories.splice(0)) await directory.remove();
});

afterAll(async () => {
  await shared.remove();
  await database.drop();
});

const emptyDirectory = async (): Promise<string> => {
  const directory = await temporaryDirectory();
  directories.push(directory);
  return directory.path;
};

const serveEmbedded = (dataDir: string, env: Record<string, string> = {}): CliProcess =>
  spawnCli(["serve"], { env: { DATA_DIR: dataDir, PORT: "0", ...env } });

const isUp = ({ stdout }: CliProcess): boolean => stdout.includes("Ctrl-C stops it");

async function askForReset(url: string): Promise<void> {
  const answer = await fetch(`${url}/user/pwd_reset_token/`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ email: "mscott@dm.com" }),
  });
  expect(answer.status).toBe(200);
}

/** Of the server on this data directory; null: none is named. */
async function serverPid(dataDir: string): Promise<number | null> {
  const text = await readFile(join(dataDir, "postgres/data/postmaster.pid"), "utf8").catch(() => null);
  return text === null ? null : Number(text.split("\n")[0]);
}

/** Not by its number alone: a process that has ended keeps it until its parent has waited for it. */
const isAlive = async (pid: number | null): Promise<boolean> =>
  pid !== null && (await readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "")) !== "";

/** Processes of PostgreSQL that were started on this data directory, also those that make the cluster. */
function postgresOn(dataDir: string): string[] {
  const lines = Bun.spawnSync(["ps", "-ww", "-eo", "pid=,args="]).stdout.toString().split("\n");
  return lines.filter((line) => line.includes(dataDir) && /^\s*\d+ \S*\/(postgres|initdb) /.test(line));
}

for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
  test(`${signal} stops serve and its embedded PostgreSQL, with exit code 0`, async () => {
    await using serve = serveEmbedded(shared.path);
    await serve.until(isUp);
    const server = await serverPid(shared.path);
    expect(await isAlive(server)).toBe(true);
    serve.process.kill(signal);
    expect([await serve.ended, await isAlive(server)]).toEqual([0, false]);
    expect(serve.stdout).toContain(`"event":"stopping","why":"${signal}"`);
  });
}

test("two SIGINT within milliseconds, as a terminal and a package runner deliver Ctrl-C, are one request", async () => {
  await using serve = serveEmbedded(shared.path);
  await serve.until(isUp);
  const server = await serverPid(shared.path);
  for (let times = 0; times < 5; times += 1) {
    serve.process.kill("SIGINT");
    await Bun.sleep(10);
  }
  expect([await serve.ended, await isAlive(server)]).toEqual([0, false]);
  expect(serve.stdout).not.toContain("forced");
});

test("a second signal after 2 s ends a stop that takes long, and still stops the embedded PostgreSQL", async () => {
  const smtp = await startScriptedSmtp();
  const replyIsDue = Promise.withResolvers<void>();
  // The server takes the email and never replies: a stop waits for it until the grace is over.
  smtp.behave(({ phase }) => (phase === "reply" ? (replyIsDue.resolve(), { silent: true }) : null));
  await using serve = serveEmbedded(shared.path, { SMTP_URL: smtp.url, SHUTDOWN_GRACE_SECONDS: "600" });
  await serve.until(isUp);
  const server = await serverPid(shared.path);
  await askForReset(listeningUrl(serve.stdout)!);
  await replyIsDue.promise;
  serve.process.kill("SIGINT");
  await serve.until(({ stdout }) => stdout.includes('"stopping"'));
  const startedAt = performance.now();
  while (serve.process.exitCode === null && performance.now() < startedAt + 15_000) {
    serve.process.kill("SIGINT");
    await Bun.sleep(250);
  }
  expect([await serve.ended, await isAlive(server)]).toEqual([1, false]);
  expect(serve.stdout).toContain('"event":"forced","why":"SIGINT"');
  await smtp.close();
});

test("SIGQUIT, Ctrl-\\ in a terminal, ends serve and its embedded PostgreSQL without waiting", async () => {
  await using serve = serveEmbedded(shared.path);
  await serve.until(isUp);
  const server = await serverPid(shared.path);
  serve.process.kill("SIGQUIT");
  expect([await serve.ended, await isAlive(server)]).toEqual([1, false]);
});

test("SIGTERM at any moment of the first start is obeyed at once and leaves no PostgreSQL", async () => {
  for (const afterMs of [50, 150, 300, 500, 800, 1_200, 1_700]) {
    const dataDir = await emptyDirectory();
    await using serve = serveEmbedded(dataDir);
    await Bun.sleep(afterMs);
    const startedAt = performance.now();
    serve.process.kill("SIGTERM");
    const ended = await serve.ended;
    // Before the runtime has loaded the program, the signal ends the process by itself.
    expect(["SIGTERM", 0, 143]).toContain(ended);
    expect([afterMs, performance.now() - startedAt < 5_000]).toEqual([afterMs, true]);
    // initdb removes what it has made before it ends.
    await until(() => postgresOn(dataDir).length === 0, { seen: () => `${afterMs} ms: ${postgresOn(dataDir).join()}` });
  }
});

test("SIGTERM while the start waits for a database that does not answer is obeyed at once", async () => {
  let connections = 0;
  // It takes connections and never says a word.
  const silent = Bun.listen({
    hostname: "127.0.0.1",
    port: 0,
    socket: { open: () => void (connections += 1), data: () => undefined },
  });
  const env = { ...production, DATABASE_URL: `postgres://dundie@127.0.0.1:${silent.port}/dundie` };
  for (const command of ["serve", "worker"] as const) {
    connections = 0;
    await using cli = spawnCli([command], { env });
    await cli.until(() => connections > 0);
    const startedAt = performance.now();
    cli.process.kill("SIGTERM");
    expect([command, await cli.ended]).toEqual([command, 0]);
    // The patience with a database that is away is 10 s.
    expect(performance.now() - startedAt).toBeLessThan(5_000);
  }
  silent.stop(true);
});

test("a start after one that was ended between two demo accounts makes the others", async () => {
  const accounts = async (): Promise<number | undefined> => {
    await using list = spawnCli(["list-users"], { env: { DATA_DIR: shared.path } });
    expect(await list.ended).toBe(0);
    return list.stdout.match(/@dm\.com/g)?.length;
  };
  for (let times = 0; times < 2; times += 1) {
    await using serve = serveEmbedded(shared.path);
    await serve.until(isUp);
    expect(await accounts()).toBe(5);
    const sql = openSql(await connectEmbedded(shared.path), { max: 1, name: "test start", schema: "dundie" });
    await sql`delete from "user" where email in ('pbeesly@dm.com', 'amartin@dm.com', 'mscott@dm.com')`;
    await sql.end();
    serve.process.kill("SIGTERM");
    await serve.ended;
  }
});

test("when the embedded PostgreSQL is gone, serve says so and exits non-zero within seconds", async () => {
  await using serve = serveEmbedded(shared.path);
  await serve.until(isUp);
  const server = await serverPid(shared.path);
  const startedAt = performance.now();
  process.kill(server!, "SIGKILL");
  expect(await serve.ended).toBe(1);
  expect(performance.now() - startedAt).toBeLessThan(15_000);
  expect(serve.stderr).toContain(`The embedded PostgreSQL (pid ${server}) has ended.`);

  await using again = serveEmbedded(shared.path);
  await again.until(isUp);
  again.process.kill("SIGTERM");
  expect(await again.ended).toBe(0);
});

test("an error that nothing catches ends serve and its embedded PostgreSQL", async () => {
  const parent = await emptyDirectory();
  const preload = join(parent, "fault.ts");
  await writeFile(
    preload,
    `process.on("SIGUSR1", () => { throw new Error("a fault of the test"); });
     process.on("SIGUSR2", () => void Promise.reject(new Error("a fault of the test")));`,
  );
  for (const signal of ["SIGUSR1", "SIGUSR2"] as const) {
    await using serve = spawnCli(["serve"], { env: { DATA_DIR: shared.path, PORT: "0" }, preload });
    await serve.until(isUp);
    const server = await serverPid(shared.path);
    serve.process.kill(signal);
    expect([await serve.ended, await isAlive(server)]).toEqual([1, false]);
    expect(serve.stdout).toContain('"event":"crashed"');
  }
});

test("a program that nohup started outlives its terminal", async () => {
  const child = Bun.spawn(["sh", "-c", 'trap "" HUP; exec "$@"', "sh", process.execPath, "src/cli.ts", "serve"], {
    cwd: ROOT,
    env: { PATH: process.env["PATH"] ?? "", ...production },
    stdout: "pipe",
    stderr: "inherit",
  });
  const reader = child.stdout.getReader();
  let text = "";
  const readUntil = async (part: string): Promise<void> => {
    while (!text.includes(part)) text += new TextDecoder().decode((await reader.read()).value);
  };
  await readUntil('"listening"');
  child.kill("SIGHUP");
  expect((await fetch(`${listeningUrl(text)}/health`)).ok).toBe(true);
  child.kill("SIGTERM");
  await readUntil('"stopped"');
  expect(text).toContain('"why":"SIGTERM"');
  expect(await child.exited).toBe(0);
});

test("a second serve on a port that is in use is refused by name, before it makes a cluster", async () => {
  await using first = spawnCli(["serve"], { env: production });
  await first.until(({ stdout }) => listeningUrl(stdout) !== undefined);
  const { port } = new URL(listeningUrl(first.stdout)!);
  const dataDir = await emptyDirectory();
  await using second = serveEmbedded(dataDir, { PORT: port });
  expect(await second.ended).toBe(1);
  expect(second.stderr).toContain(`PORT ${port} is in use on 127.0.0.1`);
  expect(await Bun.file(join(dataDir, "postgres/password")).exists()).toBe(false);

  await using third = spawnCli(["serve"], { env: { ...production, PORT: port } });
  expect([await third.ended, third.stdout]).toEqual([1, ""]);
});

test("two that start on one port at the same time: one serves, the other is refused", async () => {
  for (let round = 0; round < 3; round += 1) {
    const listener = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data: () => undefined } });
    const env = { ...production, PORT: String(listener.port) };
    listener.stop(true);
    await using one = spawnCli(["serve"], { env });
    await using two = spawnCli(["serve"], { env });
    const refused = await Promise.race([one, two].map((cli) => cli.ended.then(() => cli)));
    expect([await refused.ended, refused.stderr]).toEqual([1, expect.stringContaining("is in use")]);
    const serving = refused === one ? two : one;
    await serving.until(({ stdout }) => listeningUrl(stdout) !== undefined);
    expect((await fetch(`http://127.0.0.1:${env.PORT}/health`)).status).toBe(200);
  }
});

test("with PORT=0 the links in emails lead to the port that was bound", async () => {
  await using serve = serveEmbedded(shared.path);
  await serve.until(isUp);
  const url = listeningUrl(serve.stdout)!;
  expect(url).not.toContain(":0");
  await askForReset(url);
  await serve.until(({ stdout }) => stdout.includes('"outcome":"sent"'));
  const [received] = (await (await fetch(`${url}/inbox/messages`)).json()) as { id: string }[];
  const email = await (await fetch(`${url}/inbox/messages/${received?.id}/html`)).text();
  expect(email).toContain(`${url}/reset_password?pwd_reset_token=`);
  serve.process.kill("SIGTERM");
  expect(await serve.ended).toBe(0);
});

test("the banner names the data directory absolutely, and the demo password only while it is right", async () => {
  const parent = await emptyDirectory();
  const start = () =>
    spawnCli(["serve"], { cwd: parent, env: { DATA_DIR: "data", PORT: "0", DEMO_PASSWORD: "four quiet otters" } });
  {
    await using serve = start();
    await serve.until(isUp);
    expect(serve.stdout).toContain(`on an embedded PostgreSQL in ${join(parent, "data")}.`);
    expect(serve.stdout).toContain("Password  four quiet otters");
    const url = listeningUrl(serve.stdout)!;
    const login = await fetch(`${url}/token`, {
      method: "POST",
      body: new URLSearchParams({ username: "mscott@dm.com", password: "four quiet otters" }),
    });
    const { access_token } = (await login.json()) as { access_token: string };
    const password = "a lighthouse in the fog";
    const changed = await fetch(`${url}/user/michael-scott/password/`, {
      method: "POST",
      headers: { authorization: `Bearer ${access_token}`, "content-type": "application/json" },
      body: JSON.stringify({ password, password_confirm: password, current_password: "four quiet otters" }),
    });
    expect(changed.status).toBe(200);
    serve.process.kill("SIGTERM");
    await serve.ended;
  }
  await using serve = start();
  await serve.until(isUp);
  expect(serve.stdout).not.toContain("four quiet otters");
  serve.process.kill("SIGTERM");
  await serve.ended;
});

test("a DEMO_PASSWORD that no account may have is named, and the start leaves nothing running", async () => {
  const dataDir = await emptyDirectory();
  await using serve = serveEmbedded(dataDir, { DEMO_PASSWORD: "demo" });
  expect(await serve.ended).toBe(1);
  expect(serve.stderr).toContain("DEMO_PASSWORD cannot be used: The password has 4 characters");
  expect(postgresOn(dataDir)).toEqual([]);
});

test("a TRUST_PROXY that trusts every peer is taken and warned about", async () => {
  for (const [range, warns] of [
    ["0.0.0.0/0", true],
    ["::/0", true],
    ["10.0.0.0/8", false],
  ] as const) {
    await using serve = spawnCli(["serve"], { env: { ...production, TRUST_PROXY: range } });
    await serve.until(({ stdout }) => listeningUrl(stdout) !== undefined);
    // The line of a request comes after all lines of the start.
    await fetch(`${listeningUrl(serve.stdout)}/nothing-here`);
    await serve.until(({ stdout }) => stdout.includes('"/nothing-here"'));
    expect([range, serve.stdout.includes("trust_proxy_all")]).toEqual([range, warns]);
  }
});

test("serve and worker whose courier cannot be loaded exit non-zero with one sentence", async () => {
  const copy = await emptyDirectory();
  for (const name of ["src", "emails", "drizzle", "package.json", "tsconfig.json"]) {
    await cp(join(ROOT, name), join(copy, name), { recursive: true });
  }
  await symlink(join(ROOT, "node_modules"), join(copy, "node_modules"));
  const courier = join(copy, "src/mail/courier/worker.ts");
  await writeFile(courier, `import "no-such-package";\n${await readFile(courier, "utf8")}`);
  for (const command of ["serve", "worker"] as const) {
    await using cli = spawnCli([command], { env: production, root: copy });
    expect([command, await cli.ended]).toEqual([command, 1]);
    expect(cli.stderr.match(/The courier cannot be loaded/g)).toHaveLength(1);
    expect(cli.stderr).toContain("no-such-package");
    expect(cli.stderr.trim().split("\n").length).toBeLessThanOrEqual(2);
  }
});

test("a DATA_DIR that cannot be used is named in a sentence, beside the faults of the environment", async () => {
  const directory = await emptyDirectory();
  const file = join(directory, "file");
  await writeFile(file, "");
  await using cli = spawnCli(["serve"], { env: { DATA_DIR: file, LOG_LEVEL: "warning" } });
  expect([await cli.ended, cli.stdout]).toEqual([1, ""]);
  expect(cli.stderr).toContain(`DATA_DIR ${file} `);
  expect(cli.stderr).toContain("LOG_LEVEL must be one of");
  expect(cli.stderr).not.toContain("    at ");
});

const isRoot = process.getuid?.() === 0;
if (!isRoot) console.warn("start-and-stop.test.ts: not run as root, so another user's files are NOT tested");

test.skipIf(!isRoot)("a directory or secrets of another user are named with DATA_DIR, in a sentence", async () => {
  const asNobody = (dataDir: string) =>
    Bun.spawn([process.execPath, join(ROOT, "src/cli.ts"), "serve"], {
      cwd: "/",
      env: { PATH: process.env["PATH"] ?? "", HOME: "/tmp", DATA_DIR: dataDir, PORT: "0" },
      uid: 65_534,
      gid: 65_534,
      stdout: "pipe",
      stderr: "pipe",
    });
  const unwritable = await emptyDirectory();
  await chmod(unwritable, 0o755);
  const unreadable = await emptyDirectory();
  await chmod(unreadable, 0o777);
  await writeFile(join(unreadable, "secrets.json"), "{}", { mode: 0o600 });
  for (const dataDir of [unwritable, unreadable]) {
    const child = asNobody(dataDir);
    const [stdout, stderr] = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text()]);
    expect([await child.exited, stdout]).toEqual([1, ""]);
    expect(stderr).toContain(`DATA_DIR ${dataDir} `);
    expect(stderr).not.toContain("    at ");
  }
  await rm(join(unreadable, "secrets.json"));
});
