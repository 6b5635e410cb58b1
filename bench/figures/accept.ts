/** What a request for a reset costs its client, while the courier of the same process sends. */
import { SHARES } from "../statistics.ts";
import type { Figure } from "../figure.ts";
import type { Plot } from "../plot.ts";
import { bareCommit, bareRoute, betterAuth, chapter, dundie, loaded, WITHOUT_PYTHON, type Target } from "../targets.ts";
import type { Ground } from "../ground.ts";

const DUNDIE = "dundie";
const OFF = "dundie, COURIER=off";
const CHAPTER = "the chapter's design";
const NO_OP = "FastAPI's no-op";
const BARE_ROUTE = "a bare Elysia route";
const BARE_COMMIT = "a bare group commit";

export const accept: Figure = {
  name: "accept",
  title: "accept: 32 connections, distinct known addresses, courier draining",
  async prepare(ground) {
    const peers = [await chapter(ground), await betterAuth(ground)];
    return prepared(
      ground,
      [await dundie(ground, DUNDIE), ...peers],
      [
        { what: "accepted per second, over the chapter's design", ...over("req/s", DUNDIE, CHAPTER), atLeast: 12 },
        { what: "p99 of accept, over the chapter's design", ...over("p99 ms", DUNDIE, CHAPTER), atMost: 1 / 8 },
        {
          what: "accepted per second, over better-auth",
          ...over("req/s", DUNDIE, "better-auth"),
          atLeast: 1,
          onlySaid: "no target",
        },
      ],
    );
  },
};

export const acceptOff: Figure = {
  name: "accept-off",
  title: "accept with the courier elsewhere (COURIER=off)",
  async prepare(ground) {
    const targets = [await dundie(ground, OFF, { COURIER: "off" }), await chapter(ground, "/no-op/", NO_OP)];
    return prepared(
      ground,
      [...targets, await bareRoute(ground), await bareCommit(ground)],
      [
        { what: "accepted per second, over FastAPI's no-op", ...over("req/s", OFF, NO_OP), atLeast: 1.2 },
        { what: "accepted per second, over a bare group commit", ...over("req/s", OFF, BARE_COMMIT), atLeast: 0.85 },
        {
          what: "server CPU a request, over a bare Elysia route",
          ...over("server µs CPU/req", OFF, BARE_ROUTE),
          atMost: 2,
        },
        {
          what: "PostgreSQL CPU a request, over a bare row with one index",
          ...over("postgres µs CPU/req", OFF, BARE_COMMIT),
          atMost: 1.5,
        },
        {
          what: "CPU a request of server and PostgreSQL, over a bare group commit",
          ...over("µs CPU/req", OFF, BARE_COMMIT),
          atMost: 1 / 0.85,
          onlySaid: "what the accepted per second follow from",
        },
      ],
    );
  },
};

const SLOW_SMTP_MS = 3_000;

/** The chapter's complaint: three seconds. */
export const slowSmtp: Figure = {
  name: "slow-smtp",
  title: "accept while SMTP takes 3 s an email, against an instant one",
  async prepare(ground) {
    const target = await dundie(ground, DUNDIE);
    const latencies = new Map<string, number[][]>();
    const condition = (name: string, delayMs: number) =>
      loaded(
        ground,
        target,
        (report) => latencies.set(name, [...(latencies.get(name) ?? []), [...report.quantiles]]),
        name,
        delayMs,
      );
    const [instant, slow] = ["instant SMTP", "3 s SMTP"] as const;
    return {
      conditions: [condition(instant, 0), condition(slow, SLOW_SMTP_MS)],
      checks: [{ what: "p99 of accept, 3 s SMTP over instant", ...over("p99 ms", slow, instant), atMost: 1.25 }],
      plots: () => [latencyPlot(latencies)],
      close: () => target.close(),
    };
  },
};

const over = (measure: string, ours: string, theirs: string) =>
  ({ ours: [ours, measure], theirs: [theirs, measure] }) as const;

function prepared(
  ground: Ground,
  targets: readonly (Target | null)[],
  checks: Awaited<ReturnType<Figure["prepare"]>>["checks"],
) {
  const present = targets.filter((target) => target !== null);
  return {
    conditions: present.map((target) => loaded(ground, target)),
    checks,
    notes: () => (present.length < targets.length ? [WITHOUT_PYTHON] : []),
    async close() {
      for (const target of present) await target.close();
    },
  };
}

/** Each share's median over the rounds would smooth too much away: every round is a point of its own. */
function latencyPlot(latencies: ReadonlyMap<string, readonly (readonly number[])[]>): Plot {
  return {
    name: "accept-latency",
    title: "How long a request waits for its answer",
    x: { label: "share of the requests that wait longer (%)", log: true },
    y: { label: "milliseconds", log: true },
    series: [...latencies].map(([name, rounds]) => ({
      name,
      points: SHARES.flatMap((share, index) => {
        const values = rounds.map((round) => round[index] ?? 0).toSorted((a, b) => a - b);
        const middle = values[Math.floor(values.length / 2)] ?? 0;
        return share < 100 && share > 0 ? [[100 - share, middle] as const] : [];
      }),
    })),
  };
}
