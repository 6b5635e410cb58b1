/** The certificate as a table for readers, and as rows for programs. */
import type { Verdict } from "./check.ts";
import { OTHERS_WAIT_SECONDS, type Scenario } from "./scenario.ts";

export interface Row {
  readonly name: string;
  readonly fault: string;
  readonly seconds: number;
  readonly recoveryLimit: number;
  /** In seconds; null where the fault takes away what every message needs. */
  readonly othersLimit: number | null;
  /** Null when the scenario did not run to its end. */
  readonly verdict: Verdict | null;
  /** What makes the row fail; empty when every promise was kept. */
  readonly failures: readonly string[];
  /** What this machine lacks to run the scenario; null when it ran. */
  readonly skipped: string | null;
}

/** At most this many failures of one kind are printed. */
const PRINTED = 5;

export function judge(
  { name, fault, takesAway }: Scenario,
  recoveryLimit: number,
  seconds: number,
  verdict: Verdict | null,
  violations: readonly string[],
): Row {
  const othersLimit = takesAway ? null : OTHERS_WAIT_SECONDS;
  const failures = violations.map((sentence) => `does not hold: ${sentence}`);
  const add = (what: string, items: readonly string[]): void => {
    failures.push(...items.slice(0, PRINTED).map((item) => `${what}: ${item}`));
    if (items.length > PRINTED) failures.push(`${what}: and ${items.length - PRINTED} more`);
  };
  if (verdict) {
    add("lost", verdict.lost);
    add("false record", verdict.falseRecords);
    add("unexplained copy", verdict.unexplained);
    add("not identical", verdict.differing);
    add("expired link", verdict.expiredLinks);
    if (verdict.promised === 0) failures.push("no request was answered 200, so the scenario shows nothing");
    if ((verdict.worstRecovery ?? 0) > recoveryLimit) {
      failures.push(`recovery took ${verdict.worstRecovery?.toFixed(1)} s, and may take ${recoveryLimit} s`);
    }
    if (othersLimit !== null && (verdict.othersWaited ?? 0) > othersLimit) {
      failures.push(`others waited ${verdict.othersWaited?.toFixed(1)} s, and may wait ${othersLimit} s`);
    }
  }
  return { name, fault, seconds, recoveryLimit, othersLimit, verdict, failures, skipped: null };
}

/** The first columns are text and are aligned to the left. The others are figures. */
const TEXT_COLUMNS = 2;

/** Markdown, as it stands in `docs/certificate.md`. */
export function table(rows: readonly Row[]): string {
  const head = ["name", "fault", "promised", "lost", "copies: explained", "unexplained", "recovery", "others waited"];
  const body = rows.map(({ name, fault, verdict, recoveryLimit, othersLimit, skipped }) =>
    verdict
      ? [
          `\`${name}\``,
          fault,
          ...[verdict.promised, verdict.lost.length, verdict.explained, verdict.unexplained.length].map(formatCount),
          verdict.worstRecovery === null ? "at once" : `${verdict.worstRecovery.toFixed(1)} s (of ${recoveryLimit})`,
          verdict.othersWaited === null
            ? "–"
            : `${verdict.othersWaited.toFixed(1)} s${othersLimit === null ? "" : ` (of ${othersLimit})`}`,
        ]
      : [`\`${name}\``, fault, skipped === null ? "–" : "skipped", ...Array.from({ length: 5 }, () => "–")],
  );
  const widths = head.map((title, column) => Math.max(...[head, ...body].map((row) => row[column]?.length ?? 0)));
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell, column) => (column < TEXT_COLUMNS ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0))).join(" | ")} |`;
  const rule = `|${widths.map((width, column) => (column < TEXT_COLUMNS ? "-".repeat(width + 2) : `${"-".repeat(width + 1)}:`)).join("|")}|`;
  return [line(head), rule, ...body.map(line)].join("\n");
}

export function summary(rows: readonly Row[]): string {
  const verdicts = rows.flatMap(({ verdict }) => verdict ?? []);
  const total = (of: (verdict: Verdict) => number): string => formatCount(verdicts.reduce((sum, v) => sum + of(v), 0));
  const ended = verdicts.flatMap((verdict) => Object.entries(verdict.ended));
  const reasons = [...Map.groupBy(ended, ([reason]) => reason)].map(
    ([reason, counts]) => `${formatCount(counts.reduce((sum, [, count]) => sum + count, 0))} ${reason}`,
  );
  return (
    `${total((v) => v.promised)} promised: ${total((v) => v.mailed)} mailed` +
    `${reasons.length > 0 ? `, ended visibly as the scenario expects: ${reasons.join(", ")}` : ""}, ` +
    `lost ${total((v) => v.lost.length)}. ` +
    `Copies: ${total((v) => v.explained)} explained, each identical to the first, ` +
    `${total((v) => v.unexplained.length)} unexplained.`
  );
}

const formatCount = (count: number): string => count.toLocaleString("en-US");
