/** A figure: conditions that are run in interleaved rounds, and what must hold between them. */
import type { Ground } from "./ground.ts";
import type { Plot } from "./plot.ts";
import { number } from "./report.ts";
import { median } from "./statistics.ts";

/** What one run of one condition measured, each with its unit in its name. */
export type Sample = Readonly<Record<string, number>>;

export interface Condition {
  readonly name: string;
  run(round: number): Promise<Sample>;
}

export interface Check {
  readonly what: string;
  /** A condition and one of its measures. */
  readonly ours: readonly [condition: string, measure: string];
  /** Compared as `ours / theirs` within each round; without it `ours` itself is compared. */
  readonly theirs?: readonly [condition: string, measure: string];
  /** The measured value or ratio must be at least, or at most, so much. */
  readonly atLeast?: number;
  readonly atMost?: number;
  /** Why the figure is reported and cannot fail the run. */
  readonly onlySaid?: string;
}

export interface Figure {
  readonly name: string;
  readonly title: string;
  /** It takes so long that it is run only when it is named. @default false */
  readonly onlyByName?: boolean;
  /** Opens what its conditions share. */
  prepare(ground: Ground): Promise<Prepared>;
}

export interface Prepared {
  readonly conditions: readonly Condition[];
  readonly checks: readonly Check[];
  /** @default the plan's */
  readonly rounds?: number;
  plots?(): readonly Plot[];
  /** What the reader must know to read the figure. */
  notes?(): readonly string[];
  close(): Promise<void>;
}

export type Samples = ReadonlyMap<string, readonly Sample[]>;

export interface Judged {
  readonly what: string;
  readonly value: number | null;
  readonly ours: number | null;
  readonly theirs: number | null;
  readonly target: string;
  readonly verdict: "pass" | "miss" | "skipped" | "said";
  readonly why?: string;
}

/** Every condition once a round; each round begins with another, so that none always comes first. */
export async function runRounds(
  conditions: readonly Condition[],
  rounds: number,
  onSample: (condition: string, sample: Sample) => void,
): Promise<Samples> {
  const samples = new Map<string, Sample[]>(conditions.map(({ name }) => [name, []]));
  for (let round = 0; round < rounds; round += 1) {
    for (let turn = 0; turn < conditions.length; turn += 1) {
      const condition = conditions[(round + turn) % conditions.length];
      if (!condition) continue;
      const sample = await condition.run(round);
      samples.get(condition.name)?.push(sample);
      onSample(condition.name, sample);
    }
  }
  return samples;
}

/** The median of a round's ratios, because what a shared machine does to a round it does to both sides. */
export function judge(check: Check, samples: Samples): Judged {
  const { what, atLeast, atMost, onlySaid } = check;
  const ours = valuesOf(samples, check.ours);
  const theirs = check.theirs ? valuesOf(samples, check.theirs) : null;
  const target = `${atLeast === undefined ? "≤" : "≥"} ${number(atLeast ?? atMost ?? Number.NaN)}${theirs ? " ×" : ""}`;
  if (ours.length === 0 || theirs?.length === 0) {
    return { what, value: null, ours: null, theirs: null, target, verdict: "skipped" };
  }
  const values = theirs ? ours.map((value, round) => value / (theirs[round] ?? Number.NaN)) : ours;
  const value = median(values);
  const holds = value >= (atLeast ?? Number.NEGATIVE_INFINITY) && value <= (atMost ?? Number.POSITIVE_INFINITY);
  return {
    ...{ what, value, target },
    ours: median(ours),
    theirs: theirs && median(theirs),
    verdict: onlySaid ? "said" : holds ? "pass" : "miss",
    ...(onlySaid ? { why: onlySaid } : {}),
  };
}

const valuesOf = (samples: Samples, [condition, measure]: readonly [string, string]): number[] =>
  (samples.get(condition) ?? []).flatMap((sample) => sample[measure] ?? []);
