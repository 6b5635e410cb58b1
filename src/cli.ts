/** `bun run dundie …`: thin over the same use cases as the API. */
import { dataDirectory, isEmbedded, readConfig, type Config, type Environment } from "./config.ts";
import { mailCommand, MAIL_USAGE } from "./cli/mail.ts";
import { userCommand, USER_USAGE } from "./cli/users.ts";
import { connectEmbedded } from "./db/embedded.ts";
import { prepareDatabase } from "./db/prepare.ts";
import { ConfigError, DomainError } from "./errors.ts";
import { watchLauncher } from "./launcher.ts";
import { log } from "./log.ts";
import { serve, withDeps, work, type Running } from "./main.ts";
import { loadSecrets } from "./secrets.ts";

const USAGE = `Usage: bun run dundie <command>

  serve                     run the API and, unless COURIER=off, a courier
  worker                    run a courier alone, beside any number of others
  migrate                   bring the database to this version's schema
${USER_USAGE}
${MAIL_USAGE}`;

/** sysexits.h: the command was called wrongly. */
const EXIT_USAGE = 64;

async function main(args: readonly string[], env: Environment): Promise<number> {
  const [command, ...rest] = args;
  switch (command) {
    case "serve":
      return await runUntilStopped(env, serve, banner);
    case "worker":
      return await runUntilStopped(env, work, () => "");
    case "migrate": {
      const config = await loadConfig(env);
      const url = config.databaseUrl ?? (await connectEmbedded(config.dataDir));
      await prepareDatabase(url, { schema: config.databaseSchema, migrate: true });
      return 0;
    }
    case "create-user":
    case "disable-user":
    case "import-users":
      return await withDeps(await loadConfig(env), (deps) => userCommand(deps, command, rest));
    case "mail":
      return await withDeps(await loadConfig(env), (deps) => mailCommand(deps, rest));
    case "help":
    case "--help":
      process.stdout.write(USAGE);
      return 0;
    default:
      process.stderr.write(USAGE);
      return EXIT_USAGE;
  }
}

async function loadConfig(env: Environment): Promise<Config> {
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

async function runUntilStopped(
  env: Environment,
  start: (config: Config) => Promise<Running>,
  greeting: (config: Config, url: string | null) => string,
): Promise<number> {
  const config = await loadConfig(env);
  const { promise: exitCode, resolve: exit } = Promise.withResolvers<number>();
  // Before anything is started: a signal that comes early finds somebody to hear it.
  const stopped = Promise.withResolvers<string>();
  let asked = false;
  const stop = (why: string): void => {
    if (asked) {
      log.warn({ event: "forced", why }, "stopped at once: what was on the wire is found again by its lease");
      process.exit(1);
    }
    asked = true;
    stopped.resolve(why);
  };
  process.on("SIGINT", () => stop("SIGINT"));
  process.on("SIGTERM", () => stop("SIGTERM"));
  watchLauncher(() => stop("its launcher is gone"));

  const running = await start(config);
  log.info({ event: running.url ? "listening" : "working", url: running.url, pid: process.pid });
  if (!config.rateLimit)
    log.warn({ event: "rate_limit_off" }, "RATE_LIMIT=off: anybody may try anything as often as they like");
  process.stdout.write(greeting(config, running.url));
  void stopped.promise.then(async (why) => {
    log.info({ event: "stopping", why });
    await running.stop();
    log.info({ event: "stopped" });
    exit(0);
  });
  return await exitCode;
}

/** The one place where a password is printed: of the demo staff, in development. */
function banner(config: Config, url: string | null): string {
  if (config.databaseUrl !== null || url === null) return "";
  const inbox = config.smtpUrl === "inbox" ? `  Inbox     ${url}/inbox\n` : "";
  return `
  dundie is up (pid ${process.pid}), on an embedded PostgreSQL in ${config.dataDir}.

  API       ${url}/docs
  Outbox    ${url}/outbox
${inbox}  Log in    mscott@dm.com (a superuser), dschrute@dm.com, jhalpert@dm.com, pbeesly@dm.com, amartin@dm.com
  Password  ${config.demoPassword}

  Try it:
  curl -X POST -H 'Content-Type: application/json' --data-raw '{"email": "mscott@dm.com"}' ${url}/user/pwd_reset_token/

  Ctrl-C stops it, and leaves nothing running.

`;
}

main(process.argv.slice(2), process.env).then(
  (code) => process.exit(code),
  (error: unknown) => {
    if (error instanceof ConfigError || error instanceof DomainError) process.stderr.write(`${error.message}\n`);
    else log.fatal({ event: "start_failed", err: error });
    process.exit(1);
  },
);
