/** "The first start" of `docs/deploy.md`, as it is printed there, by the executable: the first email arrives. */
import { expect, test } from "bun:test";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startPostgres } from "../postgresql/servers.ts";
import { ROOT, spawnCli } from "../support/process.ts";
import { startScriptedSmtp } from "../support/smtp.ts";
import { buildExecutable } from "./confined.ts";

test("the commands of the first start lead from an empty server to the first superuser and the first email", async () => {
  await using stack = new AsyncDisposableStack();
  const directory = await mkdtemp(join(tmpdir(), "dundie-first-start-"));
  stack.defer(() => rm(directory, { recursive: true }));
  await buildExecutable(join(directory, "dundie"));
  const smtp = stack.use(await startScriptedSmtp());
  const server = stack.use(await startPostgres());

  const page = await Bun.file(join(ROOT, "docs/deploy.md")).text();
  const section = page.slice(page.indexOf("## The first start"), page.indexOf("## With systemd"));
  const blocks = [...section.matchAll(/```(?:sql|sh)\n(.*?)```/gs)].map(([, block = ""]) => block);
  const [statements = "", environment = "", commands = ""] = blocks;
  expect(blocks).toHaveLength(3);

  await server.administer(async (sql) => {
    for (const statement of statements.split(";\n").filter((text) => text.trim() !== "")) await sql.unsafe(statement);
  });

  const replace = (text: string, from: string, to: string): string => {
    expect(text).toContain(from);
    return text.replace(from, to);
  };
  const here = replace(environment, "@127.0.0.1/", `@127.0.0.1:${server.port}/`);
  const script = [
    "set -e",
    replace(here, "smtps://user:password@smtp.example.com", smtp.url),
    replace(commands, "dundie serve", "exec dundie serve"),
  ].join("\n");
  const path = `${directory}:${process.env["PATH"] ?? ""}`;
  await using shell = spawnCli([script], {
    program: ["/bin/sh", "-c"],
    cwd: directory,
    env: { PATH: path, PORT: "0", SHUTDOWN_DELAY_SECONDS: "0" },
    stdin: "a lighthouse in the fog",
  });
  await Promise.race([
    smtp.until(({ accepted }) => accepted().some(({ recipient }) => recipient === "ann@example.com"), 60_000),
    shell.ended.then((code) => Promise.reject(new Error(`ended with ${code}: ${shell.stdout}${shell.stderr}`))),
  ]);
  expect(shell.stdout).toContain("created ann-example\n");
  const accounts = await server.administer((sql) => sql`select username, superuser from dundie."user"`, "dundie");
  expect([...accounts]).toEqual([{ username: "ann-example", superuser: true }]);
  shell.process.kill("SIGTERM");
  expect(await shell.ended).toBe(0);
}, 120_000);
