/** The log under a reader that stops reading, on a full disk, and on a terminal. */
import { afterAll, beforeAll, expect, test, setDefaultTimeout } from "bun:test";
import { closeSync, mkdtempSync, openSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createLog } from "../src/log.ts";
import { createLogOutput } from "../src/log-output.ts";
import { createPretty } from "../src/log-pretty.ts";
import { testDatabase, type TestDatabase } from "./support/database.ts";
import { DrizzleQueryError } from "drizzle-orm";
import { openPipe } from "./support/pipe.ts";
import { listeningUrl, spawnCli } from "./support/process.ts";
import { startScriptedSmtp, type ScriptedSmtp } from "./support/smtp.ts";
import { until } from "./support/waiting.ts";
import { SETTINGS } from "./support/settings.ts";

/** Each test starts processes, which takes many times longer on a busy machine. */
setDefaultTimeout(120_000);

let directory: string;
let database: TestDatabase;
let smtp: ScriptedSmtp;
let environment: Record<string, string>;

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), "dundie-log-"));
  [database, smtp] = await Promise.all([testDatabase(), startScriptedSmtp()]);
  environment = {
    ...SETTINGS,
    DATABASE_URL: database.url,
    SMTP_URL: smtp.url,
  };
  const options = ["--name", "Boss", "--email", "boss@dm.com", "--dept", "management", "--no-mail"];
  await using making = spawnCli(["create-user", ...options], { env: environment, stdin: "seven kites above a pier" });
  expect([await making.ended, making.stderr]).toEqual([0, expect.any(String)]);
});

afterAll(async () => {
  await smtp.close();
  await database.drop();
  rmSync(directory, { recursive: true });
});

/** Asks for a reset and waits until its email has arrived: the API, the courier and the database work. */
async function resetArrives(url: string): Promise<void> {
  const before = smtp.accepted().length;
  const answer = await fetch(`${url}/user/pwd_reset_token/`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ email: "boss@dm.com" }),
    signal: AbortSignal.timeout(10_000),
  });
  expect(answer.status).toBe(200);
  await smtp.until((server) => server.accepted().length > before, 30_000);
}

test("a pipe that is not read holds up no request and no email; what it misses is counted when it is read again", async () => {
  const pipe = openPipe(join(directory, "pipe"));
  await using serve = spawnCli(["serve"], { env: environment, stdoutFd: pipe.writer });
  let log = "";
  await serve.until(() => listeningUrl((log += pipe.read())) !== undefined);
  const url = listeningUrl(log)!;

  // Each request is a line of about 170 bytes: 10,000 are more than the pipe (64 KiB) and the buffer (1 MiB) hold.
  for (let round = 0; round < 100; round += 1) {
    const answers = await Promise.all(
      Array.from({ length: 100 }, () => fetch(`${url}/nothing-here`, { signal: AbortSignal.timeout(10_000) })),
    );
    expect(answers.every(({ status }) => status === 404)).toBe(true);
  }
  await resetArrives(url);
  expect((await fetch(`${url}/health`, { signal: AbortSignal.timeout(10_000) })).status).toBe(200);

  await serve.until(() => (log += pipe.read()).includes("log_lines_dropped"));
  // The courier's thread and the main one write to the same pipe: every line is whole.
  const lines = log
    .slice(0, log.lastIndexOf("\n"))
    .split("\n")
    .filter((line) => line.startsWith("{"))
    .map((line) => JSON.parse(line) as Record<string, unknown>);
  const requests = lines.filter((line) => line["event"] === "request").length;
  const dropped = lines.find((line) => line["event"] === "log_lines_dropped")?.["dropped"];
  expect(requests).toBeGreaterThan(1_000);
  expect(dropped).toBeGreaterThan(1_000);
  // Once it is read, nothing is missing any more.
  expect((await fetch(`${url}/again`)).status).toBe(404);
  await serve.until(() => (log += pipe.read()).includes('"/again"'));
  pipe.close();
});

