/** `dundie serve` and `dundie worker`: processes that run until they are told to stop. */
import { resolve } from "node:path";
import { demoPasswordWorks } from "../accounts/seed.ts";
import type { Config } from "../config.ts";
import { killServers } from "../db/embedded-server.ts";
import { log, writeBesideLog } from "../log.ts";
import { serve, work, type Running, type RunningWorker, type ServeOptions } from "../main.ts";
import { defineCommand, write, type Action } from "./command.ts";
import { loadConfig } from "./connected.ts";
import { listenForStop, StopRequested, type StopRequests } from "./stop-signals.ts";

export const serveCommand = defineCommand({
  name: "serve",
  synopsis: "",
  summary: "Run the API and, unless COURIER=off, a courier that sends its email.",
  read: () => untilStopped(serve),
});

export const workerCommand = defineCommand({
  name: "worker",
  synopsis: "",
  summary: "Run a courier alone, beside any number of others.",
  read: () => untilStopped(work),
});

/** What a process may take to stop when a part that it needs is gone. */
const BROKEN_STOP_MS = 5_000;

const untilStopped =
  (start: (config: Config, options: ServeOptions) => Promise<Running | RunningWorker>): Action =>
  async (env) => {
    const requests = listenForStop();
    const forced = requests.forced.then(async (why) => {
      log.warn({ event: "forced", why }, "stopped at once: the emails being sent are reclaimed when their lease ends");
      await killServers();
      return 1;
    });
    const crashed = crash().then(async (error) => {
      log.fatal({ event: "crashed", err: error });
      await killServers();
      return 1;
    });
    return await Promise.race([forced, crashed, run(await loadConfig(env), start, requests)]);
  };

/** Resolves with an error that nothing caught: the state of this process is unknown then. */
const crash = (): Promise<unknown> =>
  new Promise((resolve) => {
    process.on("uncaughtException", resolve);
    process.on("unhandledRejection", resolve);
  });

async function run(
  config: Config,
  start: (config: Config, options: ServeOptions) => Promise<Running | RunningWorker>,
  { signal }: StopRequests,
): Promise<number> {
  const stopRequested = new Promise<void>((resolve) =>
    signal.addEventListener("abort", () => resolve(), { once: true }),
  );
  let running: Running | RunningWorker;
  try {
    running = await start(config, { signal });
  } catch (error) {
    if (!(error instanceof StopRequested)) throw error;
    log.info({ event: "stopped", why: error.message }, "before the start was finished");
    return 0;
  }
  log.info({ event: running.url ? "listening" : "working", url: running.url });
  warnAbout(config);
  writeBesideLog(await banner(running));

  const broken = await Promise.race([running.broken, stopRequested.then(() => null)]);
  if (broken !== null) {
    await Promise.race([running.stop(), Bun.sleep(BROKEN_STOP_MS)]);
    await killServers();
    write(2, `${broken}\n`);
    return 1;
  }
  const why = signal.reason instanceof Error ? signal.reason.message : "";
  log.info({ event: "stopping", why });
  // A person who presses Ctrl-C has no load balancer that must notice first.
  if (running.url !== null && why === "SIGTERM") await refuseRequests(running);
  await running.stop();
  log.info({ event: "stopped" });
  return 0;
}

/** Load balancers see by `/health/ready` that this process is about to stop, while it still answers. */
async function refuseRequests({ readiness, deps: { config }, broken }: Running): Promise<void> {
  readiness.refuse();
  await Promise.race([Bun.sleep(config.shutdownDelaySeconds * 1_000), broken]);
}

/** What a configuration may say on purpose, and what it then does not protect from. */
function warnAbout({ rateLimit, trustProxy }: Config): void {
  if (!rateLimit) log.warn({ event: "rate_limit_off" }, "RATE_LIMIT=off: clients and logins are not limited");
  if (trustProxy.some(({ prefix }) => prefix === 0)) {
    log.warn({ event: "trust_proxy_all" }, "TRUST_PROXY trusts every peer: any client can choose its own address");
  }
}

/** The one place where a password is printed: of the demo staff, in development, while it is theirs. */
async function banner(running: Running | RunningWorker): Promise<string> {
  if (running.url === null) return "";
  const { url, deps } = running;
  const { config } = deps;
  if (config.databaseUrl !== null) return "";
  const inbox = config.smtpUrl === "inbox" ? `  Inbox     ${url}/inbox\n` : "";
  const password = (await demoPasswordWorks(deps))
    ? config.demoPassword
    : "(changed since the demo accounts were made)";
  return `
  dundie is up (pid ${process.pid}), on an embedded PostgreSQL in ${resolve(config.dataDir)}.

  API       ${url}/docs
  Outbox    ${url}/outbox
${inbox}  Log in    mscott@dm.com (a superuser), dschrute@dm.com, jhalpert@dm.com, pbeesly@dm.com, amartin@dm.com
  Password  ${password}

  Try it:
  curl -X POST -H 'Content-Type: application/json' --data-raw '{"email": "mscott@dm.com"}' ${url}/user/pwd_reset_token/

  Ctrl-C stops it, and leaves nothing running.

`;
}
