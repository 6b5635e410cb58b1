/**
 * What the outbox looks like, for every process alike: the database holds it, and each process tells what it saw last.
 * Over several processes take the maximum, never the sum. The monitor looks every few seconds, so a scrape costs no
 * query.
 */
import type { Registry } from "prom-client";
import { DEGRADED_REASONS, type MailCondition } from "../mail/operations/condition.ts";
import type { MailMonitor } from "../mail/operations/monitor.ts";
import { LANES, type Lane } from "../mail/kinds.ts";
import { addGauge, type GaugeOptions } from "./gauge.ts";

export function addMailGauges(registry: Registry, monitor: Pick<MailMonitor, "condition">): void {
  const lanes = Object.keys(LANES) as Lane[];
  const add = (
    options: Omit<GaugeOptions, "read">,
    read: (seen: MailCondition) => Awaited<ReturnType<GaugeOptions["read"]>>,
  ): void =>
    addGauge(registry, { ...options, read: () => (monitor.condition === null ? null : read(monitor.condition)) });

  add(
    { name: "dundie_queue_messages", help: "Messages that are queued or being sent.", label: "lane" },
    ({ unsentByLane }) => unsentByLane,
  );
  add(
    {
      name: "dundie_queue_oldest_seconds",
      help: "Age of the oldest message that is queued or being sent, since it was accepted; 0 without one.",
      label: "lane",
    },
    ({ oldestUnsentSecondsByLane: ages }) => Object.fromEntries(lanes.map((lane) => [lane, ages[lane] ?? 0])),
  );
  add(
    {
      name: "dundie_mail_degraded",
      help: "1 while email does not go out as it should for this reason.",
      label: "reason",
    },
    ({ degraded }) =>
      Object.fromEntries(
        DEGRADED_REASONS.map((name) => [name, degraded.some(({ reason }) => reason === name) ? 1 : 0]),
      ),
  );
  add(
    { name: "dundie_couriers", help: "Couriers that were seen in the last minute." },
    ({ couriers }) => couriers.length,
  );
  add(
    {
      name: "dundie_recent_attempts",
      help: "Attempts of the last five minutes, of all couriers.",
      label: "outcome",
    },
    ({ recentAttempts: { total, deferred } }) => ({ deferred, other: total - deferred }),
  );
}
