/**
 * What a thief finds who copies the database's files, its tables and all logs: nothing that opens a door. Whole
 * processes, a cluster of its own, and an SMTP server that quotes the emails' links in its replies.
 */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { openSql, type Sql } from "../src/db/client.ts";
import { startCluster, type Cluster } from "./support/cluster.ts";
import { startDundie, type Dundie } from "./support/process.ts";
import { startScriptedSmtp, type ScriptedSmtp } from "./support/smtp.ts";
import { until } from "./support/waiting.ts";
import { SETTINGS } from "./support/settings.ts";

const SECRET_KEY = "of this test: a key that is long and stays in memory";
const BOSS = { email: "boss@example.com", password: "seven kites above a pier" };
const PASSWORDS = [
  "a quiet night on the ferry",
  "the ferry was quiet at night",
  "nobody rows against the tide",
] as const;
/** Told to everybody: if the search did not find this, it would find nothing. */
const KNOWN = "b1c0-this-is-no-secret-3f9a";

let cluster: Cluster;
let smtp: ScriptedSmtp;
let sql: Sql;
let dundie: Dundie;
let directory: string;
const links: string[] = [];

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "dundie-at-rest-"));
  cluster = await startCluster();
  const url = await cluster.createDatabase();
  sql = openSql(url, { max: 1, name: "test at rest" });
  const keep = ({ link }: { link: string | null }): void => void (link && links.push(link));
  smtp = await startScriptedSmtp(0, { onEmail: (email, answered) => (answered ? undefined : keep(email)) });
  const environment = {
    ...SETTINGS,
    ...{ DATABASE_URL: url, SMTP_URL: smtp.url, SECRET_KEY, REGISTRATION: "on", LOG_LEVEL: "trace" },
  };
  dundie = await startDundie({ command: "serve", environment, logFile: join(directory, "serve.log") });
  const options = ["--name", "Boss", "--email", BOSS.email, "--dept", "management"];
  const making = Bun.spawn([process.execPath, "src/cli.ts", "create-user", ...options], {
    env: { ...process.env, ...environment },
    cwd: join(import.meta.dirname, ".."),
    stdin: new Blob([BOSS.password]),
    stdout: Bun.file(join(directory, "cli.log")),
    stderr: Bun.file(join(directory, "cli.err.log")),
  });
  expect(await making.exited).toBe(0);
}, 60_000);

afterAll(async () => {
  dundie.signal("SIGKILL");
  await dundie.exited;
  await sql.end({ timeout: 1 });
  await smtp.close();
  await cluster.remove();
  await rm(directory, { recursive: true });
});

async function call(method: string, path: string, body: object | null, token?: string) {
  const form = body instanceof URLSearchParams;
  const response = await fetch(dundie.url + path, {
    method,
    headers: {
      ...(body ? { "content-type": form ? "application/x-www-form-urlencoded" : "application/json" } : {}),
      ...(token ? { authorization: `Bearer ${token}` } : {}),
    },
    ...(body ? { body: form ? body : JSON.stringify(body) } : {}),
  });
  const text = await response.text();
  return { status: response.status, body: text ? JSON.parse(text) : null };
}

const logIn = (username: string, password: string) =>
  call("POST", "/token", new URLSearchParams({ username, password }));
const tokenOf = (link: string | undefined): string => /token=([^&]+)/.exec(link ?? "")?.[1] ?? "";
/** The token of the next email to come, whichever it is. */
const nextToken = async (since: number): Promise<string> => {
  await smtp.until(() => links.length > since);
  return tokenOf(links[since]);
};
const both = (password: string) => ({ password, password_confirm: password });

