/** The settings of a dundie under test. */
import { readConfig, type Config, type Environment } from "../../src/config.ts";

/** What must be set beside `DATABASE_URL` and `SMTP_URL`, a port that the system chooses, and no limits. */
export const SETTINGS = {
  PORT: "0",
  MAIL_FROM: "Dundie <no-reply@dm.com>",
  PUBLIC_URL: "http://localhost:8000",
  SECRET_KEY: "of the tests: a key that is long and no secret",
  RATE_LIMIT: "off",
} as const;

/** @param environment has the last word. */
export const testConfig = (environment: Environment): Config => readConfig({ ...SETTINGS, ...environment }, null);
