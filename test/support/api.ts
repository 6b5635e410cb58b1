/** The real API over HTTP without a courier: `deliver` sends its email, to nowhere, when the test wants it sent. */
import type { Deps } from "../../src/accounts/deps.ts";
import { deriveToken } from "../../src/accounts/one-time-tokens.ts";
import { seedDemoStaff } from "../../src/accounts/seed.ts";
import { createApp } from "../../src/app.ts";
import type { Environment } from "../../src/config.ts";
import type { Sql } from "../../src/db/client.ts";
import { factsOf, type RouteFacts } from "../../src/http/operation.ts";
import { createLog } from "../../src/log.ts";
import { KINDS, type Kind, type KindName } from "../../src/mail/kinds.ts";
import { readStats } from "../../src/mail/operations/stats.ts";
import { createReadiness } from "../../src/readiness.ts";
import { loadAssets } from "../../src/web/assets.ts";
import { testCourier } from "./claims.ts";
import { createClient, PASSWORD, type Client } from "./client.ts";
import { staffedDatabase } from "./database.ts";
import { openDeps } from "./dependencies.ts";
import { testConfig } from "./settings.ts";

export { PASSWORD, type Answer, type Call, type Tokens } from "./client.ts";

/** An email as the courier would have sent it. */
export interface Delivered {
  readonly kind: KindName;
  readonly to: string;
  /** What its link carries. */
  readonly token: string | null;
  readonly props: Record<string, string> | null;
}

export interface TestApi extends Client, AsyncDisposable {
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
  /** Sends every queued email, to nowhere. @returns those that would be in a mailbox, oldest first. */
  deliver(): Promise<Delivered[]>;
}

/** @param environment with `DATABASE_URL`: beside another one, on its database. */
export async function startApi(environment: Environment = {}): Promise<TestApi> {
  await using stack = new AsyncDisposableStack();
  const given = environment["DATABASE_URL"];
  const databaseUrl = given || stack.use(await staffedDatabase()).url;
  const config = testConfig({ DATABASE_URL: databaseUrl, SMTP_URL: "smtp://127.0.0.1:1", ...environment });
  const logLines: string[] = [];
  // Lines of every level at any LOG_LEVEL, because tests look for what must not be logged.
  const log = createLog({ write: (line) => logLines.push(line) }, "trace");
  const statements: string[] = [];
  const onStatement = (statement: string): void => void statements.push(statement);
  const { deps, sql } = stack.use(await openDeps(config, databaseUrl, { log, onStatement }));
  if (given) await seedDemoStaff(deps, PASSWORD);
  // Nothing but what the use cases ask is to be in `statements`.
  const monitor = { degraded: [], stats: () => readStats(deps.db) };
  const readiness = createReadiness({ db: deps.db, database: deps.outbox.database, courier: null, monitor });
  const assets = await loadAssets(config.brand);
  const absent = { courier: null, metrics: null, tracer: null, examine: async () => [], pages: [] };
  const app = createApp({ ...deps, ...absent, monitor, readiness, assets });
  app.listen({ hostname: "127.0.0.1", port: 0 });
  stack.defer(async () => void (await app.stop(true)));
  const url = `http://127.0.0.1:${app.server!.port}`;
  const steps = stack.move();
  return {
    ...createClient(url),
    url,
    databaseUrl,
    deps,
    routes: app.routes.map(({ method, path }) => `${method} ${path}`),
    facts: new Map(app.routes.map(({ method, path, hooks }) => [`${method} ${path}`, factsOf(hooks.detail)!])),
    sql,
    logLines,
    statements,
    async deliver() {
      const delivered = await testCourier({ config, sql }).drain({ ordinary: 100, bulk: 100 });
      return delivered
        .toSorted((a, b) => a.ordinal - b.ordinal)
        .map(({ id, kind, recipient, props }) => {
          const { link }: Kind = KINDS[kind];
          return { kind, to: recipient, token: link && deriveToken(deps.keyring.current, link.purpose, id), props };
        });
    },
    [Symbol.asyncDispose]: () => steps.disposeAsync(),
  };
}

/** Runs `work` once: after the next password has been compared, and before anything follows from that. */
export function whileComparing({ deps }: TestApi, work: () => Promise<unknown>): void {
  const { verify } = deps.hasher;
  Object.assign(deps.hasher, {
    verify: async (...call: Parameters<typeof verify>) => {
      const matches = await verify(...call);
      Object.assign(deps.hasher, { verify });
      await work();
      return matches;
    },
  });
}