test("a full disk ends neither thread and holds up nothing", async () => {
  // Writing to /dev/full fails with ENOSPC, always.
  const full = openSync("/dev/full", "w");
  const port = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data: () => undefined } });
  const url = `http://127.0.0.1:${port.port}`;
  port.stop(true);
  await using serve = spawnCli(["serve"], { env: { ...environment, PORT: new URL(url).port }, stdoutFd: full });
  closeSync(full);
  const isUp = (): Promise<boolean> =>
    fetch(`${url}/health`).then(
      ({ ok }) => ok,
      () => false,
    );
  await until(isUp, { timeoutMs: 60_000, seen: () => serve.stderr });
  await resetArrives(url);
  serve.process.kill("SIGTERM");
  expect([await serve.ended, serve.stderr]).toEqual([0, ""]);
});

test("what did not fit is written when the reader reads, in order, and then the number of dropped lines", async () => {
  const pipe = openPipe(join(directory, "small"));
  const output = createLogOutput(pipe.writer, (dropped) => `dropped ${dropped}\n`);
  const lines = Array.from({ length: 20_000 }, (_, index) => `${index} ${"x".repeat(100)}\n`);
  for (const line of lines) output.write(line);
  let text = "";
  await until(() => (text += pipe.read()).includes("dropped"));
  const read = text.split(/(?<=\n)/);
  const written = read.slice(0, -1);
  expect(written).toEqual(lines.slice(0, written.length));
  // The buffer holds 1 MiB and each line has a little over 100 bytes.
  expect(written.length).toBeGreaterThan(9_000);
  expect(read.at(-1)).toBe(`dropped ${lines.length - written.length}\n`);

  output.write("the last line\n");
  output.finish();
  expect(pipe.read()).toBe("the last line\n");
  pipe.close();
});

test("a log with a reader that never comes back ends with its process all the same", () => {
  const pipe = openPipe(join(directory, "stuck"));
  const output = createLogOutput(pipe.writer, () => "");
  for (let index = 0; index < 2_000; index += 1) output.write(`${"x".repeat(100)}\n`);
  const startedAt = performance.now();
  output.finish();
  expect(performance.now() - startedAt).toBeLessThan(2_000);
  // What it still holds would be written to the next file or socket with this descriptor.
  while (pipe.read() !== "") output.finish();
  pipe.close();
});

test("R17 an error of the database is logged without the parameters of its query", () => {
  const lines: string[] = [];
  const log = createLog({ write: (line) => lines.push(line) }, "info");
  const cause = Object.assign(new Error("value too long for type character varying(5)"), { code: "22001" });
  const err = new DrizzleQueryError("insert into message values ($1)", ["pam@example.com"], cause);
  expect(err.message).toContain("pam@example.com");
  log.error({ event: "request_failed", err });
  expect(lines.join("")).toContain("value too long");
  expect(lines.join("")).not.toContain("pam@example.com");
});

test("on a terminal a line can be read, and nothing in it steers the terminal", () => {
  const pretty = createPretty(false);
  const lines: string[] = [];
  const log = createLog({ write: (line) => lines.push(pretty(line)) });
  log.level = "info";
  log.info({ event: "request", path: "/a", status: 200 });
  log.warn({ event: "attempt", reply: "451 \u001b[2J\u0007\r250 Ok\u009b2J\u007f" }, "deferred \u001b]0;title\u0007");
  log.error({ event: "failed", err: new Error(String.raw`C:\report \u001b`) });
  const [info, warn, error] = lines;
  expect(info).toMatch(/^\[\d\d:\d\d:\d\d\] INFO: request \{"path":"\/a","status":200\}\n$/);
  expect(warn).toContain("WARN: attempt: deferred");
  expect(error).toContain(String.raw`C:\\report \\u001b`);
  expect(error).toContain("    at ");
  // oxlint-disable-next-line no-control-regex
  for (const line of lines) expect(line).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/);
});
