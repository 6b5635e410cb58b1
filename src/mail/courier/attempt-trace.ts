/** One attempt as spans: what it waited for, in the trace of the request that the message came from. */
import type { Span, Tracer } from "../../tracing/tracer.ts";
import type { Outcome } from "../outcome.ts";
import type { LeasedMessage } from "../transitions/queued.ts";

/** The steps follow one another: the start of one is the end of the one before. */
export type AttemptStep = "wait for a slot" | "render" | "smtp connect" | "smtp mail" | "smtp reply" | "record";

export interface AttemptTrace {
  step(name: AttemptStep): void;
  /** The attempt's outcome is known, and is being recorded from now on. */
  outcome(outcome: Outcome): void;
  end(): void;
}

/** Null for a message that no traced request asked for. */
export function traceAttempt(tracer: Tracer, message: LeasedMessage): AttemptTrace | null {
  const { id, kind, lane, tries, traceparent } = message;
  if (traceparent === null) return null;
  const attempt = tracer.begin(`send ${kind}`, {
    kind: "consumer",
    parent: traceparent,
    attributes: { "dundie.message.id": id, "dundie.message.kind": kind, "dundie.lane": lane, "dundie.tries": tries },
  });
  let current: Span | null = null;
  let fault: string | undefined;
  const step = (name: AttemptStep): void => {
    current?.end();
    current = tracer.begin(name, {
      kind: name.startsWith("smtp") ? "client" : "internal",
      parent: attempt.traceparent,
    });
  };
  step("wait for a slot");
  return {
    step,
    outcome(outcome) {
      const { type } = outcome;
      attempt.set({ "dundie.outcome": type });
      // The words stay in the outbox: many servers repeat the recipient's address in them.
      if (outcome.type !== "released" && outcome.code !== null) attempt.set({ "smtp.reply.code": outcome.code });
      if (type !== "sent" && type !== "released") fault = type;
      current?.end(fault);
      current = null;
      step("record");
    },
    end() {
      current?.end();
      attempt.end(fault);
    },
  };
}