test("R17 R60 tables, files, WAL and logs of a full run hold no usable token, password or key", async () => {
  const boss = (await logIn(BOSS.email, BOSS.password)).body;
  const { body: refreshed } = await call("POST", "/refresh_token", { refresh_token: boss.refresh_token });
  const token: string = refreshed.access_token;

  // An invitation, put off once by a server that quotes it, and used through the address.
  let puttingOff = true;
  smtp.behave(({ phase }) => {
    const reply = `${puttingOff ? "451 4.7.1 Not now" : "250 2.0.0 Ok"}: ${links.at(-1)}`;
    return phase === "reply" ? { reply } : null;
  });
  const person = { name: "Somebody Else", email: "else@example.com", dept: "sales", bio: KNOWN };
  expect((await call("POST", "/user/", person, token)).status).toBe(201);
  const invitation = await nextToken(0);
  await smtp.until(({ emails }) => emails.some(({ reply }) => reply?.startsWith("451")));
  puttingOff = false;
  await settled();
  await sql`update message set due_at = now() where state = 'queued'`;
  await smtp.until(({ emails }) =>
    emails.some(({ link, reply }) => tokenOf(link ?? "") === invitation && reply?.startsWith("250")),
  );
  const named = `/user/somebody-else/password/?pwd_reset_token=${invitation}`;
  expect((await call("POST", named, both("short"))).status).toBe(422);
  expect((await call("POST", named, both(PASSWORDS[0]))).status).toBe(200);
  expect((await call("POST", named, both(PASSWORDS[0]))).status).toBe(403);

  // Logins that fail, one with the password where the name belongs.
  expect((await logIn("else@example.com", PASSWORDS[1])).status).toBe(401);
  expect((await logIn(PASSWORDS[0], "else@example.com")).status).toBe(401);
  const own = (await logIn("somebody-else", PASSWORDS[0])).body;
  expect((await call("GET", "/user/me", null, own.access_token)).status).toBe(200);

  // A reset; then the owner moves to another address, and a stranger registers.
  const before = links.length;
  await call("POST", "/user/pwd_reset_token/", { email: "else@example.com" });
  const reset = await nextToken(before);
  expect((await call("POST", "/user/password/", { ...both(PASSWORDS[1]), pwd_reset_token: reset })).status).toBe(200);
  const again = (await logIn("somebody-else", PASSWORDS[1])).body;
  const moving = { email: "moved@example.com", current_password: PASSWORDS[1] };
  const links2 = links.length;
  expect((await call("POST", "/user/me/email/", moving, again.access_token)).status).toBeLessThan(300);
  const registration = { name: "A Stranger", email: "stranger@example.com", password: PASSWORDS[2] };
  expect((await call("POST", "/register/", registration)).status).toBeLessThan(300);
  // The new address, the old one, and the stranger's.
  await smtp.until(() => links.length >= links2 + 3);
  expect((await call("POST", "/logout/", null, again.access_token)).status).toBe(204);
  await settled();
  dundie.signal("SIGTERM");
  expect(await dundie.exited).toBe(0);
  await sql`checkpoint`;

  const secrets = [
    ...new Set(links.map(tokenOf)),
    ...[boss, refreshed, own, again].flatMap((pair) => [pair.access_token, pair.refresh_token]),
    ...[BOSS.password, ...PASSWORDS, SECRET_KEY],
  ];
  expect(secrets.length).toBeGreaterThanOrEqual(5 + 8 + 5);
  expect(secrets.every((secret) => secret.length > 20)).toBe(true);

  const places: [string, Buffer][] = [
    ["a table", Buffer.from(await tables())],
    ...(await filesUnder(directory)),
    ...(await filesUnder(dirname(cluster.dataDir))),
  ];
  const found = (text: string) => places.filter(([, bytes]) => bytes.includes(text)).map(([place]) => place);
  const raw = (secret: string) => places.filter(([, bytes]) => bytes.includes(Buffer.from(secret, "base64url")));
  // The search itself: what is no secret is found, in a table, in its file and in the WAL; the emails' ids in the log.
  const seen = found(KNOWN);
  expect(seen).toContain("a table");
  expect(seen.filter((place) => place.includes("/pg_wal/"))).not.toBeEmpty();
  expect(seen.filter((place) => place.includes("/base/"))).not.toBeEmpty();
  const [message] = await sql<{ id: string }[]>`select id from message limit 1`;
  expect(found(message!.id).filter((place) => place.endsWith("serve.log"))).not.toBeEmpty();
  // What the server quoted stands there without its link.
  expect((await tables()).includes("250 2.0.0 Ok: [link]")).toBe(true);

  for (const secret of secrets) {
    expect(found(secret)).toEqual([]);
    // Tokens may also hide as what they encode.
    if (/^[\w-]{43}$/.test(secret)) expect(raw(secret)).toEqual([]);
  }
}, 120_000);

/** Nothing is on its way, and all that was has been recorded. */
async function settled(): Promise<void> {
  const busy = () => sql`select 1 from message where state = 'sending' or (state = 'queued' and tries = 0)`;
  await until(async () => (await busy()).length === 0);
}

async function tables(): Promise<string> {
  const names = await sql<{ schema: string; name: string }[]>`
    select table_schema as schema, table_name as name from information_schema.tables
    where table_schema not in ('pg_catalog', 'information_schema')`;
  const dumps = await Promise.all(
    names.map(({ schema, name }) => sql<{ row: string }[]>`select t::text as row from ${sql(`${schema}.${name}`)} t`),
  );
  return dumps
    .flat()
    .map(({ row }) => row)
    .join("\n");
}

async function filesUnder(path: string): Promise<[string, Buffer][]> {
  const entries = await readdir(path, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  return await Promise.all(files.map(async (file): Promise<[string, Buffer]> => [file, await readFile(file)]));
}
