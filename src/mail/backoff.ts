import type { Backoff } from "./kinds.ts";

/**
 * Full jitter: a pause drawn evenly from 0 to a bound that doubles with every try. Spreads the emails of an outage
 * over the whole window, so that the server is not met by all at once when it returns.
 * Source: AWS Architecture Blog, "Exponential Backoff And Jitter".
 *
 * @param tries how many counted attempts have ended so far, at least 1.
 * @param random from 0 (inclusive) to 1.
 * @returns seconds, with fractions.
 */
export function backoffSeconds(backoff: Backoff, tries: number, random: number): number {
  const bound = Math.min(backoff.maxSeconds, backoff.firstSeconds * 2 ** Math.min(tries - 1, 30));
  // The pause is at least a tenth of the bound, because a pause near zero would be none.
  return bound * (0.1 + 0.9 * random);
}

/**
 * How many emails a token bucket still allows.
 *
 * @param charges when emails were charged, in seconds, in any order. Those that are to come by more than one refill were
 *   written before the clock was set back, and do not count; the others that are to come count as made now.
 * @returns the level at `now`: an email needs at least 1.
 */
export function bucketLevel(
  limit: { readonly burst: number; readonly refillSeconds: number },
  charges: readonly number[],
  now: number,
): number {
  let level = limit.burst;
  let at = Number.NEGATIVE_INFINITY;
  const past = charges.flatMap((charge) => (charge > now + limit.refillSeconds ? [] : Math.min(charge, now)));
  for (const charge of past.toSorted((a, b) => a - b)) {
    level = Math.min(limit.burst, level + (charge - at) / limit.refillSeconds) - 1;
    at = charge;
  }
  return Math.min(limit.burst, level + (now - at) / limit.refillSeconds);
}
