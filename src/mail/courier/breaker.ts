/**
 * The circuit breaker of one courier: while the SMTP server cannot be used, no email pays for it. One probe at a
 * time, with a pause that grows to a minute; the first sign that the server takes emails closes it.
 */
import type { BreakerPosition } from "../../db/states.ts";

export interface BreakerState {
  readonly breaker: BreakerPosition;
  /** When the next probe is due, in `performance.now()` milliseconds; null when closed. */
  readonly until: number | null;
  readonly lastReply: string | null;
}

export interface Breaker {
  readonly state: BreakerState;
  /** An email is on its way as the probe. */
  probe(): void;
  trip(reply: string, now: number, random: number): void;
  close(): void;
  /** The probe was handed back unsent, or nothing was due: the next may go at once. */
  giveBack(): void;
}

const FIRST_PAUSE_MS = 1_000;
const MAX_PAUSE_MS = 60_000;

export function createBreaker(onChange: (state: BreakerState) => void): Breaker {
  let state: BreakerState = { breaker: "closed", until: null, lastReply: null };
  let pauses = 0;
  const move = (next: BreakerState): void => {
    state = next;
    onChange(state);
  };
  return {
    get state() {
      return state;
    },
    probe: () => {
      if (state.breaker === "open") move({ ...state, breaker: "probing" });
    },
    trip: (reply, now, random) => {
      // Only a probe's failure lengthens the pause: what was in flight beside it failed for the same reason.
      if (state.breaker === "open") return;
      const pause = Math.min(MAX_PAUSE_MS, FIRST_PAUSE_MS * 2 ** Math.min(pauses, 10)) * (0.5 + 0.5 * random);
      pauses += 1;
      move({ breaker: "open", until: now + pause, lastReply: reply });
    },
    close: () => {
      pauses = 0;
      if (state.breaker !== "closed") move({ breaker: "closed", until: null, lastReply: state.lastReply });
    },
    giveBack: () => {
      if (state.breaker === "probing") move({ ...state, breaker: "open" });
    },
  };
}

/** How many more emails the breaker lets through now, of `slots` of which `inFlight` are taken. */
export function allowed({ breaker, until }: BreakerState, slots: number, inFlight: number, now: number): number {
  if (breaker === "closed") return slots - inFlight;
  return breaker === "open" && inFlight === 0 && now >= (until ?? 0) ? 1 : 0;
}
