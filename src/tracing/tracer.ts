/** Traces as the rest of dundie sees them. Nothing of OpenTelemetry is loaded while they are off (`otlp.ts`). */

export interface TracingConfig {
  /** Where spans go, as OTLP over HTTP; null: there are none. */
  readonly endpoint: string | null;
  /** The share of traces that begin here and are kept, from 0 to 1. A caller that sends `traceparent` decides itself. */
  readonly share: number;
}

export type Attributes = Readonly<Record<string, string | number>>;

export interface SpanOptions {
  readonly kind: "server" | "producer" | "consumer" | "client" | "internal";
  /** The `traceparent` (W3C Trace Context §3.2) that it continues; null or a malformed one begins a new trace. */
  readonly parent: string | null;
  readonly attributes?: Attributes;
}

export interface Span {
  /** What the next process continues. */
  readonly traceparent: string;
  rename(name: string): void;
  set(attributes: Attributes): void;
  /** @param fault in words; it marks the span as failed. */
  end(fault?: string): void;
}

export interface Tracer {
  begin(name: string, options: SpanOptions): Span;
  /** Sends what has ended; gives up after 2 s. */
  close(): Promise<void>;
}

export async function openTracer(config: TracingConfig): Promise<Tracer | null> {
  if (config.endpoint === null) return null;
  const { createOtlpTracer } = await import("./otlp.ts");
  return createOtlpTracer({ ...config, endpoint: config.endpoint });
}
