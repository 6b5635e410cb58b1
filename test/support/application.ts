/** A whole dundie in this process, as `serve` runs it: API, courier thread, and a scripted SMTP server. */
import { createUser } from "../../src/accounts/users.ts";
import type { Environment } from "../../src/config.ts";
import { openSql, type Sql } from "../../src/db/client.ts";
import { serve, type Running } from "../../src/main.ts";
import { createClient, type Client } from "./client.ts";
import { staffedDatabase } from "./database.ts";
import { freePort } from "./ports.ts";
import { testConfig } from "./settings.ts";
import { startScriptedSmtp, type ScriptedSmtp } from "./smtp.ts";
import { until } from "./waiting.ts";

export interface Application extends Client, AsyncDisposable {
  readonly running: Running;
  /** Where it listens, and the beginning of every link in its emails unless `PUBLIC_URL` is set. */
  readonly url: string;
  readonly sql: Sql;
  readonly smtp: ScriptedSmtp;
  /** Makes an account without a password and without mail. @returns its address. */
  addPerson(name: string): Promise<string>;
  /** Asks for a password reset. @returns the answer. */
  requestReset(email: string, headers?: Record<string, string>): Promise<Response>;
  /** Resolves when an email to this address was accepted by the SMTP server. */
  received(email: string, timeoutMs?: number): Promise<void>;
  /** Waits for a link in the development inbox, which `SMTP_URL: "inbox"` makes. @returns that of the newest email. */
  linkTo(email: string): Promise<string>;
}

/**
 * @param environment with `DATABASE_URL`: on that database, as it is. Otherwise on a database of its own that holds the
 * demo staff. `SMTP_URL` takes the place of the scripted SMTP server.
 */
export async function startApplication(environment: Environment = {}): Promise<Application> {
  await using stack = new AsyncDisposableStack();
  const smtp = stack.use(await startScriptedSmtp());
  const given = environment["DATABASE_URL"];
  const databaseUrl = given ?? stack.use(await staffedDatabase()).url;
  // Emails name the port, so it is known before the server listens.
  const port = environment["PORT"] ?? String(freePort());
  const own = { PORT: port, PUBLIC_URL: `http://localhost:${port}`, SMTP_URL: smtp.url };
  const running = await serve(testConfig({ ...own, ...environment, DATABASE_URL: databaseUrl }));
  stack.defer(() => running.stop());
  const sql = openSql(databaseUrl, { max: 2, name: "test application" });
  stack.defer(() => sql.end({ timeout: 1 }));
  const { url } = running;
  const steps = stack.move();
  return {
    ...createClient(url),
    running,
    url,
    sql,
    smtp,
    async addPerson(name) {
      const email = `${name.toLowerCase().replaceAll(" ", ".")}@example.com`;
      const context = { client: { ip: null, browser: null }, locale: "en", requestId: null } as const;
      await createUser(running.deps, null, { name, email, dept: "sales" }, context, { quiet: true });
      return email;
    },
    requestReset: (email, headers = {}) =>
      fetch(`${url}/user/pwd_reset_token/`, {
        method: "POST",
        headers: { "content-type": "application/json", ...headers },
        body: JSON.stringify({ email }),
      }),
    received: (email, timeoutMs = 15_000) =>
      smtp.until(({ accepted }) => accepted().some(({ recipient }) => recipient === email), timeoutMs),
    linkTo: (email) =>
      until(async () => {
        const messages = `${url}/inbox/messages`;
        const listed = await fetch(`${messages}?to=${encodeURIComponent(email)}`);
        const [newest] = (await listed.json()) as { id: string }[];
        if (!newest) return null;
        const { links } = (await (await fetch(`${messages}/${newest.id}`)).json()) as { links: string[] };
        return links.find((link) => link.includes("token=")) ?? null;
      }),
    [Symbol.asyncDispose]: () => steps.disposeAsync(),
  };
}
