/** The mail engine on real parts: a database of its own, the real thread, a scripted SMTP server. No HTTP. */
import { createKeyring } from "../../src/accounts/keyring.ts";
import type { Deps } from "../../src/accounts/deps.ts";
import type { RequestContext } from "../../src/accounts/caller.ts";
import { createLoginThrottle } from "../../src/accounts/login-throttle.ts";
import { createPasswordHasher } from "../../src/accounts/passwords.ts";
import { createUser } from "../../src/accounts/users.ts";
import { readConfig, type Config } from "../../src/config.ts";
import { openDatabase, openSql, type Sql } from "../../src/db/client.ts";
import { log } from "../../src/log.ts";
import { findMessage, listMessages, type MessageTimeline } from "../../src/mail/operations/messages.ts";
import { createCourier, type Courier } from "../../src/mail/courier/handle.ts";
import { createOutbox } from "../../src/mail/outbox.ts";
import { testDatabase } from "./database.ts";
import { startScriptedSmtp, type ScriptedSmtp } from "./smtp.ts";
import { until } from "./waiting.ts";

export interface Engine {
  readonly config: Config;
  readonly databaseUrl: string;
  readonly deps: Deps;
  readonly sql: Sql;
  readonly smtp: ScriptedSmtp;
  /** Starts one more courier thread. */
  startCourier(module?: URL): Courier;
  /** Accounts without a password and without mail, `person0@example.com` … */
  people(count: number): Promise<{ email: string; username: string }[]>;
  /** Asks for a reset, as the route does. */
  requestReset(email: string): Promise<void>;
  /** The newest timeline whose recipient this is. */
  timelineOf(email: string): Promise<MessageTimeline>;
  /** Polls the database until `condition` holds. */
  until(condition: () => Promise<boolean>, timeoutMs?: number): Promise<void>;
  stop(): Promise<void>;
}

export const CONTEXT: RequestContext = {
  client: { ip: "192.0.2.7", browser: "Firefox" },
  locale: "en",
  requestId: null,
};

export async function startEngine(environment: Record<string, string> = {}): Promise<Engine> {
  const database = await testDatabase();
  const smtp = await startScriptedSmtp();
  const config = readConfig(
    {
      DATABASE_URL: database.url,
      SMTP_URL: smtp.url,
      MAIL_FROM: "Dundie <no-reply@dm.com>",
      PUBLIC_URL: "http://localhost:8000",
      SECRET_KEY: "engine tests: a key that is long and no secret",
      ...environment,
    },
    null,
  );
  const sql = openSql(database.url, { max: 3, name: "test engine" });
  const db = openDatabase(database.url, { max: 4, name: "test engine" });
  const couriers: Courier[] = [];
  const outbox = createOutbox(
    sql,
    (accepted) => {
      for (const courier of couriers) courier.nudge(accepted);
    },
    log,
  );
  const deps: Deps = {
    config,
    db,
    outbox,
    keyring: createKeyring(config),
    hasher: await createPasswordHasher(),
    throttle: createLoginThrottle(db, config),
    log,
  };

  return {
    config,
    databaseUrl: database.url,
    deps,
    sql,
    smtp,
    startCourier(module) {
      const courier = createCourier({ config, log, module });
      courier.start({ databaseUrl: database.url, smtpUrl: smtp.url });
      couriers.push(courier);
      return courier;
    },
    async people(count) {
      const made = [];
      for (let index = 0; index < count; index += 1) {
        const email = `person${index}@example.com`;
        const input = { name: `Person ${index}`, email, dept: "sales" };
        const { username } = await createUser(deps, null, input, CONTEXT, { quiet: true });
        made.push({ email, username });
      }
      return made;
    },
    requestReset: (email) => outbox.accept({ kind: "password_reset", email, ...CONTEXT }),
    async timelineOf(email) {
      const { items } = await listMessages(db, { recipient: email }, { limit: 1 });
      if (!items[0]) throw new Error(`No message to ${email}.`);
      return await findMessage(db, items[0].id);
    },
    async until(condition, timeoutMs = 15_000) {
      await until(condition, { timeoutMs });
    },
    async stop() {
      await Promise.all(couriers.map((courier) => courier.drain(2_000)));
      await sql.end({ timeout: 1 });
      await db.close();
      await smtp.close();
      await database.drop();
    },
  };
}
