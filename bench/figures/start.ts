/** From the birth of the process to the first 200 of /health. */
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { startEmbedded } from "../../src/db/embedded.ts";
import { temporaryDirectory } from "../../test/support/database.ts";
import { findFreePort, spawnQuietly } from "../children.ts";
import type { Figure, Sample } from "../figure.ts";
import { median } from "../statistics.ts";
import { SETTINGS } from "../../test/support/settings.ts";

const EMBEDDED = "existing embedded cluster";
const EXTERNAL = "external database";
const POLL_MS = 2;
const TIMEOUT_MS = 30_000;
const CLI = fileURLToPath(new URL("../../src/cli.ts", import.meta.url));

export const start: Figure = {
  name: "start",
  title: "start to first answer",
  async prepare(ground) {
    const database = await ground.createDatabase("dundie");
    const place = await temporaryDirectory();
    // Made by its first start, which is not what is measured: initdb, the migrations, the demo staff, the secrets.
    await (await startEmbedded(place.path)).stop();
    await timeOf({ DATA_DIR: place.path });

    const external = {
      ...SETTINGS,
      DATABASE_URL: database.url,
      SMTP_URL: `smtp://127.0.0.1:${ground.sink.port}`,
      SHUTDOWN_DELAY_SECONDS: "0",
    };
    const leftBehind = Bun.file(join(place.path, "postgres", "data", "postmaster.pid"));
    const condition = (name: string, environment: Record<string, string>) => ({
      name,
      async run(): Promise<Sample> {
        const times: number[] = [];
        for (let turn = 0; turn < ground.plan.startsPerRound; turn += 1) {
          // A server that ran on would be adopted, and its start would not be measured.
          if (await leftBehind.exists()) throw new Error("The embedded PostgreSQL runs before it is started.");
          times.push(await timeOf(environment));
        }
        return { seconds: median(times) };
      },
    });
    return {
      conditions: [condition(EMBEDDED, { DATA_DIR: place.path }), condition(EXTERNAL, external)],
      checks: [
        { what: "start, existing embedded cluster (s)", ours: [EMBEDDED, "seconds"], atMost: 1 },
        { what: "start, external database (s)", ours: [EXTERNAL, "seconds"], atMost: 0.4 },
      ],
      async close() {
        await place.remove();
        await database.drop();
      },
    };
  },
};

/** Seconds. The process is stopped in its own way, so that an embedded cluster need not recover at the next start. */
async function timeOf(environment: Readonly<Record<string, string>>): Promise<number> {
  const port = findFreePort();
  const begun = performance.now();
  const server = spawnQuietly([process.execPath, CLI, "serve"], {
    NODE_ENV: "production",
    PORT: String(port),
    ...environment,
  });
  while (!(await isWell(`http://127.0.0.1:${port}/health`))) {
    if (server.exitCode !== null || performance.now() - begun > TIMEOUT_MS) throw new Error("dundie does not start.");
    await Bun.sleep(POLL_MS);
  }
  const seconds = (performance.now() - begun) / 1_000;
  server.kill("SIGTERM");
  await server.exited;
  return seconds;
}

async function isWell(url: string): Promise<boolean> {
  try {
    const answer = await fetch(url);
    await answer.arrayBuffer();
    return answer.status === 200;
  } catch {
    return false;
  }
}
