/** The command line as a person at a shell sees it: words, exit codes, and which stream they are on. */
import { afterAll, beforeAll, expect, test, setDefaultTimeout } from "bun:test";
import packageJson from "../package.json" with { type: "json" };
import { openSql } from "../src/db/client.ts";
import { startCluster, type Cluster } from "./support/cluster.ts";
import { freePort } from "./support/ports.ts";
import { spawnCli } from "./support/process.ts";
import { SETTINGS } from "./support/settings.ts";

/** Each test starts processes, which takes many times longer on a busy machine. */
setDefaultTimeout(120_000);

/** Of its own, because a command warns about a database that is not durable, as that of other tests is. */
let cluster: Cluster;
let env: Record<string, string>;

beforeAll(async () => {
  cluster = await startCluster();
  env = {
    ...SETTINGS,
    DATABASE_URL: await cluster.createDatabase(),
    SMTP_URL: "smtp://127.0.0.1:1",
  };
});

afterAll(() => cluster.remove());

async function run(args: readonly string[], stdin?: string, environment = env) {
  await using cli = spawnCli(args, { env: environment, ...(stdin === undefined ? {} : { stdin }) });
  const exitCode = await cli.ended;
  return { exitCode, stdout: cli.stdout, stderr: cli.stderr };
}

const PHRASE = "seven kites above a pier";

/** Nothing listens there: a command that connects fails. */
const NO_DATABASE = { DATABASE_URL: "postgres://nobody@127.0.0.1:1/none" };

const COMMANDS = [
  ...["serve", "worker", "health", "migrate", "create-user", "list-users", "find-user", "disable-user", "enable-user"],
  ...["import-users", "mail list", "mail show", "mail retry", "mail cancel", "mail pause", "mail resume"],
  ...["mail suppress", "mail lift", "mail stats"],
];

test("--help lists every command, and each has a help of its own that starts nothing", async () => {
  const overview = await run(["--help"], undefined, {});
  expect([overview.exitCode, overview.stderr]).toEqual([0, ""]);
  for (const command of COMMANDS) expect(overview.stdout).toContain(`\n  ${command} `);
  for (const command of COMMANDS) {
    const { exitCode, stdout, stderr } = await run([...command.split(" "), "--help"], undefined, {});
    expect([command, exitCode, stderr]).toEqual([command, 0, ""]);
    expect(stdout).toStartWith(`Usage: bun run dundie ${command}`);
  }
});

test("--version prints the version", async () => {
  expect(await run(["--version"], undefined, {})).toEqual({
    exitCode: 0,
    stdout: `${packageJson.version}\n`,
    stderr: "",
  });
});

test("a command that is called wrongly is refused with its usage and exit code 64, before anything is connected to", async () => {
  const wrong: readonly (readonly [args: string, named: string])[] = [
    ["", "Usage: bun run dundie COMMAND"],
    ["create-usr", "'create-usr'"],
    ["mail", "mail"],
    ["mail frobnicate", "'mail frobnicate'"],
    ["create-user --nmae x", "'--nmae'"],
    ["create-user --name x", "--email, --dept"],
    ["create-user --name x --email nope --dept y", "'nope'"],
    ["create-user --name x --email a@dm.com --dept y --invite --no-mail", "--invite and --no-mail"],
    ["create-user --name", "'--name <value>'"],
    ["create-user x --name n --email a@dm.com --dept y", "'x'"],
    ["disable-user", "USERNAME"],
    ["disable-user a b", "'b'"],
    ["enable-user --email", "--email"],
    ["find-user", "TEXT"],
    ["import-users", "FILE.csv"],
    ["import-users --invited staff.csv", "'--invited'"],
    ["mail list --state lost", "'lost'"],
    ["mail list --kind lost", "'lost'"],
    ["mail list --limit 0", "--limit"],
    ["mail show", "ID"],
    ["mail show 42", "'42'"],
    ["mail lift nobody", "'nobody'"],
    ["mail stats --jsn", "'--jsn'"],
    ["serve --port 8000", "'--port'"],
    ["migrate now", "'now'"],
  ];
  for (const [args, named] of wrong) {
    const { exitCode, stdout, stderr } = await run(args.split(" ").filter(Boolean), undefined, NO_DATABASE);
    expect([args, exitCode, stdout]).toEqual([args, 64, ""]);
    expect([args, stderr]).toEqual([args, expect.stringContaining(named)]);
    expect([args, stderr]).toEqual([args, expect.stringContaining("Usage: bun run dundie")]);
  }
});

test("the health check of a server that does not answer fails with a sentence, and needs no other configuration", async () => {
  const url = `http://127.0.0.1:${freePort()}`;
  const { exitCode, stdout, stderr } = await run(["health"], undefined, { HOST: "0.0.0.0", PORT: new URL(url).port });
  expect([exitCode, stdout]).toEqual([1, ""]);
  expect(stderr).toStartWith(`${url}/health/ready does not answer: `);
  expect((await run(["health"], undefined, { PORT: "0" })).stderr).toContain("PORT must be");
});

