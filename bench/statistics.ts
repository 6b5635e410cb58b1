/** What the figures are read by. Pure. */

/** @throws {RangeError} for an empty sample. */
export function median(values: readonly number[]): number {
  return percentile(values, 50);
}

/**
 * Interpolated between the two nearest ranks.
 * @param share 0 to 100.
 * @throws {RangeError} for an empty sample.
 */
export function percentile(values: readonly number[], share: number): number {
  const sorted = Float64Array.from(values).toSorted();
  const rank = ((sorted.length - 1) * share) / 100;
  const low = sorted[Math.floor(rank)];
  const high = sorted[Math.ceil(rank)];
  if (low === undefined || high === undefined) throw new RangeError("There is no percentile of an empty sample.");
  return low + (high - low) * (rank - Math.floor(rank));
}

/** The shares of a distribution that a plot shows: dense where the tail is. */
export const SHARES = [0, 1, 5, 10, 25, 50, 75, 90, 95, 98, 99, 99.5, 99.9, 99.99, 100] as const;

export const quantiles = (values: readonly number[]): number[] => SHARES.map((share) => percentile(values, share));

/**
 * Mann-Whitney's U as a standard normal deviate, with the correction for ties: 0 when neither sample tends to be
 * larger, positive when `a` does. Good from about 20 values a side.
 */
export function mannWhitneyZ(a: readonly number[], b: readonly number[]): number {
  const pooled = [...a.map((value) => ({ value, ofA: true })), ...b.map((value) => ({ value, ofA: false }))].toSorted(
    (x, y) => x.value - y.value,
  );
  const total = pooled.length;
  let rankSum = 0;
  let ties = 0;
  for (let from = 0; from < total;) {
    let to = from;
    while (to < total && pooled[to]?.value === pooled[from]?.value) to += 1;
    const tied = to - from;
    const rank = (from + 1 + to) / 2;
    rankSum += rank * pooled.slice(from, to).filter(({ ofA }) => ofA).length;
    ties += tied ** 3 - tied;
    from = to;
  }
  const pairs = a.length * b.length;
  const u = rankSum - (a.length * (a.length + 1)) / 2;
  const variance = (pairs / 12) * (total + 1 - ties / (total * (total - 1)));
  return variance === 0 ? 0 : (u - pairs / 2) / Math.sqrt(variance);
}
