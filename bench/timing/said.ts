/** What a measurement says, and whether it may be so. */
import type { Pairs, Verdict } from "./pairs.ts";

export type Options = Pick<Pairs, "pairs" | "seed" | "gapMs">;

export interface Said {
  readonly what: string;
  readonly measured: string;
  readonly target: string;
  readonly passed: boolean;
  /** It must see what was planted; while it does not, the others show nothing. */
  readonly control?: true;
  readonly values: Readonly<Record<string, number>>;
}

/** One in 370 comparisons of equals goes beyond it by chance. */
const MAX_Z = 3;

/** Where a difference was planted: in the time of the request, or of the next one. */
export type Planted = "first" | "next";

/** @param planted the difference must be seen; of the other request nothing is claimed then. */
export function verdictsOf(name: string, verdict: Verdict, planted?: Planted): Said[] {
  const { z, nextZ, known, unknown, nextKnown, nextUnknown } = verdict;
  const say = (what: string, z: number, known: number, unknown: number): Said => ({
    what,
    measured: `|z| ${Math.abs(z).toFixed(2)} (medians ${known.toFixed(3)} and ${unknown.toFixed(3)} ms)`,
    target: planted ? `|z| ≥ ${MAX_Z}` : `|z| < ${MAX_Z}`,
    passed: planted ? Math.abs(z) >= MAX_Z : Math.abs(z) < MAX_Z,
    ...(planted ? { control: true } : {}),
    values: { z, known, unknown },
  });
  const first = say(name, z, known, unknown);
  const next = say(`${name}: the next request`, nextZ, nextKnown, nextUnknown);
  if (planted) return [planted === "first" ? first : next];
  return [first, next];
}
