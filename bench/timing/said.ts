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

/** @param planted the leak must be seen; of the next request nothing is claimed then. */
export function verdictsOf(name: string, verdict: Verdict, planted: boolean): Said[] {
  const { z, nextZ, known, unknown, nextKnown, nextUnknown } = verdict;
  const words = (z: number, a: number, b: number): string =>
    `|z| ${Math.abs(z).toFixed(2)} (medians ${a.toFixed(3)} and ${b.toFixed(3)} ms)`;
  if (planted) {
    return [
      {
        what: name,
        measured: words(z, known, unknown),
        target: `|z| ≥ ${MAX_Z}`,
        passed: Math.abs(z) >= MAX_Z,
        control: true,
        values: { z, known, unknown },
      },
    ];
  }
  return [
    {
      what: name,
      measured: words(z, known, unknown),
      target: `|z| < ${MAX_Z}`,
      passed: Math.abs(z) < MAX_Z,
      values: { z, known, unknown },
    },
    {
      what: `${name}: the next request`,
      measured: words(nextZ, nextKnown, nextUnknown),
      target: `|z| < ${MAX_Z}`,
      passed: Math.abs(nextZ) < MAX_Z,
      values: { z: nextZ, known: nextKnown, unknown: nextUnknown },
    },
  ];
}
