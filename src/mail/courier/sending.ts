/** Renders and sends what waits in flight, as slots are free, and says what each outcome means for the breaker. */
import type { Log } from "../../log.ts";
import type { Outcome } from "../outcome.ts";
import type { Breaker } from "./breaker.ts";
import { isStale, type InFlight, type InFlightMessage } from "./in-flight.ts";
import type { PreparedMessage } from "../transitions/queued.ts";
import type { RecentAttempts } from "./recent-attempts.ts";
import { createRefusals, type RefusalsOptions } from "./refusals.ts";
import type { OutgoingMail, Transport } from "./transport.ts";

export interface SendingOptions extends RefusalsOptions {
  readonly log: Log;
  readonly inFlight: InFlight;
  /** Emails that are sent at once, slow ones not counted. */
  readonly pool: number;
  readonly transport: Transport;
  readonly breaker: Breaker;
  readonly recent: RecentAttempts;
  readonly render: (message: PreparedMessage) => Promise<OutgoingMail>;
  /** An outcome is final: it is to be recorded. */
  readonly finish: (message: InFlightMessage, outcome: Outcome) => void;
  /** A slot is free. */
  readonly moved: () => void;
  /** A message waits for the server from now on. */
  readonly waits: (phase: "connect" | "mail" | "reply") => void;
  /** How long a slot was held by a message, in milliseconds. */
  readonly heldSlot: (ms: number) => void;
}

export interface Sending {
  /** Starts what waits, as far as slots are free. */
  start(): void;
  /** What waits for a slot goes back to the queue, for any courier that can send. */
  handBackWaiting(): void;
  /** Hands back what waits, and ends what can be ended early. */
  drain(): void;
}

/**
 * Slow conversations beside those that hold a slot, as a multiple of the pool: with the usual pool and a server that
 * takes 60 s for each email, 25 are in flight, half of what Postfix takes from one client.
 */
const MAX_SLOW_FACTOR = 4;
/** Beyond that one more is begun every so often, so that a server that has come back to life is noticed. */
const CROWDED_MS = 10_000;

export function createSending(options: SendingOptions): Sending {
  const { inFlight, pool, transport, breaker, finish, moved, log } = options;
  const refusals = createRefusals(options);
  /** When a slow conversation last gave up its slot, `performance.now()`. */
  let lastSlowAt = 0;
  /** When the youngest attempt that was accepted had begun, `performance.now()`. */
  let provenAt = 0;

  const start = (): void => {
    while (inFlight.counts.sending < pool) {
      const message = inFlight.startNext();
      if (!message) return;
      void send(message);
    }
  };

  const send = async (message: InFlightMessage): Promise<void> => {
    const startedAt = performance.now();
    const freeSlot = (): void => {
      options.heldSlot(performance.now() - startedAt);
      start();
    };
    const slow = (): void => {
      if (message.phase !== "sending") return;
      // While many wait already, this one keeps its slot for longer.
      const pause = inFlight.counts.slow < pool * MAX_SLOW_FACTOR ? 0 : lastSlowAt + CROWDED_MS - performance.now();
      if (pause > 0) {
        setTimeout(slow, pause);
        return;
      }
      lastSlowAt = performance.now();
      inFlight.slow(message);
      freeSlot();
      moved();
    };
    const outcome = await attempt(message, slow);
    options.recent.note(outcome);
    const heldSlot = message.phase === "sending";
    inFlight.recording(message);
    if (heldSlot) freeSlot();
    const record = (final: Outcome): void => finish(message, final);
    if (outcome.type !== "rejected") {
      noteTransport(message, outcome, startedAt);
      record(outcome);
    } else if (refusals.judge(message, outcome, record) === "relay works") breaker.close();
    else openBreaker(outcome.reply);
    // Once the breaker knows; the next claim need not wait until the outcome is recorded.
    moved();
  };

  const attempt = async (message: InFlightMessage, onSlow: () => void): Promise<Outcome> => {
    if (isStale(message) || message.abort.signal.aborted) return { type: "released" };
    const waitsFor = (phase: "connect" | "mail" | "reply"): void => {
      inFlight.waitsFor(message, phase);
      message.trace?.step(`smtp ${phase}`);
      options.waits(phase);
    };
    message.trace?.step("render");
    try {
      const mail = await options.render(message);
      waitsFor("connect");
      return await transport.send(mail, message.abort.signal, {
        onSlow,
        onOpen: () => waitsFor("mail"),
        onHandOver: () => {
          // The process may have been suspended since: another courier may have sent it.
          if (isStale(message)) return false;
          waitsFor("reply");
          return true;
        },
      });
    } catch (error) {
      log.error({ event: "render_failed", messageId: message.id, err: error }, "could not render an email");
      return { type: "render_error", phase: null, code: null, reply: String(error).slice(0, 200) };
    }
  };

  const noteTransport = (message: InFlightMessage, outcome: Outcome, startedAt: number): void => {
    if (outcome.type === "sent") provenAt = Math.max(provenAt, startedAt);
    // What we broke off ourselves says nothing about the server.
    if (message.abort.signal.aborted) breaker.giveBack();
    // Nor does a connection that was dead while others, begun later, took emails.
    else if (outcome.type === "transport_down" && startedAt < provenAt) breaker.giveBack();
    else if (outcome.type === "transport_down") openBreaker(outcome.reply);
    else if (outcome.type === "released" || outcome.type === "render_error") {
      breaker.giveBack();
    } else {
      if (outcome.type === "sent") refusals.accepted(message, startedAt);
      breaker.close();
    }
  };

  const openBreaker = (reply: string): void => {
    breaker.trip(reply, performance.now(), Math.random());
    handBackWaiting();
  };

  const handBackWaiting = (): void => {
    for (const message of inFlight.withdrawWaiting()) finish(message, { type: "released" });
  };

  return {
    start,
    handBackWaiting,
    drain() {
      handBackWaiting();
      refusals.flush();
      transport.drain();
    },
  };
}
