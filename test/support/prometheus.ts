/** Debian's Prometheus, scraping what a test tells it to. */
import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePort } from "./ports.ts";
import { until } from "./waiting.ts";

export interface PrometheusOptions {
  /** Ports on loopback, by the name of their job. */
  readonly jobs: Readonly<Record<string, number>>;
  /** The text of a file of rules. */
  readonly rules: string;
  readonly scrapeSeconds: number;
}

export interface Prometheus extends AsyncDisposable {
  /** Alerts that fire, as `Name job`. */
  firing(): Promise<string[]>;
}

/** @returns false where Prometheus is not installed, after saying so: `describe.skipIf(!hasPrometheus())`. */
export function hasPrometheus(): boolean {
  const there = existsSync("/usr/bin/prometheus") && existsSync("/usr/bin/promtool");
  if (!there) console.error("SKIPPED: the tests with Prometheus need Debian's package prometheus.");
  return there;
}

export async function startPrometheus({ jobs, rules, scrapeSeconds }: PrometheusOptions): Promise<Prometheus> {
  const directory = await mkdtemp(join(tmpdir(), "dundie-prometheus-"));
  const port = freePort();
  await Bun.write(join(directory, "rules.yml"), rules);
  await Bun.write(
    join(directory, "prometheus.yml"),
    JSON.stringify({
      global: { scrape_interval: `${scrapeSeconds}s`, evaluation_interval: `${scrapeSeconds}s` },
      rule_files: [join(directory, "rules.yml")],
      scrape_configs: Object.entries(jobs).map(([name, target]) => ({
        job_name: name,
        // A scrape may not take longer than its interval.
        scrape_timeout: `${scrapeSeconds}s`,
        static_configs: [{ targets: [`127.0.0.1:${target}`] }],
      })),
    }),
  );
  const server = Bun.spawn(
    [
      "/usr/bin/prometheus",
      `--config.file=${join(directory, "prometheus.yml")}`,
      `--storage.tsdb.path=${join(directory, "data")}`,
      `--web.listen-address=127.0.0.1:${port}`,
      "--log.level=error",
    ],
    { stdout: "ignore", stderr: "inherit" },
  );
  const url = `http://127.0.0.1:${port}`;
  await until(async () => (await fetch(`${url}/-/ready`).catch(() => null))?.ok);
  return {
    async firing() {
      const { data } = (await (await fetch(`${url}/api/v1/alerts`)).json()) as {
        data: { alerts: { state: string; labels: Record<string, string> }[] };
      };
      return data.alerts
        .filter(({ state }) => state === "firing")
        .map(({ labels }) => `${labels["alertname"]} ${labels["job"]}`);
    },
    async [Symbol.asyncDispose]() {
      server.kill();
      await server.exited;
      await rm(directory, { recursive: true });
    },
  };
}
