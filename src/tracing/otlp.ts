/**
 * Spans by the OpenTelemetry SDK, sent as OTLP/HTTP with JSON. Each thread has a tracer of its own; what connects their
 * spans is the `traceparent` that the message carries.
 *
 * The exporter reads OTEL_EXPORTER_OTLP_HEADERS and the resource OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES.
 */
import { hostname } from "node:os";
import { threadId } from "node:worker_threads";
import { diag, DiagLogLevel, ROOT_CONTEXT, SpanKind, SpanStatusCode, trace } from "@opentelemetry/api";
import { parseTraceParent } from "@opentelemetry/core";
import { OTLPTraceExporter } from "@opentelemetry/exporter-trace-otlp-http";
import { detectResources, envDetector, resourceFromAttributes } from "@opentelemetry/resources";
import {
  BatchSpanProcessor,
  ParentBasedSampler,
  TraceIdRatioBasedSampler,
  TracerProvider,
} from "@opentelemetry/sdk-trace";
import packageJson from "../../package.json" with { type: "json" };
import { log } from "../log.ts";
import type { Span, Tracer, TracingConfig } from "./tracer.ts";

const KINDS = {
  server: SpanKind.SERVER,
  producer: SpanKind.PRODUCER,
  consumer: SpanKind.CONSUMER,
  client: SpanKind.CLIENT,
  internal: SpanKind.INTERNAL,
} as const;

/** How long spans are collected before they are sent together. */
const BATCH_MS = 1_000;
const EXPORT_TIMEOUT_MS = 5_000;
const CLOSE_TIMEOUT_MS = 2_000;
/** A collector that is away fails every batch. */
const WARN_EVERY_MS = 60_000;

export function createOtlpTracer({ endpoint, share }: TracingConfig & { readonly endpoint: string }): Tracer {
  warnOfFailedExports();
  const provider = new TracerProvider({
    resource: resourceFromAttributes({
      "service.name": "dundie",
      "service.version": packageJson.version,
      "host.name": hostname(),
      "process.pid": process.pid,
      "thread.id": threadId,
    }).merge(detectResources({ detectors: [envDetector] })),
    sampler: new ParentBasedSampler({ root: new TraceIdRatioBasedSampler(share) }),
    spanProcessors: [
      new BatchSpanProcessor({
        exporter: new OTLPTraceExporter({ url: `${endpoint}/v1/traces`, timeoutMillis: EXPORT_TIMEOUT_MS }),
        scheduledDelayMillis: BATCH_MS,
        exportTimeoutMillis: EXPORT_TIMEOUT_MS,
      }),
    ],
  });
  const tracer = provider.getTracer("dundie", packageJson.version);

  return {
    begin(name, { kind, parent, attributes = {} }) {
      const remote = parent === null ? null : parseTraceParent(parent);
      const context = remote ? trace.setSpanContext(ROOT_CONTEXT, { ...remote, isRemote: true }) : ROOT_CONTEXT;
      return wrap(tracer.startSpan(name, { kind: KINDS[kind], attributes: { ...attributes } }, context));
    },
    async close() {
      await Promise.race([provider.shutdown().catch(() => {}), Bun.sleep(CLOSE_TIMEOUT_MS)]);
    },
  };
}

function wrap(span: ReturnType<ReturnType<TracerProvider["getTracer"]>["startSpan"]>): Span {
  const { traceId, spanId, traceFlags } = span.spanContext();
  return {
    traceparent: `00-${traceId}-${spanId}-${traceFlags.toString(16).padStart(2, "0")}`,
    rename: (name) => void span.updateName(name),
    set: (attributes) => void span.setAttributes({ ...attributes }),
    end(fault) {
      if (fault !== undefined) span.setStatus({ code: SpanStatusCode.ERROR, message: fault });
      span.end();
    },
  };
}

/** The SDK says by its own logger alone that spans could not be sent. */
function warnOfFailedExports(): void {
  let warnedAt = Number.NEGATIVE_INFINITY;
  const warn = (words: string): void => {
    if (performance.now() - warnedAt < WARN_EVERY_MS) return;
    warnedAt = performance.now();
    log.warn({ event: "trace_export_failed", reason: words.slice(0, 200) }, "spans cannot be sent to the collector");
  };
  const ignore = (): void => {};
  diag.setLogger(
    { error: warn, warn, info: ignore, debug: ignore, verbose: ignore },
    { logLevel: DiagLogLevel.WARN, suppressOverrideMessage: true },
  );
}
