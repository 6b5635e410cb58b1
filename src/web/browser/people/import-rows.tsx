/** What will happen to each row of a file. */
import { useState } from "react";
import type { ImportReport } from "./api.ts";
import { count, w } from "./words.tsx";

type Outcome = "created" | "skipped" | "refused";

interface Row {
  readonly line: number;
  readonly outcome: Outcome;
  readonly email: string;
  readonly words: string;
  readonly superuser: boolean;
}

/** A table of thousands of rows makes a page slow. */
const STEP = 100;

export function ImportRows({ report }: { readonly report: ImportReport }) {
  const rows = rowsOf(report);
  const [shown, setShown] = useState<Outcome | "all">(report.problems.length > 0 ? "refused" : "all");
  const [limit, setLimit] = useState(STEP);
  const chosen = shown === "all" ? rows : rows.filter(({ outcome }) => outcome === shown);
  const numbers = {
    all: rows.length,
    created: report.created,
    skipped: report.skipped,
    refused: report.problems.length,
  };
  return (
    <>
      <div className="import-counts" role="group" aria-label={w.rowsTitle}>
        {(["all", "created", "skipped", "refused"] as const).map((name) => (
          <button
            key={name}
            type="button"
            className={name === shown ? "button chip" : "button"}
            aria-pressed={name === shown}
            onClick={() => {
              setShown(name);
              setLimit(STEP);
            }}
          >
            {w.counts[name](count(numbers[name]))}
          </button>
        ))}
      </div>
      {report.ignored_columns.length > 0 && (
        <p className="quiet small">{w.ignored(report.ignored_columns.join(", "))}</p>
      )}
      {report.created === 0 && <p>{w.nothingToCreate}</p>}
      {chosen.length > 0 && (
        <div className="scroller" tabIndex={0} role="group" aria-label={w.rowsTitle}>
          <table className="plain import-rows">
            <thead>
              <tr>
                <th scope="col" className="number">
                  {w.line}
                </th>
                <th scope="col">{w.outcome}</th>
                {shown !== "refused" && (
                  <th scope="col" className="from-tablet">
                    {w.email}
                  </th>
                )}
              </tr>
            </thead>
            <tbody>
              {chosen.slice(0, limit).map((row) => (
                <tr key={row.line}>
                  <th scope="row" className="number">
                    {count(row.line)}
                  </th>
                  <td className={row.outcome === "refused" ? "problem" : ""} dir="auto">
                    {row.words} {row.superuser && <span className="tag">{w.superuser}</span>}
                  </td>
                  {shown !== "refused" && (
                    <td className="recipient from-tablet" dir="auto">
                      {row.email}
                    </td>
                  )}
                </tr>
              ))}
            </tbody>
          </table>
          {chosen.length > limit && (
            <button type="button" className="button more" onClick={() => setLimit(limit + STEP)}>
              {w.more(count(Math.min(STEP, chosen.length - limit)))}
            </button>
          )}
        </div>
      )}
    </>
  );
}

/** In the order of the file. */
function rowsOf({ problems, rows }: ImportReport): Row[] {
  const refused = problems.map(({ line, reason, problem }) => {
    const words = w.refusals[reason] ?? problem;
    return { line, outcome: "refused" as const, email: "", words, superuser: false };
  });
  const others = rows.map(({ line, email, username, superuser }) => {
    if (username === null) return { line, outcome: "skipped" as const, email, words: w.willSkip, superuser: false };
    return { line, outcome: "created" as const, email, words: w.willCreate(username), superuser };
  });
  return [...refused, ...others].toSorted((a, b) => a.line - b.line);
}
