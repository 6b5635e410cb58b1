/** Who watches this courier's attempts. Neither is loaded unless it is configured. */
import type { Config } from "../../config.ts";
import { openTracer, type Tracer } from "../../tracing/tracer.ts";
import type { Outcome } from "../outcome.ts";
import { InFlight, type InFlightMessage } from "./in-flight.ts";
import type { CourierMetrics } from "./metrics.ts";

export interface Observers {
  readonly inFlight: InFlight;
  readonly metrics: CourierMetrics | null;
  readonly tracer: Tracer | null;
}

export const noObservers = (): Observers => ({ inFlight: new InFlight(), metrics: null, tracer: null });

export const wantsObservers = ({ metrics, tracing }: Config): boolean => metrics.counted || tracing.endpoint !== null;

export async function loadObservers(config: Config): Promise<Observers> {
  const inFlight = new InFlight();
  const [metrics, tracer] = await Promise.all([
    config.metrics.counted ? import("./metrics.ts").then((loaded) => loaded.createCourierMetrics(inFlight)) : null,
    openTracer(config.tracing),
  ]);
  return { inFlight, metrics, tracer };
}

/** Tells the metrics what became of an attempt. */
export const countIn =
  (metrics: CourierMetrics) =>
  ({ kind, ageSeconds, claimedAt }: InFlightMessage, outcome: Outcome): void =>
    metrics.attempt(kind, outcome, ageSeconds + (performance.now() - claimedAt) / 1_000);
