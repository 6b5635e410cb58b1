/** A whole dundie in this process, API and courier thread, on a given database and a scripted SMTP server. */
import { createUser } from "../../src/accounts/users.ts";
import { readConfig, type Environment } from "../../src/config.ts";
import { serve, type Running } from "../../src/main.ts";
import { startScriptedSmtp, type ScriptedSmtp } from "./smtp.ts";

export interface Dundie extends AsyncDisposable {
  readonly running: Running;
  readonly smtp: ScriptedSmtp;
  readonly url: string;
  /** Makes an account without a password. */
  addPerson(name: string): Promise<string>;
  /** Asks for a password reset. @returns the answer. */
  requestReset(email: string): Promise<Response>;
  /** Resolves when an email to this address was accepted by the SMTP server. */
  received(email: string, timeoutMs?: number): Promise<void>;
  health(): Promise<{ status: number; body: Record<string, unknown> }>;
}

export async function startDundie(databaseUrl: string, environment: Environment = {}): Promise<Dundie> {
  const smtp = await startScriptedSmtp();
  try {
    const config = readConfig(
      {
        DATABASE_URL: databaseUrl,
        PORT: "0",
        SMTP_URL: smtp.url,
        MAIL_FROM: "Dundie <no-reply@dm.com>",
        PUBLIC_URL: "http://localhost:8000",
        SECRET_KEY: "tests of the database: a key that is long and no secret",
        RATE_LIMIT: "off",
        ...environment,
      },
      null,
    );
    const running = await serve(config);
    const url = running.url ?? "";
    return {
      running,
      smtp,
      url,
      async addPerson(name) {
        const email = `${name.toLowerCase().replaceAll(" ", ".")}@example.com`;
        const context = { client: { ip: null, browser: null }, locale: "en", requestId: null } as const;
        await createUser(running.deps, null, { name, email, dept: "sales" }, context, { quiet: true });
        return email;
      },
      requestReset: (email) =>
        fetch(`${url}/user/pwd_reset_token/`, {
          method: "POST",
          headers: { "content-type": "application/json" },
          body: JSON.stringify({ email }),
        }),
      received: (email, timeoutMs = 15_000) =>
        smtp.until(({ accepted }) => accepted().some(({ recipient }) => recipient === email), timeoutMs),
      async health() {
        const answer = await fetch(`${url}/health`);
        return { status: answer.status, body: (await answer.json()) as Record<string, unknown> };
      },
      async [Symbol.asyncDispose]() {
        await running.stop();
        await smtp.close();
      },
    };
  } catch (error) {
    await smtp.close();
    throw error;
  }
}
