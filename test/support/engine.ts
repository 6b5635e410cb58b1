/** The mail engine on real parts: a database of its own, the real thread, a scripted SMTP server. No HTTP. */
import type { Address } from "../../src/addresses.ts";
import type { Deps } from "../../src/accounts/deps.ts";
import type { RequestContext } from "../../src/accounts/caller.ts";
import { createUser } from "../../src/accounts/users.ts";
import type { Config } from "../../src/config.ts";
import type { Sql } from "../../src/db/client.ts";
import { log } from "../../src/log.ts";
import { findMessage, listMessages, type MessageTimeline } from "../../src/mail/operations/messages.ts";
import { createCourier, type Courier } from "../../src/mail/courier/handle.ts";
import { testDatabase } from "./database.ts";
import { openDeps } from "./dependencies.ts";
import { testConfig } from "./settings.ts";
import { startScriptedSmtp, type ScriptedSmtp } from "./smtp.ts";

export interface Engine extends AsyncDisposable {
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
}

export const CONTEXT: RequestContext = {
  client: { ip: "192.0.2.7", browser: "Firefox" },
  locale: "en",
  requestId: null,
};

export async function startEngine(environment: Record<string, string> = {}): Promise<Engine> {
  await using stack = new AsyncDisposableStack();
  const { url: databaseUrl } = stack.use(await testDatabase());
  const smtp = stack.use(await startScriptedSmtp());
  const config = testConfig({ DATABASE_URL: databaseUrl, SMTP_URL: smtp.url, RATE_LIMIT: "on", ...environment });
  const couriers: Courier[] = [];
  const nudge = (accepted: number): void => couriers.forEach((courier) => courier.nudge(accepted));
  const { deps, sql } = stack.use(await openDeps(config, databaseUrl, { nudge }));
  stack.defer(async () => void (await Promise.all(couriers.map((courier) => courier.drain(2_000)))));
  const steps = stack.move();

  return {
    config,
    databaseUrl,
    deps,
    sql,
    smtp,
    startCourier(module) {
      const courier = createCourier({ config, log, module });
      courier.start({ databaseUrl, smtpUrl: smtp.url });
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
    requestReset: (email) => deps.outbox.accept({ kind: "password_reset", email: email as Address, ...CONTEXT }),
    async timelineOf(email) {
      const { items } = await listMessages(deps.db, { recipient: email }, { limit: 1 });
      if (!items[0]) throw new Error(`No message to ${email}.`);
      return await findMessage(deps.db, items[0].id);
    },
    [Symbol.asyncDispose]: () => steps.disposeAsync(),
  };
}
