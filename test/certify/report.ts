/** The certificate, as people and programs read it. */
import type { Verdict } from "./check.ts";
import type { Scenario } from "./scenario.ts";

export interface Row {
  readonly name: string;
  readonly fault: string;
  readonly seconds: number;
  readonly recoveryLimit: number;
  /** Null: the scenario could not be played to its end. */
  readonly verdict: Verdict | null;
  /** What makes it fail; empty when it holds. */
  readonly failures: readonly string[];
}

/** No more of one sort than this are told: the first say it. */
const TOLD = 5;

export function judge(
  { name, fault }: Scenario,
  recoveryLimit: number,
  seconds: number,
  verdict: Verdict | null,
  broken: readonly string[],
): Row {
  const failures = [...broken.map((sentence) => `does not hold: ${sentence}`)];
  const tell = (what: string, items: readonly string[]): void => {
    failures.push(...items.slice(0, TOLD).map((item) => `${what}: ${item}`));
    if (items.length > TOLD) failures.push(`${what}: and ${items.length - TOLD} more`);
  };
  if (verdict) {
    tell("lost", verdict.lost);
    tell("lied", verdict.lied);
    tell("unexplained copy", verdict.unexplained);
    tell("not identical", verdict.differing);
    tell("dead link", verdict.dead);
    if (verdict.promised === 0) failures.push("nothing was promised, so nothing is shown");
    if ((verdict.worstRecovery ?? 0) > recoveryLimit) failures.push(`recovered later than ${recoveryLimit} s`);
  }
  return { name, fault, seconds, recoveryLimit, verdict, failures };
}

/** Markdown, as it stands in the README. */
export function table(rows: readonly Row[]): string {
  const head = ["fault", "promised", "lost", "duplicated: explained", "unexplained", "worst recovery"];
  const body = rows.map(({ fault, verdict, recoveryLimit }) =>
    verdict
      ? [
          fault,
          ...[verdict.promised, verdict.lost.length, verdict.explained, verdict.unexplained.length].map(amount),
          verdict.worstRecovery === null ? "at once" : `${verdict.worstRecovery.toFixed(1)} s (of ${recoveryLimit})`,
        ]
      : [fault, "–", "–", "–", "–", "–"],
  );
  const widths = head.map((title, column) => Math.max(...[head, ...body].map((row) => row[column]?.length ?? 0)));
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell, column) => (column === 0 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0))).join(" | ")} |`;
  const rule = `|${widths.map((width, column) => (column === 0 ? "-".repeat(width + 2) : `${"-".repeat(width + 1)}:`)).join("|")}|`;
  return [line(head), rule, ...body.map(line)].join("\n");
}

export function summary(rows: readonly Row[]): string {
  const verdicts = rows.flatMap(({ verdict }) => verdict ?? []);
  const total = (of: (verdict: Verdict) => number): string => amount(verdicts.reduce((sum, v) => sum + of(v), 0));
  const ended = verdicts.flatMap((verdict) => Object.entries(verdict.ended));
  const reasons = [...Map.groupBy(ended, ([reason]) => reason)].map(
    ([reason, counts]) => `${amount(counts.reduce((sum, [, count]) => sum + count, 0))} ${reason}`,
  );
  return (
    `${total((v) => v.promised)} promised: ${total((v) => v.mailed)} mailed` +
    `${reasons.length > 0 ? `, ended visibly as provoked: ${reasons.join(", ")}` : ""}, ` +
    `lost ${total((v) => v.lost.length)}. ` +
    `Copies: ${total((v) => v.explained)} explained, each the same letter to the byte, ` +
    `${total((v) => v.unexplained.length)} unexplained.`
  );
}

const amount = (count: number): string => count.toLocaleString("en-US");
