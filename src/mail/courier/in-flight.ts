/** The messages that this courier holds under its leases, each from its claim until its outcome is recorded. */
import { LANES } from "../kinds.ts";
import type { AttemptTrace } from "./attempt-trace.ts";
import { elapsedMs, type Moment } from "./moment.ts";
import type { Phase as SmtpPhase } from "../../db/states.ts";
import { LEASE_SECONDS } from "../transitions/lease.ts";
import type { LeasedMessage } from "../transitions/queued.ts";

/**
 * - `waiting`: claimed, and waits for a slot.
 * - `sending`: rendered and sent; holds a slot.
 * - `slow`: still being sent, and the SMTP server keeps it waiting. It holds no slot, so that others are sent meanwhile.
 * - `recording`: its outcome is known and is being recorded.
 */
export type InFlightPhase = "waiting" | "sending" | "slow" | "recording";

export interface InFlightMessage extends LeasedMessage {
  readonly abort: AbortController;
  /** When its claim began, `performance.now()`. */
  readonly claimedAt: number;
  /** Null: it is not traced. */
  readonly trace: AttemptTrace | null;
  /** When the lease was last known to be ours. `leases.ts` moves it. */
  renewedAt: Moment;
  /** Only `InFlight` changes it, `handedOver` and `waitsFor`. */
  readonly phase: InFlightPhase;
  /** The server may have the email: only its reply is awaited. */
  readonly handedOver: boolean;
  /** What it waits for at the server, and since when, `performance.now()`; null until it is rendered. */
  readonly waitsFor: { readonly phase: "connect" | "mail" | "reply"; readonly since: number } | null;
  /** What the database knows of that, and whether it is being told, which locks its rows. `leases.ts` moves them. */
  recordedPhase: SmtpPhase | null;
  recordingPhase: boolean;
}

/** A lease older than this without renewal may soon be taken over: nothing is started or handed over under it. */
const STALE_LEASE_MS = (LEASE_SECONDS - 5) * 1_000;

export const isStale = ({ renewedAt }: InFlightMessage): boolean => elapsedMs(renewedAt) > STALE_LEASE_MS;

/**
 * Whether a message may crash this courier at the moment: it waits to be rendered, is rendered, or is handed over. A
 * message that waits for the server is past that moment.
 */
export const isExposed = ({ phase, handedOver }: InFlightMessage): boolean =>
  phase === "waiting" || (phase === "sending" && !handedOver);

export class InFlight {
  readonly #messages = new Set<InFlightMessage>();
  /** The messages that wait, oldest first. */
  readonly #queue: InFlightMessage[] = [];
  readonly #counts: Record<InFlightPhase, number> = { waiting: 0, sending: 0, slow: 0, recording: 0 };
  #exposed = 0;
  #exposedUntil = Number.NEGATIVE_INFINITY;
  #bulk = 0;
  #whenEmpty = Promise.withResolvers<void>();

  get size(): number {
    return this.#messages.size;
  }

  /** How many messages are in each phase. */
  get counts(): Readonly<Record<InFlightPhase, number>> {
    return this.#counts;
  }

  /** How many messages are in the moment in which they may crash this courier: see `isExposed`. */
  get exposed(): number {
    return this.#exposed;
  }

  /** When the last message left that moment, `performance.now()`. */
  get exposedUntil(): number {
    return this.#exposedUntil;
  }

  /** Bulk messages that wait, or are being sent; slow ones count, so that bulk mail does not use up their number. */
  get bulk(): number {
    return this.#bulk;
  }

  [Symbol.iterator](): Iterator<InFlightMessage> {
    return this.#messages.values();
  }

  has(message: InFlightMessage): boolean {
    return this.#messages.has(message);
  }

  /** @param renewedAt when the lease began at the earliest. */
  admit(leased: LeasedMessage, renewedAt: Moment, trace: AttemptTrace | null = null): InFlightMessage {
    const abort = new AbortController();
    const message: InFlightMessage = {
      ...leased,
      abort,
      claimedAt: renewedAt.monotonicMs,
      trace,
      renewedAt,
      phase: "waiting",
      handedOver: false,
      waitsFor: null,
      recordedPhase: null,
      recordingPhase: false,
    };
    this.#messages.add(message);
    this.#queue.push(message);
    this.#counts.waiting += 1;
    this.#exposed += 1;
    if (isBulk(message)) this.#bulk += 1;
    return message;
  }

  /** Moves the message that has waited longest to `sending`. @returns it, or null when none waits. */
  startNext(): InFlightMessage | null {
    const message = this.#queue.shift();
    if (!message) return null;
    this.#change(message, { phase: "sending" });
    return message;
  }

  /** It waits for the server; with `reply`, the server may have the email. */
  waitsFor(message: InFlightMessage, phase: "connect" | "mail" | "reply"): void {
    this.#change(message, { waitsFor: { phase, since: performance.now() }, handedOver: phase === "reply" });
  }

  /** Moves a message from `sending` to `slow`. */
  slow(message: InFlightMessage): void {
    this.#change(message, { phase: "slow" });
  }

  /** Moves a message whose outcome is known to `recording`. */
  recording(message: InFlightMessage): void {
    this.#change(message, { phase: "recording" });
  }

  /** Moves every waiting message to `recording`. @returns them. */
  withdrawWaiting(): readonly InFlightMessage[] {
    const withdrawn = this.#queue.splice(0);
    for (const message of withdrawn) this.recording(message);
    return withdrawn;
  }

  /** The outcome has been recorded, or cannot be. */
  remove(message: InFlightMessage): void {
    this.#counts[message.phase] -= 1;
    this.#messages.delete(message);
    if (this.#messages.size > 0) return;
    this.#whenEmpty.resolve();
    this.#whenEmpty = Promise.withResolvers();
  }

  /** Resolves when nothing is in flight. */
  async empty(): Promise<void> {
    if (this.#messages.size > 0) await this.#whenEmpty.promise;
  }

  #change(message: InFlightMessage, to: Partial<Pick<InFlightMessage, "phase" | "handedOver" | "waitsFor">>): void {
    const wasExposed = isExposed(message);
    this.#counts[message.phase] -= 1;
    Object.assign(message, to);
    this.#counts[message.phase] += 1;
    if (isBulk(message) && to.phase === "recording") this.#bulk -= 1;
    if (wasExposed && !isExposed(message)) {
      this.#exposed -= 1;
      this.#exposedUntil = performance.now();
    }
  }
}

const isBulk = ({ lane }: InFlightMessage): boolean => lane === LANES.bulk;
