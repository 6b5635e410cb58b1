/** `/health/live` and `/health/ready`: what load balancers and platforms are told, and when. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { openSql, type Sql } from "../src/db/client.ts";
import { createReadiness } from "../src/readiness.ts";
import { testDatabase, type TestDatabase } from "./support/database.ts";
import { startApplication, type Application } from "./support/application.ts";
import { listeningUrl, spawnCli } from "./support/process.ts";
import { startTcpProxy, type TcpProxy } from "./support/tcp-proxy.ts";
import { until } from "./support/waiting.ts";

let database: TestDatabase;
let sql: Sql;
let proxy: TcpProxy;
let dundie: Application;

beforeAll(async () => {
  database = await testDatabase();
  sql = openSql(database.url, { max: 1, name: "test readiness" });
  proxy = await startTcpProxy(database.url);
  dundie = await startApplication({ DATABASE_URL: proxy.through(database.url) });
}, 120_000);

afterAll(async () => {
  await dundie[Symbol.asyncDispose]();
  await sql.end({ timeout: 1 });
  proxy.close();
  await database.drop();
});

interface Ready {
  readonly status: number;
  readonly body: { readonly status: string; readonly reasons: readonly string[] };
}

async function readiness(url = dundie.url): Promise<Ready> {
  const answer = await fetch(`${url}/health/ready`);
  return { status: answer.status, body: (await answer.json()) as Ready["body"] };
}

/** Polls until the answer is as wanted. @throws with the last answer when it is not within a minute. */
async function untilReady(wanted: (ready: Ready) => boolean, url = dundie.url): Promise<Ready> {
  let ready: Ready | undefined;
  const isWanted = async (): Promise<false | Ready> => wanted((ready = await readiness(url))) && ready;
  return await until(isWanted, { timeoutMs: 60_000, everyMs: 50, seen: () => JSON.stringify(ready) });
}

const isReady = ({ status, body }: Ready): boolean => status === 200 && body.status === "ready";

describe("a running server", () => {
  test("is live and ready once its courier has loaded", async () => {
    await untilReady(isReady);
    const live = await fetch(`${dundie.url}/health/live`);
    expect([live.status, await live.json()]).toEqual([200, { status: "live" }]);
    expect(live.headers.get("cache-control")).toBe("no-store");
  }, 90_000);

  test("is degraded and still 200 while mail is paused, and ready again afterwards", async () => {
    await sql`insert into mail_control (paused_at, paused_by) values (now(), 'a test')
      on conflict (singleton) do update set paused_at = now()`;
    const { status } = await untilReady(({ body }) => body.reasons.includes("mail_paused"));
    expect(status).toBe(200);
    await sql`update mail_control set paused_at = null`;
    await untilReady(isReady);
  }, 120_000);

  test("is degraded within a minute when the SMTP server defers everything", async () => {
    await untilReady(isReady);
    dundie.smtp.behave(({ phase }) => (phase === "rcpt" ? { reply: "451 4.3.1 Insufficient system storage" } : null));
    for (let at = 0; at < 5; at += 1) await dundie.requestReset(await dundie.addPerson(`Deferred ${at}`));
    const { status, body } = await untilReady(({ body }) => body.reasons.includes("mail_deferred"));
    expect([status, body.status]).toEqual([200, "degraded"]);
    // Everyone may read it, so it has none of the server's words.
    expect(JSON.stringify(body)).not.toContain("451");
  }, 120_000);

  test("is not ready when the schema lacks a migration of its version, and ready beside a newer one", async () => {
    const hash = "of a later version";
    await sql`insert into schema_migration (hash, made_at) values (${hash}, now())`;
    const newer = await untilReady(({ body }) => body.reasons.includes("schema_newer"));
    expect(newer.status).toBe(200);
    await sql`delete from schema_migration where hash = ${hash}`;

    const [last] = await sql<{ hash: string; made_at: Date }[]>`
      delete from schema_migration where made_at = (select max(made_at) from schema_migration) returning hash, made_at`;
    const outdated = await untilReady(({ status }) => status === 503);
    expect(outdated.body).toEqual({ status: "unready", reasons: ["schema_outdated"] });
    await sql`insert into schema_migration ${sql(last!)}`;
    await untilReady(({ status }) => status === 200);
  }, 120_000);

  test("is not ready while the database is away, and is live all the same", async () => {
    await untilReady(({ status }) => status === 200);
    proxy.setMode("reset");
    proxy.apply("reset");
    const away = await untilReady(({ status }) => status === 503);
    expect(away.body).toEqual({ status: "unready", reasons: ["database_unavailable"] });
    expect((await fetch(`${dundie.url}/health/live`)).status).toBe(200);
    proxy.setMode("forward");
    await untilReady(({ status }) => status === 200);
  }, 120_000);
});