test("accounts are made, listed, found, disabled and enabled; the last superuser stays", async () => {
  const boss = ["--name", "Ann Boss", "--email", "ann@dm.com", "--dept", "management", "--no-mail"];
  expect(await run(["create-user", ...boss], PHRASE)).toMatchObject({
    exitCode: 0,
    stdout: "created ann-boss\n",
  });
  const clerk = ["--name", "Bob Clerk", "--email", "bob@dm.com", "--dept", "sales", "--invite"];
  expect(await run(["create-user", ...clerk])).toMatchObject({ exitCode: 0, stdout: "created bob-clerk\n" });

  const listed = await run(["list-users"]);
  expect(listed.stdout.split("\n").map((line) => line.split(/\s{2,}/))).toEqual([
    ["USERNAME", "NAME", "EMAIL", "DEPT", "STATE"],
    ["ann-boss", "Ann Boss", "ann@dm.com", "management", "unverified, superuser"],
    ["bob-clerk", "Bob Clerk", "bob@dm.com", "sales", "invited"],
    [""],
  ]);
  expect((await run(["list-users", "--dept", "sales"])).stdout).not.toContain("ann-boss");
  expect((await run(["find-user", "CLERK"])).stdout).toContain("bob@dm.com");
  expect((await run(["find-user", "ann@"])).stdout).toContain("ann-boss");
  for (const text of ["%", "_", "nobody"]) {
    const { exitCode, stdout, stderr } = await run(["find-user", text]);
    expect([text, exitCode, stdout, stderr]).toEqual([text, 1, "", expect.stringContaining("No account")]);
  }

  expect((await run(["disable-user", "bob-clerk"])).exitCode).toBe(0);
  expect((await run(["find-user", "bob"])).stdout).toContain("disabled");
  expect(await run(["enable-user", "bob-clerk", "--email", "robert@dm.com"])).toMatchObject({
    exitCode: 0,
    stdout: "enabled bob-clerk\n",
  });
  expect((await run(["find-user", "robert@dm.com"])).stdout).toContain("bob-clerk");
  const refused = await run(["disable-user", "ann-boss"]);
  expect(refused).toEqual({ exitCode: 1, stdout: "", stderr: expect.stringContaining("last superuser") });
});

test("an account is made with a language and as a superuser, and a wrong language is named before anything is done", async () => {
  const carla = ["--name", "Carla Diaz", "--email", "carla@dm.com", "--dept", "sales", "--no-mail"];
  const wrong = await run(["create-user", ...carla, "--locale", "fr"], PHRASE);
  expect([wrong.exitCode, wrong.stderr]).toEqual([64, expect.stringContaining("--locale takes one of en, pt-BR")]);
  const made = await run(["create-user", ...carla, "--locale", "pt_BR", "--superuser"], PHRASE);
  expect(made).toMatchObject({ exitCode: 0, stdout: "created carla-diaz\n" });
  expect((await run(["find-user", "carla@"])).stdout).toContain("unverified, superuser");
  const sql = openSql(env["DATABASE_URL"]!, { max: 1, name: "test cli" });
  const [row] = await sql`select locale, superuser from "user" where username = 'carla-diaz'`;
  await sql.end();
  expect(row).toEqual({ locale: "pt-BR", superuser: true });
});

test("mail stats is a few lines, and the whole with --json", async () => {
  const short = await run(["mail", "stats"]);
  expect(short.exitCode).toBe(0);
  expect(short.stdout.trimEnd().split("\n").length).toBeLessThan(10);
  expect(short.stdout).toMatch(/^queued {2,}security \d+, account \d+, bulk \d+$/m);
  const whole = await run(["mail", "stats", "--json"]);
  expect(JSON.parse(whole.stdout)).toMatchObject({ sending: 0, couriers: [], minutes: expect.any(Array) });
});

test("a command whose output is cut off by its reader writes all of what was read, and fails at nothing", async () => {
  const accounts = Array.from({ length: 3_000 }, (_, index) => `Person ${index},p${index}@dm.com,crowd`);
  const path = `${process.env["TMPDIR"] ?? "/tmp"}/dundie-cli-${crypto.randomUUID()}.csv`;
  await Bun.write(path, `name,email,dept\n${accounts.join("\n")}\n`);
  expect(await run(["import-users", path])).toMatchObject({
    exitCode: 0,
    stdout: expect.stringContaining("3000 created"),
  });
  await Bun.file(path).delete();
  // A reader that is slower than the pipe is long (64 KiB): nothing may be lost when the command ends.
  const shell = (script: string) =>
    Bun.spawn(["bash", "-o", "pipefail", "-c", script, "bash", process.execPath, "src/cli.ts"], {
      env: { PATH: process.env["PATH"] ?? "", ...env },
      stdout: "pipe",
      stderr: "pipe",
    });
  const slow = shell('"$1" "$2" list-users | { sleep 2; cat; }');
  expect((await new Response(slow.stdout).text()).match(/@dm\.com/g)!.length).toBeGreaterThanOrEqual(3_000);
  expect(await slow.exited).toBe(0);
  const cut = shell('"$1" "$2" list-users | head -n 2');
  expect((await new Response(cut.stdout).text()).split("\n")).toHaveLength(3);
  expect([await cut.exited, await new Response(cut.stderr).text()]).toEqual([0, ""]);
});

test("migrate needs the variables of the database alone, and names a wrong one", async () => {
  const { DATABASE_URL = "" } = env;
  expect(await run(["migrate"], undefined, { DATABASE_URL })).toEqual({ exitCode: 0, stdout: "", stderr: "" });
  const wrong = await run(["migrate"], undefined, { DATABASE_URL: "mysql://h/d", SMTP_POOL: "x" });
  expect([wrong.exitCode, wrong.stdout]).toEqual([1, ""]);
  expect(wrong.stderr).toContain("DATABASE_URL");
  expect(wrong.stderr).not.toContain("SMTP_POOL");
});

test("a database that is away is named in a sentence on standard error", async () => {
  const { exitCode, stdout, stderr } = await run(["list-users"], undefined, {
    ...env,
    DATABASE_URL: "postgres://dundie:hunter2@127.0.0.1:1/dundie",
  });
  expect([exitCode, stdout]).toEqual([1, ""]);
  expect(stderr).toContain("DATABASE_URL");
  expect(stderr).not.toContain("hunter2");
  expect(stderr).not.toContain("    at ");
});
