/**
 * What Prometheus scrapes of a process (docs/operations.md lists it). The main thread counts requests here and reads
 * everything else when it is scraped; the courier thread counts emails (`mail/courier/metrics.ts`).
 *
 * Counting costs about 0.7 µs an accepted request, measured with prom-client 15.1.3 on Bun 1.4.5.
 */
import packageJson from "../../package.json" with { type: "json" };
import { Counter, Gauge, Histogram, Registry } from "prom-client";
import type { PasswordHasher } from "../accounts/passwords.ts";
import type { PoolUse } from "../db/client.ts";
import { log } from "../log.ts";
import type { Courier } from "../mail/courier/handle.ts";
import type { MailMonitor } from "../mail/operations/monitor.ts";
import type { Readiness } from "../readiness.ts";
import { addGauge } from "./gauge.ts";
import { addMailGauges } from "./mail-gauges.ts";

export interface Metrics {
  /** The content type that `render` writes. */
  readonly contentType: string;
  /** A request was answered. @param route its pattern; null where nothing is mounted. */
  answered(route: string | null, method: string, status: number, seconds: number): void;
  /** An email was committed for a request that has not logged in. @param seconds from the request to the commit. */
  readonly accepted: (seconds: number) => void;
  /** Called once, when the parts of the process are there: they are read at each scrape. */
  watch(sources: MetricsSources): void;
  render(): Promise<string>;
}

export interface MetricsSources {
  /** Null in a process without an API. */
  readonly hasher: Pick<PasswordHasher, "load"> | null;
  readonly pools: Readonly<Record<string, () => PoolUse>>;
  /** Null: this process has no courier. */
  readonly courier: Pick<Courier, "health" | "metrics"> | null;
  readonly monitor: Pick<MailMonitor, "condition">;
  readonly readiness: Pick<Readiness, "check">;
}

/** An answer takes from under a millisecond to the 15 s of `statement_timeout`; a password hash takes 26 to 42 ms. */
const REQUEST_SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 15];
/** A commit takes 1 to 5 ms on a disk of its own, and is given up after 5 s. */
const ACCEPT_SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5];

/** A database that is locked or away may take 5 s to say so, and a scrape should tell of everything else meanwhile. */
const READY_TIMEOUT_MS = 500;

export function createMetrics(): Metrics {
  const registry = new Registry();
  const registers = [registry];
  const requests = new Counter({
    name: "dundie_http_requests_total",
    help: "Requests that were answered, by the pattern of their route.",
    labelNames: ["method", "route", "status"],
    registers,
  });
  const requestSeconds = new Histogram({
    name: "dundie_http_request_duration_seconds",
    help: "Time from the head of a request to its answer.",
    labelNames: ["route"],
    buckets: REQUEST_SECONDS,
    registers,
  });
  const acceptSeconds = new Histogram({
    name: "dundie_accept_duration_seconds",
    help: "Time that a request waited until its email was committed.",
    buckets: ACCEPT_SECONDS,
    registers,
  });
  addProcess(registry);
  let courier: MetricsSources["courier"] = null;
  let courierPool: PoolUse | null = null;

  return {
    contentType: registry.contentType,
    answered(route, method, status, seconds) {
      // Clients choose the path and the method of what is not mounted: as labels they would have no end.
      if (route === null) requests.inc({ method: "other", route: "none", status });
      else {
        requests.inc({ method, route, status });
        requestSeconds.observe({ route }, seconds);
      }
    },
    accepted: (seconds) => acceptSeconds.observe(seconds),
    watch(sources) {
      ({ courier } = sources);
      addSources(registry, sources, () => courierPool);
      addMailGauges(registry, sources.monitor);
    },
    async render() {
      const ofCourier = await courier?.metrics().catch((error: unknown) => {
        log.debug({ event: "courier_metrics_failed", err: error }, "the courier thread does not answer a scrape");
        return null;
      });
      courierPool = ofCourier?.pool ?? null;
      return (await registry.metrics()) + (ofCourier?.text ?? "");
    },
  };
}

/** What prom-client's own set says of the process, without what Bun does not tell. */
function addProcess(registry: Registry): void {
  const build = new Gauge({
    name: "dundie_build_info",
    help: "1, with the versions as labels.",
    labelNames: ["version", "bun"],
    registers: [registry],
  });
  build.set({ version: packageJson.version, bun: Bun.version }, 1);
  addGauge(registry, {
    name: "process_start_time_seconds",
    help: "Start time of the process, in seconds since 1970.",
    read: () => Math.round(Date.now() / 1_000 - process.uptime()),
  });
  addGauge(registry, {
    name: "process_resident_memory_bytes",
    help: "Resident memory in bytes.",
    read: () => process.memoryUsage.rss(),
  });
  const cpu = new Counter({
    name: "process_cpu_seconds_total",
    help: "User and system CPU time in seconds, of all threads.",
    registers: [],
    collect() {
      const { user, system } = process.cpuUsage();
      this.reset();
      this.inc((user + system) / 1e6);
    },
  });
  registry.registerMetric(cpu);
}

function addSources(registry: Registry, sources: MetricsSources, courierPool: () => PoolUse | null): void {
  const { hasher, pools, courier, readiness } = sources;
  const ofPools = (value: (use: PoolUse) => number): Record<string, number> => {
    const ofCourier = courierPool();
    return {
      ...Object.fromEntries(Object.entries(pools).map(([name, read]) => [name, value(read())])),
      ...(ofCourier ? { courier: value(ofCourier) } : {}),
    };
  };
  addGauge(registry, {
    name: "dundie_database_pool_busy",
    help: "Database connections that run a query or a transaction.",
    label: "pool",
    read: () => ofPools(({ busy }) => busy),
  });
  addGauge(registry, {
    name: "dundie_database_pool_max",
    help: "Database connections that the pool may open.",
    label: "pool",
    read: () => ofPools(({ max }) => max),
  });
  addGauge(registry, {
    name: "dundie_ready",
    help: "1 when GET /health/ready is 200, else 0.",
    read: async () => {
      const late = Bun.sleep(READY_TIMEOUT_MS).then(() => ({ status: "unready" }));
      return (await Promise.race([readiness.check(), late])).status === "unready" ? 0 : 1;
    },
  });
  if (hasher) {
    addGauge(registry, {
      name: "dundie_password_hashes",
      help: "Password hashes that run, and those that wait for a core.",
      label: "state",
      read: () => ({ ...hasher.load() }),
    });
  }
  if (courier) {
    addGauge(registry, {
      name: "dundie_courier_running",
      help: "1 while the courier thread of this process runs, else 0.",
      read: () => (courier.health.state === "running" ? 1 : 0),
    });
    addGauge(registry, {
      name: "dundie_breaker_open",
      help: "1 while the courier of this process cannot use the SMTP server, else 0.",
      read: () => (courier.health.breaker === "closed" ? 0 : 1),
    });
  }
}
