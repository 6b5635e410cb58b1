/** What Prometheus learns of this courier's emails. The main thread asks for it at each scrape (`protocol.ts`). */
import { Counter, Histogram, Registry } from "prom-client";
import { addGauge } from "../../metrics/gauge.ts";
import type { KindName } from "../kinds.ts";
import type { Outcome } from "../outcome.ts";
import type { InFlight } from "./in-flight.ts";

export interface CourierMetrics {
  /**
   * An attempt has ended.
   * @param ageSeconds since the message was committed.
   */
  attempt(kind: KindName, outcome: Outcome, ageSeconds: number): void;
  /** In the text format of Prometheus. */
  render(): Promise<string>;
}

/**
 * An idle courier sends within 50 ms; the objectives of the lanes are 30 s, 2 minutes and an hour, and a message is
 * tried for at most 3 days.
 */
const SENT_SECONDS = [0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 900, 3_600, 14_400, 86_400];

export function createCourierMetrics(inFlight: Pick<InFlight, "counts">): CourierMetrics {
  const registry = new Registry();
  const registers = [registry];
  const attempts = new Counter({
    name: "dundie_attempts_total",
    help: "Attempts by what became of them and by the class of the SMTP server's last reply.",
    labelNames: ["kind", "outcome", "reply"],
    registers,
  });
  const bounces = new Counter({
    name: "dundie_bounces_total",
    help: "Messages that the SMTP server refused for good.",
    labelNames: ["kind"],
    registers,
  });
  const sentSeconds = new Histogram({
    name: "dundie_sent_duration_seconds",
    help: "Time from the commit of a message to its acceptance by the SMTP server.",
    labelNames: ["kind"],
    buckets: SENT_SECONDS,
    registers,
  });
  addGauge(registry, {
    name: "dundie_in_flight",
    help: "Messages that this courier holds, by what they wait for.",
    label: "phase",
    read: () => inFlight.counts,
  });
  return {
    attempt(kind, outcome, ageSeconds) {
      attempts.inc({ kind, outcome: outcome.type, reply: replyClassOf(outcome) });
      if (outcome.type === "sent") sentSeconds.observe({ kind }, ageSeconds);
      if (outcome.type === "rejected") bounces.inc({ kind });
    },
    render: () => registry.metrics(),
  };
}

/** The first digit of the reply (RFC 5321 §4.2.1); `none` where no reply came. */
function replyClassOf(outcome: Outcome): "2yz" | "4yz" | "5yz" | "none" {
  const code = outcome.type === "released" ? null : outcome.code;
  if (code === null || code < 200 || code >= 600) return "none";
  if (code < 400) return "2yz";
  return code < 500 ? "4yz" : "5yz";
}
