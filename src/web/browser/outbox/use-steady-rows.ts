import { useState } from "react";
import type { MessageSummary } from "./api.ts";

export interface Row extends MessageSummary {
  /** It no longer matches the filters: what is shown of it is old. */
  readonly gone?: true;
}

/**
 * Rows that do not move away under the pointer or the focus: while they are held, what is shown changes in place and
 * what is newer is only counted.
 * @param page another page is shown as it is.
 */
export function useSteadyRows(items: readonly MessageSummary[], page: string | null, held: boolean) {
  const [shown, setShown] = useState<{ page: string | null; items: readonly MessageSummary[]; rows: readonly Row[] }>({
    page,
    items,
    rows: items,
  });
  let { rows } = shown;
  if (shown.items !== items || shown.page !== page) {
    rows = held && shown.page === page ? refreshed(shown.rows, items) : items;
    // While rendering, as React has it for state that follows a prop: no frame shows the old rows.
    setShown({ page, items, rows });
  }
  const top = rows[0]?.id ?? "";
  const newer = held ? items.filter((item) => item.id > top).length : 0;
  return { rows, newer, showNewer: () => setShown({ page, items, rows: items }) };
}

function refreshed(rows: readonly Row[], items: readonly MessageSummary[]): Row[] {
  const byId = new Map(items.map((item) => [item.id, item]));
  const last = items.at(-1)?.id ?? "";
  return rows.map((row) => {
    const item = byId.get(row.id);
    // One before the last is only pushed off the page by newer ones.
    return item ?? (row.id > last ? Object.assign({}, row, { gone: true as const }) : row);
  });
}
