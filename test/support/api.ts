/** The real app over HTTP, on a database of its own, with a courier that works when it is told to. */
import { drizzle } from "drizzle-orm/postgres-js";
import type { Deps } from "../../src/accounts/deps.ts";
import { createKeyring } from "../../src/accounts/keyring.ts";
import { deriveToken } from "../../src/accounts/one-time-tokens.ts";
import { createLoginThrottle } from "../../src/accounts/login-throttle.ts";
import { createPasswordHasher } from "../../src/accounts/passwords.ts";
import { seedDemoStaff } from "../../src/accounts/seed.ts";
import { createApp } from "../../src/app.ts";
import { readConfig, type Environment } from "../../src/config.ts";
import { openSql, poolUseOf, type Sql } from "../../src/db/client.ts";
import * as schema from "../../src/db/schema.ts";
import { factsOf, type RouteFacts } from "../../src/http/operation.ts";
import { createLog } from "../../src/log.ts";
import { KINDS, type Kind, type KindName } from "../../src/mail/kinds.ts";
import { createClaims } from "../../src/mail/courier/claim.ts";
import { createOutbox } from "../../src/mail/outbox.ts";
import type { LeasedMessage } from "../../src/mail/transitions/queued.ts";
import { settle } from "../../src/mail/transitions/settle.ts";
import { createMailers } from "../../src/mailers/mailers.ts";
import { createReadiness } from "../../src/readiness.ts";
import { loadAssets } from "../../src/web/assets.ts";
import { testDatabase } from "./database.ts";

/** Of the demo staff: michael-scott (a superuser), dwight-schrute, jim-halpert, pam-beesly, angela-martin. */
export const PASSWORD = "four sparrows on a wire";

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  // oxlint-disable-next-line no-explicit-any -- whatever the answer holds is looked at by the test.
  readonly body: any;
}

export interface Call {
  readonly json?: unknown;
  readonly form?: Record<string, string>;
  /** Sent as it is. */
  readonly raw?: string;
  /** Sent as they are, without a type unless `headers` has one. */
  readonly bytes?: Uint8Array<ArrayBuffer>;
  readonly token?: string;
  readonly headers?: Record<string, string>;
}

export interface Tokens {
  readonly access_token: string;
  readonly refresh_token: string;
}

/** An email as the courier would have sent it. */
export interface Delivered {
  readonly kind: KindName;
  readonly to: string;
  /** What its link carries. */
  readonly token: string | null;
  readonly props: Record<string, string> | null;
}

export interface TestApi extends AsyncDisposable {
  readonly url: string;
  readonly databaseUrl: string;
  readonly deps: Deps;
  /** Method and path of everything that is mounted. */
  readonly routes: readonly string[];
  /** What each of them says of itself. */
  readonly facts: ReadonlyMap<string, RouteFacts>;
  readonly sql: Sql;
  /** What was logged, line by line. */
  readonly logLines: readonly string[];
  /** What the use cases asked the database, without its parameters. */
  readonly statements: string[];
  call(method: string, path: string, call?: Call): Promise<Answer>;
  /** @param username or an address. @throws when it is refused. */
  logIn(username: string, password?: string): Promise<Tokens>;
  /** The status of the answer. */
  tryLogIn(username: string, password?: string): Promise<number>;
  /** Sends every queued email, to nowhere. @returns those that would be in a mailbox. */
  deliver(): Promise<Delivered[]>;
}

