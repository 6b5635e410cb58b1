/**
 * A point in time by both clocks of this machine. The monotonic one stands still while the machine is suspended, and
 * the wall clock may be set: what must not last too long is measured by the one that moved further.
 */
export interface Moment {
  /** `performance.now()` */
  readonly monotonicMs: number;
  /** `Date.now()` */
  readonly wallMs: number;
}

export const thisMoment = (): Moment => ({ monotonicMs: performance.now(), wallMs: Date.now() });

/** Milliseconds from one moment to another, by the clock that moved further. */
export const elapsedMs = (from: Moment, to: Moment = thisMoment()): number =>
  Math.max(to.monotonicMs - from.monotonicMs, to.wallMs - from.wallMs);
