import type { Deps } from "../accounts/deps.ts";
import type { RequestContext } from "../accounts/caller.ts";
import { dataDirectory, isEmbedded, readConfig, type Config, type Environment } from "../config.ts";
import { ConfigError } from "../errors.ts";
import { logToStandardError } from "../log.ts";
import { withDeps } from "../main.ts";
import { loadSecrets } from "../secrets.ts";
import type { Action } from "./command.ts";

/** What the audit log has in place of a request when the operator acts at the command line. */
export const OPERATOR: RequestContext = { client: { ip: null, browser: null }, locale: "en", requestId: null };

/** @throws {ConfigError} with the faults of the environment and of `DATA_DIR` together. */
export async function loadConfig(env: Environment): Promise<Config> {
  if (!isEmbedded(env)) return readConfig(env, null);
  const [generated] = await Promise.allSettled([loadSecrets(dataDirectory(env))]);
  if (generated.status === "fulfilled") return readConfig(env, generated.value);
  if (!(generated.reason instanceof ConfigError)) throw generated.reason;
  try {
    readConfig(env, null);
  } catch (error) {
    if (error instanceof ConfigError) throw new ConfigError([...error.problems, ...generated.reason.problems]);
  }
  throw generated.reason;
}

/** A command that works on the database. Its standard output is its result, so the log goes to standard error. */
export const connected =
  (run: (deps: Deps) => Promise<number>): Action =>
  async (env) => {
    logToStandardError();
    return await withDeps(await loadConfig(env), run);
  };