/** @param environment with `DATABASE_URL`: beside another one, on its database. */
export async function startApi(environment: Environment = {}): Promise<TestApi> {
  const shared = environment["DATABASE_URL"];
  const database = shared ? { url: shared, drop: async () => {} } : await testDatabase();
  const config = readConfig(
    {
      DATABASE_URL: database.url,
      SMTP_URL: "smtp://127.0.0.1:1",
      MAIL_FROM: "Dundie <no-reply@dm.com>",
      PUBLIC_URL: "http://localhost:8000",
      SECRET_KEY: "tests of the api: a key that is long and no secret",
      RATE_LIMIT: "off",
      ...environment,
    },
    null,
  );
  const logLines: string[] = [];
  const log = createLog({ write: (line) => logLines.push(line) });
  const sql = openSql(database.url, { max: 4, name: "test api" });
  const client = openSql(database.url, { max: 8, name: "test api" });
  const statements: string[] = [];
  const logger = { logQuery: (statement: string) => statements.push(statement) };
  const db = {
    orm: drizzle(client, { schema, logger }),
    poolUse: () => poolUseOf(client),
    close: () => client.end({ timeout: 1 }),
  };
  const deps: Deps = {
    config,
    db,
    outbox: createOutbox(sql, () => {}, log),
    keyring: createKeyring(config),
    hasher: await createPasswordHasher(),
    throttle: createLoginThrottle(db, config),
    log,
  };
  await seedDemoStaff(deps, PASSWORD);
  // Nothing but what the use cases ask is to be in `statements`.
  const monitor = { degraded: [] };
  const readiness = createReadiness({ db, database: deps.outbox.database, courier: null, monitor });
  const app = createApp({
    ...deps,
    courier: null,
    monitor,
    readiness,
    metrics: null,
    tracer: null,
    assets: await loadAssets(config.brand),
    pages: [],
  });
  app.listen({ hostname: "127.0.0.1", port: 0 });
  const url = `http://127.0.0.1:${app.server!.port}`;

  const call: TestApi["call"] = async (method, path, { json, form, raw, bytes, token, headers } = {}) => {
    const response = await fetch(url + path, {
      method,
      redirect: "manual",
      headers: {
        ...(json === undefined ? {} : { "content-type": "application/json" }),
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
        ...headers,
      },
      ...(json === undefined ? {} : { body: JSON.stringify(json) }),
      ...(form === undefined ? {} : { body: new URLSearchParams(form) }),
      ...(raw === undefined ? {} : { body: raw }),
      ...(bytes === undefined ? {} : { body: new Blob([bytes]) }),
    });
    const text = await response.text();
    const isJson = response.headers.get("content-type")?.includes("json") ?? false;
    return { status: response.status, headers: response.headers, body: isJson && text ? JSON.parse(text) : text };
  };

  return {
    url,
    databaseUrl: database.url,
    deps,
    routes: app.routes.map(({ method, path }) => `${method} ${path}`),
    facts: new Map(app.routes.map(({ method, path, hooks }) => [`${method} ${path}`, factsOf(hooks.detail)!])),
    sql,
    logLines,
    statements,
    call,
    async logIn(username, password = PASSWORD) {
      const answer = await call("POST", "/token", { form: { username, password } });
      if (answer.status !== 200) throw new Error(`Login of ${username}: ${answer.status} ${answer.body.detail}`);
      return answer.body;
    },
    async tryLogIn(username, password = PASSWORD) {
      return (await call("POST", "/token", { form: { username, password } })).status;
    },
    deliver: () => deliver(deps, sql),
    async [Symbol.asyncDispose]() {
      await app.stop(true);
      await sql.end({ timeout: 1 });
      await db.close();
      await database.drop();
    },
  };
}

/** Runs `work` once: after the next password has been compared, and before anything follows from that. */
export function whileComparing({ deps }: TestApi, work: () => Promise<unknown>): void {
  const { verify } = deps.hasher;
  Object.assign(deps.hasher, {
    verify: async (password: string, hash: string | null) => {
      const matches = await verify(password, hash);
      Object.assign(deps.hasher, { verify });
      await work();
      return matches;
    },
  });
}

/** Claims as the courier does, without its thread, and records each email as sent without SMTP. */
async function deliver({ config, keyring, log }: Deps, sql: Sql): Promise<Delivered[]> {
  const delivered: LeasedMessage[] = [];
  const claims = createClaims({ sql, mailers: createMailers(config), courierId: crypto.randomUUID(), log });
  for (;;) {
    const { batch, progress } = await claims.due({ ordinary: 100, bulk: 100 });
    if (progress === 0) break;
    delivered.push(...batch);
    const outcome = { type: "sent", phase: "reply", code: 250, reply: "250 Ok" } as const;
    await settle(
      sql,
      batch.map((lease) => ({ lease, outcome })),
    );
  }
  return delivered
    .toSorted((a, b) => a.ordinal - b.ordinal)
    .map(({ id, kind, recipient, props }) => {
      const { link }: Kind = KINDS[kind];
      return { kind, to: recipient, token: link && deriveToken(keyring.current, link.purpose, id), props };
    });
}
