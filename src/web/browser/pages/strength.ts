/**
 * From 1 (too easy to guess) to 4 (strong), by the number of characters that those before them do not give away: runs
 * ("aaaa", "1234", "fedc") and pairs that were there already ("abcabc") do not count. A hint, not a rule.
 */
export function strengthOf(password: string): 1 | 2 | 3 | 4 {
  const points = [...password].map((character) => character.codePointAt(0) ?? 0);
  const pairs = new Set<string>();
  let surprises = 0;
  for (const [at, point] of points.entries()) {
    const [last = Number.NaN, secondLast = Number.NaN] = [points[at - 1], points[at - 2]];
    const step = point - last;
    const isRun = Math.abs(step) <= 1 && step === last - secondLast;
    const pair = `${last} ${point}`;
    if (!isRun && !pairs.has(pair)) surprises += 1;
    pairs.add(pair);
  }
  return surprises < 8 ? 1 : surprises < 12 ? 2 : surprises < 18 ? 3 : 4;
}
