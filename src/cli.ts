/** `bun run dundie …`: thin over the same use cases as the API. */
import { dataDirectory, isEmbedded, readConfig, type Config, type Environment } from "./config.ts";
import { ConfigError, DomainError } from "./errors.ts";
import { watchLauncher } from "./launcher.ts";
import { log } from "./log.ts";
import { serve } from "./main.ts";
import { loadSecrets } from "./secrets.ts";

const USAGE = `Usage: bun run dundie <command>

  serve      run the API and its courier (the default of "bun start")
`;

async function main(args: readonly string[], env: Environment): Promise<void> {
  switch (args[0]) {
    case "serve":
      return await runServe(await loadConfig(env));
    default:
      process.stderr.write(USAGE);
      process.exitCode = args.length === 0 ? 0 : 2;
  }
}

async function loadConfig(env: Environment): Promise<Config> {
  return readConfig(env, isEmbedded(env) ? await loadSecrets(dataDirectory(env)) : null);
}

async function runServe(config: Config): Promise<void> {
  let stopping = false;
  const running = await serve(config);
  const stop = (why: string): void => {
    if (stopping) {
      log.warn({ event: "forced", why }, "stopped at once: what was on the wire is found again by its lease");
      process.exit(1);
    }
    stopping = true;
    log.info({ event: "stopping", why });
    void running.stop().then(() => {
      log.info({ event: "stopped" });
      process.exit(0);
    });
  };
  process.on("SIGINT", () => stop("SIGINT"));
  process.on("SIGTERM", () => stop("SIGTERM"));
  watchLauncher(() => stop("its launcher is gone"));
  log.info({ event: "listening", url: running.url, pid: process.pid });
  if (config.databaseUrl === null) process.stdout.write(banner(config, running.url));
}

/** The one place where a password is printed: of the demo staff, in development. */
function banner(config: Config, url: string): string {
  const inbox = config.smtpUrl === "inbox" ? `  Inbox     ${url}/inbox\n` : "";
  return `
  dundie is up (pid ${process.pid}), on an embedded PostgreSQL in ${config.dataDir}.

  API       ${url}/docs
${inbox}  Log in    mscott@dm.com (a superuser), dschrute@dm.com, jhalpert@dm.com, pbeesly@dm.com, amartin@dm.com
  Password  ${config.demoPassword}

  Try it:
  curl -X POST -H 'Content-Type: application/json' --data-raw '{"email": "mscott@dm.com"}' ${url}/user/pwd_reset_token/

  Ctrl-C stops it, and leaves nothing running.

`;
}

main(process.argv.slice(2), process.env).catch((error: unknown) => {
  if (error instanceof ConfigError || error instanceof DomainError) process.stderr.write(`${error.message}\n`);
  else log.fatal({ event: "start_failed", err: error });
  process.exit(1);
});
