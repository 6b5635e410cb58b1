/** The figures, as people read them. Pure. */
import type { Judged, Samples } from "./figure.ts";
import { median } from "./statistics.ts";

/** The medians of every condition, and what was judged of them. */
export function section(title: string, samples: Samples, judged: readonly Judged[], notes: readonly string[]): string {
  const rounds = Math.max(0, ...[...samples.values()].map((list) => list.length));
  return [
    `\n## ${title}\n`,
    `Medians of ${rounds} interleaved rounds (lowest – highest):`,
    ...[...samples].map(([name, list]) => conditionLines(name, list)),
    "",
    table(
      ["figure", "measured", "of", "against", "target", "verdict"],
      judged.map((one) => [
        one.what,
        one.value === null ? "–" : `${number(one.value)}${one.theirs === null ? "" : " ×"}`,
        one.ours === null ? "–" : number(one.ours),
        one.theirs === null ? "–" : number(one.theirs),
        one.target,
        one.verdict === "said" ? `not judged: ${one.why}` : one.verdict,
      ]),
    ),
    ...notes.map((note) => `\n${note}`),
  ].join("\n");
}

function conditionLines(name: string, samples: readonly Record<string, number>[]): string {
  const measures = Object.keys(samples[0] ?? {});
  const said = measures.map((measure) => {
    const values = samples.flatMap((sample) => sample[measure] ?? []);
    return `${measure} ${number(median(values))} (${number(Math.min(...values))} – ${number(Math.max(...values))})`;
  });
  return `- ${name}: ${said.join("; ")}`;
}

export function table(head: readonly string[], body: readonly (readonly string[])[]): string {
  const widths = head.map((title, column) => Math.max(title.length, ...body.map((row) => row[column]?.length ?? 0)));
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(" | ")} |`;
  return [line(head), `|${widths.map((width) => "-".repeat(width + 2)).join("|")}|`, ...body.map(line)].join("\n");
}

/** Three significant digits are more than a shared machine can keep. */
export const number = (value: number): string =>
  Math.abs(value) >= 1_000 ? Math.round(value).toLocaleString("en-US") : String(Number(value.toPrecision(3)));