test("a courier that has not loaded keeps a server from being ready, and one that is started again does not", async () => {
  const { db, outbox } = dundie.running.deps;
  const reportIn = async (state: "starting" | "running" | "restarting" | "draining" | "stopped") => {
    const courier = { health: { state, breaker: "closed", lastReply: null } } as const;
    const check = createReadiness({ db, database: outbox.database, courier, monitor: { degraded: [] } }).check;
    const { status, reasons } = await check();
    return [state, status, ...reasons];
  };
  expect(await reportIn("starting")).toEqual(["starting", "unready", "courier_not_loaded"]);
  expect(await reportIn("running")).toEqual(["running", "ready"]);
  expect(await reportIn("restarting")).toEqual(["restarting", "degraded", "courier_restarting"]);
  expect(await reportIn("draining")).toEqual(["draining", "unready", "stopping"]);
  expect(await reportIn("stopped")).toEqual(["stopped", "unready", "stopping"]);
});

/** The head of an answer byte by byte, with the headers of the connection, which fetch hides. Resolves when it closes. */
async function headOf(url: string, path: string): Promise<string> {
  const { hostname, port } = new URL(url);
  const closed = Promise.withResolvers<void>();
  let text = "";
  await Bun.connect({
    hostname,
    port: Number(port),
    socket: {
      open: (socket) => void socket.write(`GET ${path} HTTP/1.1\r\nHost: localhost\r\n\r\n`),
      data: (_, bytes) => void (text += bytes.toString()),
      close: () => closed.resolve(),
    },
  });
  await closed.promise;
  return text.slice(0, text.indexOf("\r\n\r\n") + 2);
}

describe("SIGTERM", () => {
  const start = async (environment: Record<string, string>) => {
    const serve = spawnCli(["serve"], {
      env: {
        DATABASE_URL: database.url,
        SMTP_URL: dundie.smtp.url,
        MAIL_FROM: "Dundie <no-reply@dm.com>",
        PUBLIC_URL: "http://localhost:8000",
        SECRET_KEY: "tests of readiness: a key that is long and no secret",
        PORT: "0",
        ...environment,
      },
    });
    await serve.until(({ stdout }) => listeningUrl(stdout) !== undefined);
    return { serve, url: listeningUrl(serve.stdout) ?? "" };
  };

  test("turns readiness before the port closes, and requests are answered meanwhile", async () => {
    // The delay is far longer than what the test does meanwhile; a second signal ends it.
    const { serve, url } = await start({ SHUTDOWN_DELAY_SECONDS: "60" });
    await using _ = serve;
    await untilReady(({ status }) => status === 200, url);
    serve.process.kill("SIGTERM");
    const stopping = await untilReady(({ status }) => status === 503, url);
    expect(stopping.body).toEqual({ status: "unready", reasons: ["stopping"] });
    const asked = await fetch(`${url}/user/pwd_reset_token/`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ email: "somebody@example.com" }),
    });
    expect([asked.status, (await fetch(`${url}/health/live`)).status]).toEqual([200, 200]);
    // A page is a Response of its own.
    for (const path of ["/health/live", "/reset_password", "/none"]) {
      expect((await headOf(url, path)).toLowerCase()).toContain("\r\nconnection: close\r\n");
    }
  }, 120_000);

  test("closes the port when the delay is over, and SIGINT closes it at once", async () => {
    for (const [signal, delay] of [
      ["SIGTERM", "1"],
      ["SIGINT", "60"],
    ] as const) {
      const { serve, url } = await start({ SHUTDOWN_DELAY_SECONDS: delay });
      await using _ = serve;
      await untilReady(({ status }) => status === 200, url);
      serve.process.kill(signal);
      expect([signal, await serve.ended]).toEqual([signal, 0]);
    }
  }, 120_000);
});
